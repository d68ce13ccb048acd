import CSpawn
import Glibc

/// The three pipes between the daemon and a child process: its standard input, output and error.
///
/// Every end is close-on-exec, so that no other child inherits it: a child must see the end of its input when the daemon
/// closes it or dies.
struct ChildPipes: Sendable {
    struct Pipe: Sendable {
        let reading: Int32
        let writing: Int32

        /// - Throws: the number of the system's error.
        static func open() throws(SystemCallError) -> Pipe {
            var ends: [Int32] = [-1, -1]
            let code = cspawn_pipe(&ends)
            guard code == 0 else { throw SystemCallError(code) }
            do throws(SystemCallError) {
                let reading = try Pipe.aboveStandard(ends[0])
                ends[0] = reading
                return Pipe(reading: reading, writing: try Pipe.aboveStandard(ends[1]))
            } catch {
                for end in ends { Glibc.close(end) }
                throw error
            }
        }

        /// A daemon that was started without standard streams gets their numbers for its pipes. In the child these are
        /// overwritten, one after the other.
        private static func aboveStandard(_ descriptor: Int32) throws(SystemCallError) -> Int32 {
            guard descriptor <= STDERR_FILENO else { return descriptor }
            let higher = fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
            guard higher >= 0 else { throw SystemCallError(errno) }
            Glibc.close(descriptor)
            return higher
        }

        func close() {
            Glibc.close(self.reading)
            Glibc.close(self.writing)
        }
    }

    let input: Pipe
    let output: Pipe
    let errors: Pipe

    static func open() throws(SystemCallError) -> ChildPipes {
        let input = try Pipe.open()
        do throws(SystemCallError) {
            let output = try Pipe.open()
            do throws(SystemCallError) {
                return ChildPipes(input: input, output: output, errors: try Pipe.open())
            } catch {
                output.close()
                throw error
            }
        } catch {
            input.close()
            throw error
        }
    }

    /// What the child has copies of.
    func closeChildEnds() {
        Glibc.close(self.input.reading)
        Glibc.close(self.output.writing)
        Glibc.close(self.errors.writing)
    }

    func closeOwnEnds() {
        Glibc.close(self.input.writing)
        Glibc.close(self.output.reading)
        Glibc.close(self.errors.reading)
    }
}

/// What a system call said.
struct SystemCallError: Error, Sendable, Equatable {
    let code: Int32

    init(_ code: Int32) {
        self.code = code
    }

    var reason: String { SystemError.text(self.code) }
}

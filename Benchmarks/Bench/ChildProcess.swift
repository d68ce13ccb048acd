import CBench
import Glibc

/// A program of ours that runs beside the benchmark and speaks lines over its standard input and output.
final class ChildProcess {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let id: pid_t
    private let program: String
    private var input: CInt
    private let output: CInt
    private var received: [UInt8] = []
    private var status: CInt?

    /// To be called on the main thread: the child dies with the thread that started it.
    /// - Parameters:
    ///   - errors: path of a file for its standard error; nil passes it on.
    ///   - extraDescriptor: another descriptor that is its standard output.
    init(_ path: String, _ arguments: [String], errors: String? = nil, extraDescriptor: CInt = -1) throws {
        var errorFile: CInt = -1
        if let errors {
            errorFile = open(errors, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            guard errorFile >= 0 else { throw Failure(description: "\(errors): \(String(cString: strerror(errno)))") }
        }
        defer { if errorFile >= 0 { close(errorFile) } }
        var pointers = ([path] + arguments).map { strdup($0) }
        pointers.append(nil)
        defer { for pointer in pointers { free(pointer) } }
        var input: CInt = -1
        var output: CInt = -1
        self.id = cbench_spawn(path, pointers, errorFile, extraDescriptor, &input, &output)
        guard self.id > 0 else { throw Failure(description: "\(path): \(String(cString: strerror(-self.id)))") }
        self.program = ([path.split(separator: "/").last.map(String.init) ?? path] + arguments.prefix(2))
            .joined(separator: " ")
        self.input = input
        self.output = output
    }

    deinit {
        self.stop()
        close(self.output)
    }

    func send(_ line: String) throws {
        let bytes = Array((line + "\n").utf8)
        guard write(self.input, bytes, bytes.count) == bytes.count else {
            throw Failure(description: "\(self.program) takes no more commands")
        }
    }

    /// The words of the next line that begins with `word`; other lines are skipped.
    func expect(_ word: String, within seconds: Double = 60) throws -> [String] {
        let words = try self.line(within: seconds).split(separator: " ").map(String.init)
        if words.first == word { return words }
        return try self.expect(word, within: seconds)
    }

    func line(within seconds: Double = 60) throws -> String {
        let deadline = cbench_uptime() + Int64(seconds * 1e9)
        while true {
            if let end = self.received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: self.received[..<end], as: UTF8.self)
                self.received.removeSubrange(...end)
                return line
            }
            let left = (deadline - cbench_uptime()) / 1_000_000
            guard left > 0 else { throw Failure(description: "\(self.program) said nothing for \(seconds.short) s") }
            var ready = pollfd(fd: self.output, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, CInt(min(left, 1_000))) > 0 else { continue }
            guard self.receive() else { throw Failure(description: "\(self.program) ended: \(self.ending())") }
        }
    }

    /// Everything until the program ends, and its exit status.
    func finish() -> (output: String, status: CInt) {
        while self.receive() {}
        let status = self.wait()
        return (String(decoding: self.received, as: UTF8.self), status)
    }

    private func receive() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(self.output, &buffer, buffer.count)
        guard count > 0 else { return false }
        self.received += buffer[..<count]
        return true
    }

    private func ending() -> String {
        let status = self.wait()
        return status & 0x7F == 0 ? "exit status \(status >> 8 & 0xFF)" : "signal \(status & 0x7F)"
    }

    /// Sends a signal; does not wait.
    func signal(_ number: CInt) {
        if self.status == nil { kill(self.id, number) }
    }

    /// Ends it at once.
    func stop() {
        self.signal(SIGKILL)
        _ = self.wait()
    }

    @discardableResult
    private func wait() -> CInt {
        if let status = self.status { return status }
        if self.input >= 0 {
            close(self.input)
            self.input = -1
        }
        var status: CInt = 0
        while waitpid(self.id, &status, 0) < 0, errno == EINTR {}
        self.status = status
        return status
    }

    /// A line of `/proc/PID/status` as a number, without its unit.
    func statusValue(_ key: String) -> Int? {
        guard let text = SystemFile.read("/proc/\(self.id)/status") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix(key + ":") {
            return line.dropFirst(key.count + 1).split(whereSeparator: { $0 == " " || $0 == "\t" }).first.flatMap {
                Int($0)
            }
        }
        return nil
    }
}

/// Small files of the system, and where we are ourselves.
enum SystemFile {
    static func read(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(file, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw ChildProcess.Failure(description: "\(path): \(String(cString: strerror(errno)))")
        }
        defer { close(file) }
        var bytes = Array(text.utf8)
        while !bytes.isEmpty {
            let count = Glibc.write(file, bytes, bytes.count)
            guard count > 0 else {
                throw ChildProcess.Failure(description: "\(path): \(String(cString: strerror(errno)))")
            }
            bytes.removeFirst(count)
        }
    }

    static let ownPath: String = {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : "bench"
    }()

    /// A program that lies beside ours.
    static func sibling(_ name: String) -> String {
        guard let slash = Self.ownPath.lastIndex(of: "/") else { return name }
        return String(Self.ownPath[...slash]) + name
    }

    /// Processor and number of cores, for the record.
    static var machine: String {
        let model = Self.read("/proc/cpuinfo")?.split(separator: "\n").first { $0.hasPrefix("model name") }
        let name = model?.split(separator: ":").last.map { $0.drop { $0 == " " } } ?? "unknown processor"
        return "\(name), \(sysconf(CInt(_SC_NPROCESSORS_ONLN))) cores"
    }
}

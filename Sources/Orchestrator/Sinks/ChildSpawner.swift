import CSpawn
import Glibc

/// A child process that was started, with the daemon's ends of its pipes.
struct SpawnedChild: Sendable {
    let pid: Int32
    /// Its standard input, to write to.
    let input: Int32
    /// Its standard output and error, to read from.
    let output: Int32
    let errors: Int32

    /// Gives it up: nobody will write, read or wait for it.
    func discard() {
        for descriptor in [self.input, self.output, self.errors] { Glibc.close(descriptor) }
        kill(-self.pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(self.pid, &status, 0) < 0, errno == EINTR {}
    }
}

/// Starts programs without a shell, with nothing of the daemon's but the environment and the working folder, and collects
/// them.
///
/// The child leads a session of its own: a terminal's Ctrl-C reaches the daemon alone, which then ends its children in
/// order, and one signal reaches all that a child has started. All signals have their defaults there (the daemon ignores
/// SIGPIPE, and that would be inherited).
enum ChildSpawner {
    /// Blocks while the system loads the program: not for an event loop.
    /// - Parameter command: a program, looked up in `PATH` if it has no slash, and its arguments.
    static func spawn(_ command: [String], environment: [String: String]) throws(SystemCallError) -> SpawnedChild {
        guard let program = command.first, !program.isEmpty, !command.contains(where: { $0.utf8.contains(0) }) else {
            throw SystemCallError(EINVAL)
        }
        let pipes = try ChildPipes.open()
        defer { pipes.closeChildEnds() }
        let arguments = CStrings(command)
        let variables = CStrings(environment.map { "\($0.key)=\($0.value)" })
        var pid: pid_t = 0
        let code = cspawn_start(
            &pid,
            program,
            arguments.pointers,
            variables.pointers,
            pipes.input.reading,
            pipes.output.writing,
            pipes.errors.writing
        )
        guard code == 0 else {
            pipes.closeOwnEnds()
            throw SystemCallError(code)
        }
        return SpawnedChild(
            pid: pid,
            input: pipes.input.writing,
            output: pipes.output.reading,
            errors: pipes.errors.reading
        )
    }

    /// The child's status if it has ended; it is gone then. What is left of its session is asked to end: nobody feeds it any
    /// more.
    static func collect(_ pid: Int32) -> ChildExit? {
        // The number stays taken until the status is collected, so the signal can hit nobody else.
        var info = siginfo_t()
        let looked = waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT)
        if looked != 0 { return errno == EINTR ? nil : .unknown }
        guard info.si_signo == SIGCHLD else { return nil }
        kill(-pid, SIGTERM)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0 { if errno != EINTR { return .unknown } }
        return ChildExit(status: status)
    }
}

/// A list of texts as C wants it, ended by nil.
private final class CStrings {
    let pointers: [UnsafeMutablePointer<CChar>?]

    init(_ texts: [String]) {
        self.pointers = texts.map { strdup($0) } + [nil]
    }

    deinit {
        for pointer in self.pointers { free(pointer) }
    }
}

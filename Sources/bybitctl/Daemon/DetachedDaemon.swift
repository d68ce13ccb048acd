import Foundation
import Glibc
import Orchestrator

/// Starts this program again as a daemon of its own session, and waits until it is ready.
enum DetachedDaemon {
    /// The child finds its end of the readiness pipe here.
    static let readyDescriptor: CInt = 3

    /// Returns when the daemon is ready; prints what it says.
    /// - Throws: the daemon's own error, with its exit code.
    static func start(_ arguments: [String], location: InstanceLocation) throws {
        try location.prepareDirectory()
        let file = open(location.logFile, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else {
            throw CommandError(.failed, "cannot open \(location.logFile): \(String(cString: strerror(errno)))")
        }
        let log = try self.moved(file)
        defer { close(log) }
        let ends = try PipeEnds()
        defer { close(ends.reader) }
        let ready = try self.moved(ends.writer)
        let child: pid_t
        do {
            defer { close(ready) }
            child = try self.spawn(arguments, log: log, ready: ready)
        }
        let text = self.readAll(ends.reader)
        guard let message = ReadinessPipe.Message(encoded: text) else {
            throw self.diedSilently(child, location: location)
        }
        guard message.status == .done else {
            throw CommandError(message.status, message.text, isRendered: true)
        }
        StandardError.write(message.text)
    }

    /// The same file under a number that none of the child's has, so that placing one cannot overwrite another.
    private static func moved(_ descriptor: CInt) throws(CommandError) -> CInt {
        defer { close(descriptor) }
        let moved = fcntl(descriptor, F_DUPFD_CLOEXEC, self.readyDescriptor + 1)
        guard moved >= 0 else {
            throw CommandError(.failed, "no file descriptor is left: \(String(cString: strerror(errno)))")
        }
        return moved
    }

    /// Nothing else of ours goes to the child: whoever waits for the end of a pipe that we inherited would wait for the
    /// daemon.
    private static func closeInheritedDescriptorsOnExec() throws(CommandError) {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        } catch {
            throw CommandError(.failed, "cannot list this process's open files: \(error)")
        }
        for descriptor in names.compactMap({ CInt($0) }) where descriptor > STDERR_FILENO {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    private static func spawn(_ arguments: [String], log: CInt, ready: CInt) throws(CommandError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ready, self.readyDescriptor)
        try self.closeInheritedDescriptorsOnExec()
        // A session of its own, no terminal, and none of our signal settings.
        let newSession: Int16 = 0x80
        posix_spawnattr_setflags(
            &attributes,
            newSession | Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK)
        )
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        var words: [UnsafeMutablePointer<CChar>?] = (["bybitctl"] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var child: pid_t = 0
        let error = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, words, environ)
        guard error == 0 else {
            throw CommandError(.failed, "cannot start the daemon's process: \(String(cString: strerror(error)))")
        }
        return child
    }

    /// Until every holder of the other end has closed it.
    private static func readAll(_ descriptor: CInt) -> String {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &part, part.count)
            if count > 0 {
                bytes += part[..<count]
            } else if count == 0 || errno != EINTR {
                return String(decoding: bytes, as: UTF8.self)
            }
        }
    }

    private static func diedSilently(_ child: pid_t, location: InstanceLocation) -> CommandError {
        var status: CInt = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        let how = signal == 0 ? "exit code \((status >> 8) & 0xFF)" : "signal \(signal)"
        return CommandError(
            .failed,
            "the daemon ended before it was ready (\(how)); its last words are in \(location.logFile)"
        )
    }
}

import Glibc

/// Proof that this process, and no other, runs the instance.
///
/// An advisory lock on `<state_dir>/<instance>/lock`: the kernel lets go of it when the process ends, however it ends.
/// The file itself stays; removing it would let two processes lock two files of one name.
public final class InstanceLock: Sendable {
    public let location: InstanceLocation
    private let descriptor: CInt

    /// Makes the instance's folder if need be, and takes the lock.
    /// - Throws: ``InstanceError``: `busy` with the holder's pid, `unsafePermissions`, or `io`.
    public static func acquire(_ location: InstanceLocation) throws(InstanceError) -> InstanceLock {
        try location.prepareDirectory()
        let path = location.lockFile
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw InstanceError(.io, "cannot open the lock file \(path): \(SystemError.text(errno))")
        }
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            let error = errno
            if error == EINTR { continue }
            let holder = InstanceLock.holder(descriptor)
            close(descriptor)
            if error == EWOULDBLOCK { throw InstanceLock.busy(location, holder: holder) }
            throw InstanceError(.io, "cannot lock \(path): \(SystemError.text(error))")
        }
        let text = Array("\(getpid())\n".utf8)
        guard ftruncate(descriptor, 0) == 0, pwrite(descriptor, text, text.count, 0) == text.count else {
            let error = errno
            close(descriptor)
            throw InstanceError(.io, "cannot write the process id to \(path): \(SystemError.text(error))")
        }
        return InstanceLock(location: location, descriptor: descriptor)
    }

    private init(location: InstanceLocation, descriptor: CInt) {
        self.location = location
        self.descriptor = descriptor
    }

    deinit {
        close(self.descriptor)
    }

    private static func busy(_ location: InstanceLocation, holder: Int32?) -> InstanceError {
        let who = holder.map { "process \($0)" } ?? "another process"
        return InstanceError(
            .busy,
            """
            instance '\(location.instance)' is running already: \(who) holds \(location.directory)
            To change what it runs, edit its file and run `bybitctl apply FILE`; it goes on with what did not change.
            To run a second one beside it, give that one a name of its own (instance: in its file).
            """,
            pid: holder
        )
    }

    private static func holder(_ descriptor: CInt) -> Int32? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: bytes[..<count], as: UTF8.self).filter { !$0.isWhitespace })
    }
}

/// The operating system's words for an `errno`.
enum SystemError {
    static func text(_ code: CInt) -> String {
        guard let words = strerror(code) else { return "error \(code)" }
        return String(cString: words)
    }
}

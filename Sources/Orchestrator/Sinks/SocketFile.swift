import Glibc

/// The file of a Unix socket: created for its owner alone, put in the place of one that a dead process has left.
struct SocketFile: Sendable, Equatable {
    let path: String
    private let device: UInt
    private let inode: UInt

    /// A socket that readers can connect to, and its file.
    struct Listening: Sendable {
        let descriptor: Int32
        let file: SocketFile
    }

    /// A Unix socket's address holds 107 bytes on Linux; the networking library keeps to the 103 that hold everywhere.
    static let longestPath = 103
    private static let backlog: Int32 = 128

    /// Missing folders are created, mode 0700. Of several processes that want the same path one gets it.
    /// - Throws: also if another process listens there already, which is named.
    static func listen(_ path: String) throws(SinkTrouble) -> Listening {
        guard path.utf8.count <= SocketFile.longestPath else {
            throw SocketFile.trouble(
                path,
                ENAMETOOLONG,
                "a Unix socket's path has at most \(SocketFile.longestPath) bytes"
            )
        }
        let folder = try SocketFile.openFolder(of: path)
        defer { Glibc.close(folder) }
        // Until the socket is there nobody else may find that the old one is dead, and take away ours.
        try SocketFile.lock(folder, path)
        try SocketFile.removeDead(path)
        return try SocketFile.bind(path)
    }

    private static func bind(_ path: String) throws(SinkTrouble) -> Listening {
        let descriptor = try SocketFile.socket(path)
        do throws(SinkTrouble) {
            // The mode of the file that `bind` creates, so that nobody else can connect in an instant in between.
            guard fchmod(descriptor, 0o600) == 0 else { throw SocketFile.trouble(path, errno) }
            let bound = SocketFile.withAddress(path) { Glibc.bind(descriptor, $0, $1) }
            guard bound == 0 else { throw SocketFile.trouble(path, errno) }
            guard chmod(path, 0o600) == 0, Glibc.listen(descriptor, SocketFile.backlog) == 0,
                let file = SocketFile(existing: path)
            else { throw SocketFile.trouble(path, errno) }
            return Listening(descriptor: descriptor, file: file)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private init?(existing path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.path = path
        self.device = UInt(status.st_dev)
        self.inode = UInt(status.st_ino)
    }

    /// Whether the path still leads to this socket. To be asked only while it is open: then nothing else has its number.
    var isInPlace: Bool { SocketFile(existing: self.path) == self }

    func remove() {
        if self.isInPlace { unlink(self.path) }
    }

    // MARK: What is there already

    /// - Throws: if what is there is no socket, or somebody listens.
    private static func removeDead(_ path: String) throws(SinkTrouble) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw SocketFile.trouble(path, errno)
        }
        guard (status.st_mode & S_IFMT) == S_IFSOCK else {
            throw SocketFile.trouble(
                path,
                EEXIST,
                "something that is no socket is there; move it away or choose another path"
            )
        }
        let probe = try SocketFile.socket(path)
        defer { Glibc.close(probe) }
        let connected = SocketFile.withAddress(path) { Glibc.connect(probe, $0, $1) }
        if connected == 0 {
            let owner = SocketFile.peer(of: probe).map { "process \($0)" } ?? "another process"
            throw SocketFile.trouble(path, EADDRINUSE, "\(owner) listens there already")
        }
        guard errno == ECONNREFUSED || errno == ENOENT else {
            // Such as one with too many waiting connections, which is alive.
            throw SocketFile.trouble(path, EADDRINUSE, "somebody listens there already (\(SystemError.text(errno)))")
        }
        guard unlink(path) == 0 || errno == ENOENT else { throw SocketFile.trouble(path, errno) }
    }

    /// The process that listens at the other end.
    private static func peer(of descriptor: Int32) -> Int32? {
        // `struct ucred`: pid, uid, gid.
        var credentials: [Int32] = [0, 0, 0]
        var length = socklen_t(MemoryLayout<Int32>.size * credentials.count)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0, credentials[0] > 0 else {
            return nil
        }
        return credentials[0]
    }

    // MARK: System calls

    private static func openFolder(of path: String) throws(SinkTrouble) -> Int32 {
        var at = path.startIndex
        var folder = "/"
        while let slash = path[at...].firstIndex(of: "/") {
            if slash > path.startIndex { folder = String(path[..<slash]) }
            // Parents that cannot be written may exist all the same; what counts is whether the last one can be opened.
            mkdir(folder, 0o700)
            at = path.index(after: slash)
        }
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw SocketFile.trouble(path, errno, "its folder cannot be opened: \(SystemError.text(errno))")
        }
        return descriptor
    }

    /// Another process holds it for an instant only.
    private static func lock(_ folder: Int32, _ path: String) throws(SinkTrouble) {
        for _ in 0..<100 {
            if flock(folder, LOCK_EX | LOCK_NB) == 0 { return }
            guard errno == EWOULDBLOCK || errno == EINTR else { throw SocketFile.trouble(path, errno) }
            usleep(10_000)
        }
        throw SocketFile.trouble(path, EWOULDBLOCK, "its folder is locked by another process")
    }

    private static func socket(_ path: String) throws(SinkTrouble) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = Glibc.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SocketFile.trouble(path, errno) }
        return descriptor
    }

    private static func withAddress(
        _ path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { room in
            // Behind it stay zeros: the path was checked to be shorter.
            room.copyBytes(from: path.utf8.prefix(room.count - 1))
        }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func trouble(_ path: String, _ code: Int32, _ reason: String? = nil) -> SinkTrouble {
        SinkTrouble(
            step: "listen on",
            path: path,
            errno: code,
            reason: reason ?? SystemError.text(code),
            consequence: "nobody can read there; it is tried again"
        )
    }
}

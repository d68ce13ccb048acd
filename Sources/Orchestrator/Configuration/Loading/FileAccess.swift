internal import Glibc

/// A file that was read, with what matters about who else can.
struct FileContents {
    var bytes: [UInt8]
    /// Permission bits, or nil if it is not a regular file.
    var permissions: UInt32?
    var owner: UInt32
}

/// Why a file could not be read.
struct FileProblem: Error, Equatable {
    var message: String
    /// We are not allowed to; everything else is a mistake in the configuration.
    var isPermission: Bool
}

/// Reading small files, bounded.
enum FileAccess {
    /// Reads at most `limit` + 1 bytes: one more than allowed tells the caller that there is more.
    ///
    /// - Parameter mayBePipe: `/dev/stdin` and `<(…)` are good for a file named on the command line, not for one that
    ///   is named inside a file, where opening a pipe could wait for ever.
    static func read(_ path: String, limit: Int, mayBePipe: Bool = false) -> Result<FileContents, FileProblem> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (mayBePipe ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else { return .failure(FileAccess.problem(errno)) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return .failure(FileAccess.problem(errno)) }
        let kind = status.st_mode & S_IFMT
        if kind == S_IFDIR { return .failure(FileProblem(message: "it is a folder", isPermission: false)) }
        guard kind == S_IFREG || mayBePipe else {
            return .failure(FileProblem(message: "it is not a regular file", isPermission: false))
        }
        var bytes: [UInt8] = []
        var isComplete = false
        while !isComplete, bytes.count <= limit {
            let room = min(65_536, limit + 1 - bytes.count)
            var failure: Int32 = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
                let result = Glibc.read(descriptor, buffer.baseAddress, room)
                if result < 0 { failure = errno }
                count = max(result, 0)
            }
            if failure == EINTR { continue }
            if failure != 0 { return .failure(FileAccess.problem(failure)) }
            if chunk.isEmpty { isComplete = true }
            bytes += chunk
        }
        return .success(
            FileContents(
                bytes: bytes,
                permissions: kind == S_IFREG ? status.st_mode & 0o7777 : nil,
                owner: status.st_uid
            )
        )
    }

    /// Files that match a pattern, sorted by their bytes. `directory` is taken literally, only `pattern` is a pattern.
    static func glob(_ pattern: String, in directory: String) -> Result<[String], FileProblem> {
        var matches = glob_t()
        defer { globfree(&matches) }
        let full = pattern.hasPrefix("/") ? pattern : PathResolver.join(FileAccess.escaped(directory), pattern)
        // A folder that is not there matches nothing; one that we may not list is a mistake.
        let code = Glibc.glob(full, GLOB_NOSORT, { _, code in code == EACCES || code == EPERM ? 1 : 0 }, &matches)
        if code == GLOB_NOMATCH { return .success([]) }
        guard code == 0 else {
            return .failure(FileProblem(message: "a folder cannot be listed", isPermission: code == GLOB_ABORTED))
        }
        var paths: [String] = []
        for index in 0..<Int(matches.gl_pathc) {
            if let path = matches.gl_pathv[index] { paths.append(String(cString: path)) }
        }
        return .success(paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    }

    /// Whether a path holds characters that glob(7) takes for a pattern.
    static func isPattern(_ path: String) -> Bool {
        path.utf8.contains { "*?[".utf8.contains($0) }
    }

    private static func escaped(_ path: String) -> String {
        var result = ""
        for scalar in path.unicodeScalars {
            if "*?[]\\".unicodeScalars.contains(scalar) { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result
    }

    private static func problem(_ code: Int32) -> FileProblem {
        switch code {
        case ENOENT: FileProblem(message: "there is no such file", isPermission: false)
        case EACCES, EPERM: FileProblem(message: "permission denied", isPermission: true)
        case ENOTDIR: FileProblem(message: "a part of the path is not a folder", isPermission: false)
        case ELOOP: FileProblem(message: "its symbolic links go round in a circle", isPermission: false)
        case EMFILE, ENFILE: FileProblem(message: "too many open files", isPermission: false)
        default: FileProblem(message: String(cString: strerror(code)), isPermission: false)
        }
    }
}

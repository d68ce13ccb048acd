/// In place of the real one: the files of the input, in memory. Nothing on the disk can be opened.
enum FileAccess {
    /// By their absolute paths. The fuzzer has one thread.
    nonisolated(unsafe) static var files: [String: [UInt8]] = [:]

    static func read(_ path: String, limit: Int, mayBePipe: Bool = false) -> Result<FileContents, FileProblem> {
        guard let bytes = FileAccess.files[path] else {
            return .failure(FileProblem(message: "there is no such file", isPermission: path.hasSuffix("forbidden")))
        }
        let mode: UInt32 = path.hasSuffix("shared") ? 0o644 : 0o600
        return .success(FileContents(bytes: Array(bytes.prefix(limit + 1)), permissions: mode, owner: 1_000))
    }

    /// All files but the main one.
    static func glob(_ pattern: String, in directory: String) -> Result<[String], FileProblem> {
        .success(FileAccess.files.keys.filter { !$0.hasSuffix("accounts.yaml") }.sorted())
    }

    static func isPattern(_ path: String) -> Bool {
        path.utf8.contains { "*?[".utf8.contains($0) }
    }
}

struct FileContents {
    var bytes: [UInt8]
    var permissions: UInt32?
    var owner: UInt32
}

struct FileProblem: Error, Equatable {
    var message: String
    var isPermission: Bool
}

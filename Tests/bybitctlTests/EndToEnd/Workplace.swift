import Foundation
import Testing

/// A folder of its own, the program under test, and every process that was started here.
final class Workplace {
    /// What a finished command left.
    struct Result {
        let code: Int32
        let output: String
        let errors: String
    }

    let folder: URL
    private var children: [ChildProcess] = []

    private init(folder: URL) {
        self.folder = folder
    }

    /// Runs a test in a new folder. Afterwards every process is dead and the folder gone.
    static func with(_ body: (Workplace) async throws -> Void) async throws {
        // Short, since the path of a Unix socket may have little more than a hundred bytes.
        let folder = URL(fileURLWithPath: "/tmp/bybitctl-e2e-" + UUID().uuidString.prefix(8))
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: false,
            attributes: [.posixPermissions: 0o700]
        )
        let workplace = Workplace(folder: folder)
        let outcome: Swift.Result<Void, any Error>
        do {
            try await body(workplace)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        workplace.killAll()
        if ProcessInfo.processInfo.environment["BYBITCTL_KEEP_E2E"] == nil {
            try FileManager.default.removeItem(at: folder)
        } else {
            FileHandle.standardError.write(Data("kept \(folder.path)\n".utf8))
        }
        try outcome.get()
    }

    /// The program lies next to the test bundle, unless `BYBITCTL` names another, such as an optimised one.
    static var program: URL {
        if let path = ProcessInfo.processInfo.environment["BYBITCTL"], !path.isEmpty {
            return URL(fileURLWithPath: path)
        }
        return URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(
            "bybitctl"
        )
    }

    func file(_ name: String) -> URL { self.folder.appendingPathComponent(name) }

    @discardableResult
    func write(_ text: String, to name: String, mode: Int = 0o600) throws -> URL {
        let file = self.file(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(text.utf8).write(to: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
        return file
    }

    /// What a sanitizer was told holds for the program under test too.
    private static let sanitizerOptions = ProcessInfo.processInfo.environment.filter {
        ["TSAN_OPTIONS", "ASAN_OPTIONS", "LSAN_OPTIONS"].contains($0.key)
    }

    /// A sanitizer keeps freed memory and adds its own, so that memory means nothing.
    static var isSanitized: Bool { !self.sanitizerOptions.isEmpty }

    /// Starts the program, or another one. Its environment is bare, as cron's is.
    /// - Parameter isEmpty: not even that, as with `env -i`.
    func start(
        _ arguments: [String],
        of program: URL = Workplace.program,
        environment: [String: String] = [:],
        isEmpty: Bool = false
    ) throws -> ChildProcess {
        guard FileManager.default.isExecutableFile(atPath: program.path) else {
            throw Disappointment("\(program.path) is not built; run `swift build` first")
        }
        let usual = isEmpty ? [:] : ["PATH": "/usr/bin:/bin", "HOME": self.folder.path]
        let bare = Self.sanitizerOptions.merging(usual) { $1 }
        let child = try ChildProcess(
            program,
            arguments,
            environment: bare.merging(environment) { $1 },
            folder: self.folder,
            log: self.file("process-\(self.children.count)")
        )
        self.children.append(child)
        return child
    }

    /// Runs the program to its end.
    func run(
        _ arguments: [String],
        environment: [String: String] = [:],
        isEmpty: Bool = false,
        within limit: Duration = .seconds(30)
    ) async throws -> Result {
        let child = try self.start(arguments, environment: environment, isEmpty: isEmpty)
        let code = try await child.exitCode(within: limit)
        return Result(code: code, output: child.output, errors: child.errors)
    }

    private func killAll() {
        for child in self.children { child.send(SIGKILL) }
        // A detached daemon has left its parent; the folder in its arguments, or that it works in, is nobody else's.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        for pid in names.compactMap({ Int32($0) }) {
            guard let words = try? Data(contentsOf: URL(fileURLWithPath: "/proc/\(pid)/cmdline")) else { continue }
            guard words.starts(with: Data("bybitctl\0".utf8)) else { continue }
            let place = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")
            if words.range(of: Data(self.folder.path.utf8)) != nil || place == self.folder.path { kill(pid, SIGKILL) }
        }
    }

    /// Every regular file below the folder.
    func files() throws -> [URL] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: self.folder.path)
        return names.map(self.file).filter { url in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) && !isFolder.boolValue
        }
    }

    func mode(of name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: self.file(name).path)
        return try #require((attributes[.posixPermissions] as? NSNumber)?.intValue)
    }
}

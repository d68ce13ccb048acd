import Foundation

/// One run of a program. Its output goes to files, so that nothing has to be read in time.
final class ChildProcess {
    private let process = Process()
    private let outputFile: URL
    private let errorFile: URL

    init(_ program: URL, _ arguments: [String], environment: [String: String], folder: URL, log: URL) throws {
        self.outputFile = log.appendingPathExtension("out")
        self.errorFile = log.appendingPathExtension("err")
        self.process.executableURL = program
        self.process.arguments = arguments
        self.process.environment = environment
        self.process.currentDirectoryURL = folder
        self.process.standardInput = FileHandle.nullDevice
        let (output, errors) = (try Self.create(self.outputFile), try Self.create(self.errorFile))
        self.process.standardOutput = output
        self.process.standardError = errors
        try self.process.run()
        // The child has its own. Many hundreds of open files are too much for `Process.run()`, which reads past the end of a
        // list of them that fills its buffer.
        try output.close()
        try errors.close()
    }

    private static func create(_ file: URL) throws -> FileHandle {
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }

    var pid: Int32 { self.process.processIdentifier }
    var isRunning: Bool { self.process.isRunning }
    var output: String { Self.text(of: self.outputFile) }
    var errors: String { Self.text(of: self.errorFile) }

    /// Whole lines of the standard output.
    var lines: [String] {
        let text = self.output
        return text.split(separator: "\n").dropLast(text.hasSuffix("\n") ? 0 : 1).map(String.init)
    }

    func send(_ signal: Int32) {
        if self.isRunning { kill(self.pid, signal) }
    }

    /// The exit code; below zero the number of the signal that killed it.
    func exitCode(within limit: Duration = .seconds(20)) async throws -> Int32 {
        try await eventually("the end of \(self.process.arguments ?? [])", within: limit) {
            self.process.isRunning ? nil : ()
        }
        let status = self.process.terminationStatus
        return self.process.terminationReason == .exit ? status : -status
    }

    private static func text(of file: URL) -> String {
        guard let data = try? Data(contentsOf: file) else { return "" }
        return String(decoding: data, as: UTF8.self)
    }
}

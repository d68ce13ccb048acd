import Foundation
import HybridStream
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Orchestrator

/// A loop for sinks, a folder for their scripts and files, and what they report.
final class SinkBench: Sendable {
    struct Entry: Sendable {
        let level: Logger.Level
        let text: String
        let metadata: [String: String]
    }

    let folder: String
    let tools: SinkTools
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let log: Log
    private let changes: Changes
    private let execs = Mutex<[ExecSink]>([])

    private final class Changes: Sendable {
        let list = Mutex<[SinkTrouble?]>([])
    }

    fileprivate final class Log: Sendable {
        let entries = Mutex<[Entry]>([])
    }

    private init(folder: String, secure: @escaping @Sendable () -> Void) {
        self.folder = folder
        let log = Log()
        let changes = Changes()
        self.log = log
        self.changes = changes
        self.tools = SinkTools(
            loop: self.group.next(),
            logger: Logger(label: "test") { _ in RecordingHandler(log: log) },
            secure: secure,
            onChange: { _, _, trouble in changes.list.withLock { $0.append(trouble) } }
        )
    }

    /// Runs a test with a folder of its own, which is gone afterwards.
    static func with(
        secure: @escaping @Sendable () -> Void = {},
        _ body: (SinkBench) async throws -> Void
    ) async throws {
        signal(SIGPIPE, SIG_IGN)
        // Short, since the path of a Unix socket may have little more than a hundred bytes.
        let folder = "/tmp/bybitctl-sinks-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let bench = SinkBench(folder: folder, secure: secure)
        let outcome: Result<Void, any Error>
        do {
            try await body(bench)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        if case .failure = outcome { try await bench.abandonAll() }
        try await bench.tools.settle()
        try await bench.group.shutdownGracefully()
        try FileManager.default.removeItem(atPath: folder)
        try outcome.get()
    }

    // MARK: Sinks

    /// A sink whose child is a shell with this script. `$1` is the folder.
    func exec(
        _ script: String,
        _ adjust: (inout ChildSupervision.Settings) -> Void = { _ in }
    ) -> ExecSink {
        self.exec(command: ["/bin/sh", "-c", script, "sh", self.folder], adjust)
    }

    func exec(command: [String], _ adjust: (inout ChildSupervision.Settings) -> Void = { _ in }) -> ExecSink {
        var configuration = ExecSinkConfiguration()
        configuration.command = command
        configuration.restart.initial = .milliseconds(10)
        configuration.restart.max = .milliseconds(200)
        var settings = ChildSupervision.Settings(configuration)
        adjust(&settings)
        let plan = SinkPlan.Exec(configuration: configuration, accounts: ["a"], label: "script for a")
        let sink = ExecSink(
            plan,
            tools: self.tools,
            environment: ["PATH": "/usr/bin:/bin", "GREETING": "hello"],
            settings: settings
        )
        self.execs.withLock { $0.append(sink) }
        self.tools.loop.execute { sink.start() }
        return sink
    }

    /// A test that has failed has not ended its sinks.
    private func abandonAll() async throws {
        for sink in self.execs.withLock({ $0 }) { _ = try await self.finish(sink, timeout: .zero) }
    }

    /// Everything is written and the child has ended; false if it had to be given up.
    func finish(_ sink: ExecSink, timeout: Duration = .seconds(20)) async throws -> Bool {
        let tools = self.tools
        return try await tools.loop.flatSubmit {
            let deadline = tools.schedule(at: tools.now + timeout) { sink.abandon() }
            return sink.finish().always { _ in deadline.cancel() }
        }.get()
    }

    /// On the sinks' loop.
    func run<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws -> Value {
        try await self.tools.loop.submit(body).get()
    }

    // MARK: What was seen

    var troubles: [SinkTrouble?] { self.changes.list.withLock { $0 } }

    var entries: [Entry] { self.log.entries.withLock { $0 } }

    /// Process ids of the children that were started, in order.
    var pids: [Int32] {
        self.entries.filter { $0.text == "a consumer is started" }.compactMap {
            $0.metadata["pid"].flatMap { Int32($0) }
        }
    }

    func path(_ name: String) -> String { self.folder + "/" + name }

    func text(_ name: String) -> String {
        FileManager.default.contents(atPath: self.path(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Whole lines of a file that a script has written.
    func lines(_ name: String) -> [String] { Fixtures.split(Array(self.text(name).utf8)) }

    func numbers(_ name: String) -> [Int64] { self.lines(name).map { Fixtures.number("n", $0) } }

    func touch(_ name: String) throws { try Data().write(to: URL(fileURLWithPath: self.path(name))) }

    func until(_ what: String, within limit: Duration = .seconds(20), _ condition: () throws -> Bool) async throws {
        let deadline = ContinuousClock.now + limit
        while try !condition() {
            if ContinuousClock.now > deadline {
                Issue.record("\(what): not within \(limit); log: \(self.entries)")
                throw CancellationError()
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// Keeps what is logged.
private struct RecordingHandler: LogHandler {
    let log: SinkBench.Log
    var logLevel = Logger.Level.trace
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let all = self.metadata.merging(event.metadata ?? [:]) { $1 }
        let entry = SinkBench.Entry(
            level: event.level,
            text: event.message.description,
            metadata: all.mapValues { "\($0)" }
        )
        self.log.entries.withLock { $0.append(entry) }
    }
}

/// An account whose events go where a test wants them. Used on one thread.
final class SinkSource {
    private let loop = Fixtures.loop()
    let pipeline: AccountPipeline

    init(_ account: String = "a", queues: [EventQueue] = []) {
        self.pipeline = Fixtures.pipeline(account, loop: self.loop, queues: queues)
    }

    /// Sends as many events of one kind.
    func send(_ count: Int, _ cause: PositionUpdate.Cause = .amended, symbol: String = "BTCUSDT") throws {
        let update = try Fixtures.update(try Fixtures.position(symbol: symbol), cause: cause)
        for _ in 0..<count { self.pipeline.observe(update) }
        self.loop.batchEnded()
    }
}

import Foundation
import HybridStream
import Logging
import Synchronization
import Testing

@testable import Orchestrator

/// The sinks of some accounts that come and go, in a folder of its own, and what they report.
final class SinkFleet: Sendable {
    private struct Seen {
        var readers: [EventQueue] = []
        var changes: [(name: String, isTrouble: Bool)] = []
    }

    private final class Reports: Sendable {
        let seen = Mutex(Seen())
    }

    let folder: String
    let store: Store
    let sinks: EventSinks
    private let reports = Reports()

    private init(folder: String) throws {
        self.folder = folder
        let store = try Store.open(path: folder + "/store.sqlite")
        let reports = self.reports
        self.store = store
        self.sinks = EventSinks(
            store: store,
            environment: ["PATH": "/usr/bin:/bin"],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            onChange: { _, name, trouble in
                reports.seen.withLock { $0.changes.append((name, trouble != nil)) }
            },
            onReader: { queue, isThere in
                if isThere { reports.seen.withLock { $0.readers.append(queue) } }
            }
        )
    }

    /// Runs a test, after which the folder is gone. A test that fails leaves its sinks to the end of all.
    static func with(_ body: (SinkFleet) async throws -> Void) async throws {
        let folder = "/tmp/bybitctl-sinks-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        let fleet = try SinkFleet(folder: folder)
        let outcome: Result<Void, any Error>
        do {
            try await body(fleet)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        _ = await fleet.sinks.close(timeout: .zero)
        try await fleet.store.close()
        try FileManager.default.removeItem(atPath: folder)
        try outcome.get()
    }

    // MARK: Accounts

    func path(_ name: String) -> String { self.folder + "/" + name }

    func file(_ name: String) -> SinkConfiguration {
        var file = JSONLSinkConfiguration()
        file.path = name.hasPrefix("/") ? name : self.path(name)
        return .jsonl(file)
    }

    func socket(_ name: String) -> SinkConfiguration {
        var socket = SocketSinkConfiguration()
        socket.path = self.path(name)
        return .socket(socket)
    }

    /// `$1` is the folder.
    func exec(_ script: String) -> SinkConfiguration {
        self.exec(command: ["/bin/sh", "-c", script, "sh", self.folder])
    }

    func exec(command: [String]) -> SinkConfiguration {
        var exec = ExecSinkConfiguration()
        exec.command = command
        exec.restart.initial = .milliseconds(10)
        exec.restart.max = .milliseconds(100)
        exec.stopTimeout = .seconds(5)
        return .exec(exec)
    }

    /// The account comes, with what the store has of it.
    func add(_ name: String, _ configurations: [SinkConfiguration]) async throws -> [EventQueue] {
        let account = StartPlan.Account(name, sinks: configurations)
        return await self.sinks.add(account: account, stored: try self.store.loadAccount(name), written: [:])
    }

    /// Begins, and goes on while the test does something else.
    func removal(of name: String) -> Task<EventSinks.Removal, Never> {
        Task { await self.sinks.remove(account: name) }
    }

    /// Some account has begun to go and has not gone yet.
    var isLeaving: Bool { self.sinks.state.withLock { !$0.leavings.isEmpty } }

    // MARK: What was seen

    /// Queues of readers that have come to sockets.
    var readers: [EventQueue] { self.reports.seen.withLock { $0.readers } }

    var changes: [(name: String, isTrouble: Bool)] { self.reports.seen.withLock { $0.changes } }

    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self.path(name)) }

    func touch(_ name: String) throws { try Data().write(to: URL(fileURLWithPath: self.path(name))) }

    func text(_ name: String) -> String {
        FileManager.default.contents(atPath: self.path(name)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Numbers of an account's events in a file.
    func numbers(_ name: String, of account: String = "a") -> [Int64] {
        Fixtures.split(Array(self.text(name).utf8)).filter { $0.contains("\"account\":\"\(account)\"") }.map {
            Fixtures.number("n", $0)
        }
    }

    func until(_ what: String, _ condition: () throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try !condition() {
            if ContinuousClock.now > deadline {
                Issue.record("\(what): not in time")
                throw CancellationError()
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

extension StartPlan.Account {
    /// One that has these sinks, and nothing else that matters.
    init(_ name: String, sinks: [SinkConfiguration]) {
        var strategy = Strategy()
        strategy.sinks = sinks
        self.init(
            configuration: AccountConfiguration(
                name: name,
                isEnabled: true,
                mode: .hybrid,
                strategyName: nil,
                strategy: strategy,
                isDryRun: true,
                credentials: nil
            ),
            mode: .hybrid,
            identity: AccountIdentity(name: name, credentials: Credentials(apiKey: "k", apiSecret: "s")),
            isDryRun: true
        )
    }
}

import Foundation
import GRDB
import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

/// A folder with a store in it; gone when the test is over.
final class StoreFolder: Sendable {
    let folder = FileManager.default.temporaryDirectory.path + "/store-\(UUID().uuidString)"
    var path: String { self.folder + "/store.sqlite" }

    init() throws {
        try FileManager.default.createDirectory(atPath: self.folder, withIntermediateDirectories: false)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.folder)
        } catch {
            print("left behind: \(self.folder): \(error)")
        }
    }

    /// The files as a crash would leave them now.
    func copy(_ name: String) throws -> String {
        let copy = self.folder + "/\(name).sqlite"
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: self.path + suffix) {
            try FileManager.default.copyItem(atPath: self.path + suffix, toPath: copy + suffix)
        }
        return copy
    }

    var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: self.folder).sorted() }
    }

    func bytes(_ path: String? = nil) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path ?? self.path)) }

    func write(_ bytes: Data) throws { try bytes.write(to: URL(fileURLWithPath: self.path)) }
}

enum StoreFixtures {
    static let time: Int64 = 1_790_134_712_401

    static func opening(_ symbol: String = "BTCUSDT", index: Int = 0, n: Int64 = 7, seen: Int64 = time) -> Opening {
        Opening(
            key: PositionKey(category: .linear, symbol: symbol, positionIndex: index),
            side: .buy,
            openTime: 78,
            firstSeen: seen,
            n: n
        )
    }

    static func action(
        _ id: String,
        account: String = "a",
        symbol: String = "BTCUSDT",
        outcome: PipelineEvent.Action.Outcome = .journalled,
        code: Int? = nil,
        text: String = "",
        isDryRun: Bool = false,
        created: Int64 = time,
        updated: Int64? = nil
    ) throws -> ActionRecord {
        ActionRecord(
            account: account,
            orderLinkID: id,
            consumer: "trailing_stop",
            action: "set_stop",
            opening: self.opening(symbol),
            size: try Fixtures.decimal("0.50"),
            parameters: [.init("stop_loss", "59000.10"), .init("trigger_by", "MarkPrice")],
            isDryRun: isDryRun,
            attempt: 3,
            outcome: outcome,
            returnCode: code,
            text: text,
            createdTime: created,
            updatedTime: updated ?? created
        )
    }

    static func state(
        _ text: String,
        consumer: String = "trailing_stop",
        account: String = "a",
        opening: Opening = opening(),
        attempts: Int = 1
    ) -> ConsumerStateRecord {
        ConsumerStateRecord(
            account: account,
            opening: opening,
            consumer: consumer,
            state: text,
            attempts: attempts,
            updatedTime: self.time
        )
    }
}

extension Store {
    /// Journals an action and waits for the disk. Being told twice ends the test.
    func journal(
        _ record: ActionRecord,
        states: [ConsumerStateRecord] = [],
        patience: Duration = .seconds(20)
    ) async -> Result<Void, StoreError> {
        await withCheckedContinuation { continuation in
            self.recordAction(record, states: states, patience: patience) { continuation.resume(returning: $0) }
        }
    }

    func history(
        _ accounts: [String] = [],
        since: Int64? = nil,
        limit: Int = 1_000
    ) async throws -> [ActionRecord] {
        try await self.flush()
        return try await self.actions(account: accounts, since: since, limit: limit)
    }

    /// Until the body is over nobody can write. Like a disk that does not answer.
    func withBlockedDisk(_ body: () async throws -> Void) async throws {
        var configuration = GRDB.Configuration()
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(20)
        let other = try DatabaseQueue(path: self.path, configuration: configuration)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try other.close()
        try outcome.get()
    }

    /// Until the body is over every write fails at once.
    func withFailingDisk(_ body: () async throws -> Void) async throws {
        try await self.database.write { try $0.execute(sql: "ALTER TABLE action_journal RENAME TO hidden") }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body())
        } catch {
            outcome = .failure(error)
        }
        try await self.database.write { try $0.execute(sql: "ALTER TABLE hidden RENAME TO action_journal") }
        try outcome.get()
    }

    /// What it executes from now on, statement by statement.
    func traced() async throws -> StatementLog {
        let log = StatementLog()
        try await self.database.writeWithoutTransaction { database in
            database.trace { event in log.add(event.description) }
        }
        return log
    }
}

/// Statements in the order in which they were executed.
final class StatementLog: Sendable {
    private let statements = Mutex<[String]>([])

    func add(_ statement: String) { self.statements.withLock { $0.append(statement) } }

    /// Those that begin with one of these words.
    func all(_ beginnings: String...) -> [String] {
        self.statements.withLock { statements in
            statements.compactMap { statement in beginnings.first { statement.hasPrefix($0) } }
        }
    }
}

/// Results as they are called back.
final class Results: Sendable {
    private let results = Mutex<[Result<Void, StoreError>]>([])

    func add(_ result: Result<Void, StoreError>) { self.results.withLock { $0.append(result) } }

    var all: [Result<Void, StoreError>] { self.results.withLock { $0 } }

    func wait(_ count: Int) async throws {
        while self.all.count < count { try await Task.sleep(for: .milliseconds(2)) }
    }
}

extension Result where Success == Void, Failure == StoreError {
    /// Nil for a success.
    var failure: StoreError? {
        if case .failure(let error) = self { error } else { nil }
    }
}

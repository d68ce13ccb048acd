import Foundation
import GRDB
import Glibc
import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) final class StoreTests {
    private let folder = FileManager.default.temporaryDirectory.path + "/store-\(UUID().uuidString)"
    private var path: String { self.folder + "/state/store.sqlite" }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.folder)
        } catch {
            // Some tests make no folder.
        }
    }

    private func position(_ symbol: String, index: Int = 0, size: String = "0.50") throws -> Position {
        Position(
            key: PositionKey(category: .linear, symbol: symbol, positionIndex: index),
            side: .sell,
            size: try Fixtures.decimal(size),
            entryPrice: try Fixtures.decimal("60000.10"),
            rowMarkPrice: index == 0 ? nil : try Fixtures.decimal("60001.00"),
            leverage: "10",
            liquidationPrice: "70000",
            stopLoss: "61000",
            takeProfit: "50000",
            trailingStop: "100",
            positionValue: "30000.05",
            seq: 12,
            updatedTime: 34,
            createdTime: 56,
            openTime: 78
        )
    }

    private func fields(_ position: Position) -> [String] {
        [
            "\(position.key)", position.side.rawValue, "\(position.size)", "\(position.entryPrice)",
            position.rowMarkPrice.map { "\($0)" } ?? "none", position.leverage, position.liquidationPrice,
            position.stopLoss, position.takeProfit, position.trailingStop, position.positionValue, "\(position.seq)",
            "\(position.updatedTime)", "\(position.createdTime)", "\(position.openTime)",
        ]
    }

    private func mode(_ path: String) -> UInt32 {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    @Test func keepsPositionsOverARestart() async throws {
        let positions = [
            try self.position("BTCUSDT"), try self.position("ETHUSDT", index: 1),
            try self.position("ETHUSDT", index: 2),
        ]
        let store = try Store.open(path: self.path)
        store.record(account: "a", changes: positions.map { .upsert($0) } + [.upsert(try self.position("GONE"))])
        store.record(account: "b", changes: [.upsert(try self.position("BTCUSDT", size: "7"))])
        store.record(account: "a", changes: [.close(PositionKey(category: .linear, symbol: "GONE", positionIndex: 0))])
        try await store.close()
        let again = try Store.open(path: self.path)
        let loaded = try again.loadAll(["a", "b", "new"])
        #expect(loaded.map(\.account) == ["a", "b", "new"])
        #expect(loaded[0].positions.map(self.fields) == positions.map(self.fields))
        #expect(loaded[1].positions.map { "\($0.size)" } == ["7"])
        #expect(loaded[2].positions.isEmpty && loaded[2].nextN == 1)
        try await again.close()
    }

    @Test func closesAndChangesInLaterTransactions() async throws {
        let store = try Store.open(path: self.path)
        let position = try self.position("BTCUSDT")
        store.record(account: "a", changes: [.upsert(position)])
        try await store.flush()
        store.record(account: "a", changes: [.upsert(try self.position("BTCUSDT", size: "2"))])
        try await store.flush()
        #expect(try store.loadAccount("a").positions.map { "\($0.size)" } == ["2"])
        store.record(account: "a", changes: [.close(position.key)])
        #expect(try store.loadAccount("a").positions.isEmpty, "what was recorded is seen at once")
        try await store.close()
    }

    @Test func writesByItselfSoon() async throws {
        let store = try Store.open(path: self.path)
        let reader = try DatabaseQueue(path: self.path)
        store.record(account: "a", changes: [.upsert(try self.position("BTCUSDT"))])
        while try await reader.read({ try Int.fetchOne($0, sql: "SELECT count(*) FROM position_book") }) != 1 {
            try await Task.sleep(for: .milliseconds(5))
        }
        try reader.close()
        try await store.close()
    }

    @Test func filesArePrivate() async throws {
        let store = try Store.open(path: self.path)
        store.record(account: "a", changes: [.upsert(try self.position("BTCUSDT"))])
        try await store.flush()
        #expect(self.mode(self.path) == 0o600)
        #expect(self.mode(self.path + "-wal") == 0o600)
        #expect(self.mode(self.folder + "/state") == 0o700)
        try await store.close()
    }

    // MARK: Numbers

    @Test func numbersGoOnWithoutAHoleAfterAGoodEnd() async throws {
        let store = try Store.open(path: self.path)
        let numbers = try store.loadAccount("a").numbers
        #expect(numbers.first == 1 && numbers.last == NumberLease.blockSize)
        store.settle(account: "a", lastNumber: 1_234)
        try await store.close()
        let again = try Store.open(path: self.path)
        #expect(try again.loadAccount("a").nextN == 1_235)
        try await again.close()
    }

    /// The file as a crash leaves it: copied while the store is open, without any good end.
    @Test func numbersNeverComeBackAfterACrash() async throws {
        var highest: Int64 = 0
        var current = self.path
        for crash in 0..<4 {
            let store = try Store.open(path: current)
            let stored = try store.loadAccount("a")
            #expect(stored.nextN > highest)
            let loop = Fixtures.loop()
            let pipeline = AccountPipeline(account: "a", numbers: stored.numbers, loop: loop)
            for _ in 0..<100 { pipeline.emit(.accountState(old: "", new: "", reason: "")) }
            highest = pipeline.lastNumber
            #expect(highest <= stored.numbers.last)
            let copy = self.folder + "/crash-\(crash)/store.sqlite"
            try FileManager.default.createDirectory(
                atPath: self.folder + "/crash-\(crash)",
                withIntermediateDirectories: true
            )
            for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: current + suffix) {
                try FileManager.default.copyItem(atPath: current + suffix, toPath: copy + suffix)
            }
            try await store.close()
            current = copy
        }
    }

    @Test func theNextBlockIsOnDiskBeforeItIsUsed() async throws {
        let store = try Store.open(path: self.path)
        let numbers = try store.loadAccount("a").numbers
        let before = numbers.last
        numbers.requestMore()
        try await store.flush()
        #expect(numbers.last == before + NumberLease.blockSize)
        let reader = try DatabaseQueue(path: self.path)
        let reserved = try await reader.read {
            try Int64.fetchOne($0, sql: "SELECT n_reserved FROM account_counter WHERE account = 'a'")
        }
        #expect(reserved == numbers.last)
        try reader.close()
        try await store.close()
    }

    // MARK: Trouble

    @Test func keepsAndRetriesWhatCannotBeWritten() async throws {
        let changes = Mutex<[StoreError?]>([])
        let store = try Store.open(path: self.path) { change in changes.withLock { $0.append(change) } }
        // A table that is gone stands for a disk that does not answer.
        try await store.database.write { try $0.execute(sql: "ALTER TABLE position_book RENAME TO hidden") }
        store.record(account: "a", changes: [.upsert(try self.position("BTCUSDT"))])
        await #expect(throws: StoreError.self) { try await store.flush() }
        #expect(store.trouble?.kind == .write)
        try await store.database.write { try $0.execute(sql: "ALTER TABLE hidden RENAME TO position_book") }
        try await store.waitUntilWell()
        #expect(try store.loadAccount("a").positions.count == 1)
        #expect(changes.withLock { $0.map { $0?.kind } } == [.write, nil])
        try await store.close()
    }

    @Test func namesARowItCannotRead() async throws {
        let store = try Store.open(path: self.path)
        store.record(account: "a", changes: [.upsert(try self.position("BTCUSDT"))])
        try await store.flush()
        try await store.database.write { try $0.execute(sql: "UPDATE position_book SET size = 'much'") }
        let error = #expect(throws: StoreError.self) { try store.loadAccount("a") }
        #expect(error?.kind == .unreadable)
        #expect(error?.reason.contains("BTCUSDT") == true && error?.reason.contains("much") == true)
        try await store.close()
    }

    @Test func saysWhyItCannotBeOpened() throws {
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        let error = #expect(throws: StoreError.self) { try Store.open(path: self.path) }
        #expect(error?.kind == .unavailable)
        #expect(error?.path == self.path)
    }

    @Test func nothingIsRecordedAfterTheEnd() async throws {
        let store = try Store.open(path: self.path)
        try await store.close()
        try await store.close()
        store.record(account: "a", changes: [.upsert(try self.position("BTCUSDT"))])
        let error = await #expect(throws: StoreError.self) { try await store.flush() }
        #expect(error?.kind == .closed)
    }

    @Test func manyThreadsRecordAtOnce() async throws {
        let store = try Store.open(path: self.path)
        let positions = try (0..<50).map { try self.position("S\($0)") }
        await withTaskGroup(of: Void.self) { group in
            for account in 0..<8 {
                group.addTask {
                    for position in positions { store.record(account: "a\(account)", changes: [.upsert(position)]) }
                }
            }
        }
        try await store.flush()
        let loaded = try store.loadAll((0..<8).map { "a\($0)" })
        #expect(loaded.allSatisfy { $0.positions.count == 50 })
        try await store.close()
    }
}

import Foundation
import GRDB
import HybridStream
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct ConsumerStateTests {
    private let folder: StoreFolder

    init() throws { self.folder = try StoreFolder() }

    @Test func theNewestStateWinsInABatchAndOverBatches() async throws {
        let store = try Store.open(path: self.folder.path)
        store.recordStates(account: "a", [StoreFixtures.state("1"), StoreFixtures.state("2")])
        #expect(try store.loadAccount("a").states == [StoreFixtures.state("2")])
        let later = StoreFixtures.state("3", opening: StoreFixtures.opening(n: 99, seen: 5), attempts: 9)
        store.recordStates(account: "a", [later])
        #expect(try store.loadAccount("a").states == [later], "it belongs to another opening now")
        try await store.close()
    }

    @Test func legsConsumersAndAccountsAreApart() async throws {
        let store = try Store.open(path: self.folder.path)
        let states = [
            StoreFixtures.state("1", consumer: "aged_monitor"), StoreFixtures.state("2"),
            StoreFixtures.state("3", opening: StoreFixtures.opening(index: 1)),
            StoreFixtures.state("4", opening: StoreFixtures.opening(index: 2)),
        ]
        store.recordStates(account: "a", states)
        store.recordStates(account: "b", [StoreFixtures.state("5", account: "b")])
        store.dropStates(account: "a", StoreFixtures.opening(index: 1).key)
        store.dropStates(account: "b", StoreFixtures.opening(index: 2).key)
        let loaded = try store.loadAll(["a", "b"])
        #expect(loaded[0].states == [states[0], states[1], states[3]])
        #expect(loaded[1].states == [StoreFixtures.state("5", account: "b")])
        try await store.close()
    }

    /// A position closes and is opened again, within a batch or not.
    @Test(arguments: [false, true]) func whatComesAfterADropIsKept(isFlushed: Bool) async throws {
        let store = try Store.open(path: self.folder.path)
        store.recordStates(
            account: "a",
            [StoreFixtures.state("old"), StoreFixtures.state("old", consumer: "aged_monitor")]
        )
        if isFlushed { try await store.flush() }
        store.dropStates(account: "a", StoreFixtures.opening().key)
        if isFlushed { try await store.flush() }
        let new = StoreFixtures.state("new", opening: StoreFixtures.opening(n: 20))
        store.recordStates(account: "a", [new])
        #expect(try store.loadAccount("a").states == [new])
        store.dropStates(account: "a", StoreFixtures.opening().key)
        #expect(try store.loadAccount("a").states.isEmpty)
        try await store.close()
    }

    /// What could not be written is older than what came since.
    @Test func theOrderIsKeptOverAFailure() async throws {
        let store = try Store.open(path: self.folder.path)
        store.recordStates(account: "a", [StoreFixtures.state("in the file", consumer: "position_manager")])
        try await store.flush()
        let new = StoreFixtures.state("new", opening: StoreFixtures.opening(n: 20))
        let other = StoreFixtures.state("kept", opening: StoreFixtures.opening("ETHUSDT"))
        try await store.withFailingDisk {
            // An action is what fails here; all of its batch fails with it.
            let old = ["trailing_stop", "aged_monitor"].map { StoreFixtures.state("old", consumer: $0) }
            store.recordAction(try StoreFixtures.action("bt-1"), states: old)
            store.recordStates(account: "a", [other])
            await #expect(throws: StoreError.self) { try await store.flush() }
            store.dropStates(account: "a", StoreFixtures.opening().key)
            await #expect(throws: StoreError.self) { try await store.flush() }
            store.recordStates(account: "a", [new])
        }
        #expect(try store.loadAccount("a").states == [new, other])
        try await store.close()
    }

    /// Changes that come while a write is under way that fails in the end.
    @Test func whatCameSinceIsNewerThanWhatComesBack() throws {
        let database = try DatabaseQueue()
        try StoreSchema.migrator.migrate(database)
        let (leg, other) = (StoreFixtures.opening(), StoreFixtures.opening("ETHUSDT"))
        var older = PendingStates()
        older.add([StoreFixtures.state("old"), StoreFixtures.state("gone", consumer: "aged_monitor")], account: "a")
        older.add([StoreFixtures.state("older", opening: other)], account: "a")
        older.drop(StoreFixtures.opening("XRPUSDT").key, account: "a")
        var newer = PendingStates()
        newer.drop(leg.key, account: "a")
        newer.add([StoreFixtures.state("new")], account: "a")
        newer.add([StoreFixtures.state("beside", consumer: "aged_monitor", opening: other)], account: "a")
        newer.restore(older)
        let written = try database.write { database in
            let dropped = StoreFixtures.state("stale", opening: StoreFixtures.opening("XRPUSDT"))
            try dropped.upsert(account: "a", in: database)
            try newer.write(in: database)
            return try ConsumerStateRecord.all("a", in: database)
        }
        #expect(written.map(\.state) == ["new", "beside", "older"])
    }

    @Test func namesAStateItCannotRead() async throws {
        let store = try Store.open(path: self.folder.path)
        store.recordStates(account: "a", [StoreFixtures.state("1")])
        store.recordAction(try StoreFixtures.action("bt-1"))
        try await store.flush()
        try await store.database.write { try $0.execute(sql: "UPDATE consumer_state SET side = 'Left'") }
        let state = #expect(throws: StoreError.self) { try store.loadAccount("a") }
        #expect(state?.kind == .unreadable)
        for word in ["trailing_stop", "BTCUSDT", "side", "Left"] {
            #expect(state?.reason.contains(word) == true, "\(state?.reason ?? "nil")")
        }
        try await store.database.write {
            try $0.execute(sql: "DELETE FROM consumer_state; UPDATE action_journal SET params = '[1]'")
        }
        let action = #expect(throws: StoreError.self) { try store.loadAccount("a") }
        #expect(action?.reason.contains("bt-1") == true && action?.reason.contains("params") == true)
        try await store.close()
    }
}

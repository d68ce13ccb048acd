import Foundation
import GRDB
import HybridStream
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct StoreMigrationTests {
    private let folder: StoreFolder

    init() throws { self.folder = try StoreFolder() }

    /// A file as the version before consumers acted has left it.
    private func makeOldFile(_ version: String) throws {
        let database = try DatabaseQueue(path: self.folder.path)
        try StoreSchema.migrator.migrate(database, upTo: version)
        try database.write { database in
            try PositionRecord.upsert(try Fixtures.position(), account: "a", in: database)
            try database.execute(sql: "INSERT INTO account_counter VALUES ('a', 4711)")
            if !version.hasPrefix("1") {
                try database.execute(sql: "INSERT INTO told_event (account, n, line) VALUES ('a', 4700, x'7B7D0A')")
            }
        }
        try database.close()
    }

    @Test(arguments: ["1 positions and counters", "2 told events", "3 consumers and actions"])
    func takesOverWhatAnOlderVersionHasLeft(version: String) async throws {
        try self.makeOldFile(version)
        let store = try Store.open(path: self.folder.path)
        let loaded = try store.loadAccount("a")
        #expect(loaded.positions.map(\.key.symbol) == ["BTCUSDT"])
        #expect(loaded.nextN == 4_712)
        #expect(loaded.told.map(\.n) == (version.hasPrefix("1") ? [] : [4_700]))
        #expect(loaded.states.isEmpty && loaded.unfinished.isEmpty)
        #expect(store.setAside == nil)
        #expect(await store.journal(try StoreFixtures.action("bt-1")).failure == nil)
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        #expect(try again.loadAccount("a").unfinished.count == 1)
        #expect(try again.overrides().isEmpty)
        #expect(try again.lastSources() == nil)
        #expect(try again.rolloutMemory().isEmpty)
        #expect(try await again.commit(RevisionFixtures.draft()) == 1)
        try await again.close()
    }

    /// A client asks before the new version has started.
    @Test func anOlderFileHasNoHistory() throws {
        try self.makeOldFile("2 told events")
        let history = try ActionHistory(storeAt: self.folder.path, ActionsRequest(limit: 5))
        #expect(history == ActionHistory(accounts: [], actions: []))
    }

    @Test func anOlderFileHasNoRevisionsAndStaysAsItIs() throws {
        try self.makeOldFile("3 consumers and actions")
        let file = RevisionFile(path: self.folder.path)
        #expect(try file.revisions(RevisionsRequest(limit: 5)).isEmpty)
        #expect(try file.overrides().isEmpty)
        #expect(try file.lastSources() == nil)
        #expect(try file.accounts().isEmpty)
        let database = try DatabaseQueue(path: self.folder.path)
        #expect(try database.read { try !$0.tableExists("revision") })
        try database.close()
    }
}

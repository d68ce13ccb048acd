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

    @Test(
        arguments: [
            "1 positions and counters", "2 told events", "3 consumers and actions", "4 revisions and overrides",
        ]
    )
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

    /// What an older version has kept is found again, however long it is.
    @Test func textsOfAnOlderVersionAreNotKeptAgain() async throws {
        try self.makeOldFile("4 revisions and overrides")
        let sources = RevisionFixtures.sources(String(repeating: "# long\n", count: 50_000))
        let database = try DatabaseQueue(path: self.folder.path)
        try await database.write { database in
            for (kind, text) in [("start", sources.files[0].text), ("apply", "other: 1\n")] {
                let sql = """
                    INSERT INTO revision (time, kind, user, reason, accounts, diff) VALUES (1, ?, 'ann', '', '[]', '[]')
                    """
                try database.execute(sql: sql, arguments: [kind])
                let revision = database.lastInsertedRowID
                try database.execute(sql: "INSERT INTO source_text (text) VALUES (?)", arguments: [text])
                try database.execute(
                    sql: "INSERT INTO revision_source (revision, position, path, text_id) VALUES (?, 0, '/a.yaml', ?)",
                    arguments: [revision, database.lastInsertedRowID]
                )
            }
        }
        try database.close()
        let store = try Store.open(path: self.folder.path)
        #expect(try await store.commit(RevisionFixtures.draft(.apply, sources: sources)) == 3)
        #expect(try await store.textCount() == 3, "the included file is new")
        #expect(try await store.sources(of: 1)?.files.map(\.text) == [sources.files[0].text])
        #expect(try await store.sources(of: 3) == sources)
        try await store.close()
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
        let database = try DatabaseQueue(path: self.folder.path)
        #expect(try database.read { try !$0.tableExists("revision") })
        try database.close()
    }
}

import Foundation
import GRDB
import HybridStream
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct ActionJournalTests {
    private let folder: StoreFolder

    init() throws { self.folder = try StoreFolder() }

    @Test func keepsActionsAndStatesOverARestart() async throws {
        let store = try Store.open(path: self.folder.path)
        let sent = try StoreFixtures.action("bt-1", text: "“text” with \"quotes\"\n")
        let states = [
            StoreFixtures.state("{\"peak\":\"60500\"}"), StoreFixtures.state("{}", consumer: "aged_monitor"),
        ]
        #expect(await store.journal(sent, states: states).failure == nil)
        #expect(await store.journal(try StoreFixtures.action("bt-2", account: "b")).failure == nil)
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        let loaded = try again.loadAll(["a", "b", "new"])
        #expect(loaded[0].unfinished == [sent])
        #expect(loaded[0].states == [states[1], states[0]], "in the order of their keys")
        #expect(loaded[1].unfinished.map(\.orderLinkID) == ["bt-2"] && loaded[1].states.isEmpty)
        #expect(loaded[2].unfinished.isEmpty && loaded[2].states.isEmpty)
        try await again.close()
    }

    /// When it is called, a process that dies at that instant has the action; not a moment later.
    @Test func isOnDiskWhenItIsCommitted() async throws {
        let store = try Store.open(path: self.folder.path)
        for number in 1...5 {
            let state = StoreFixtures.state("{\"attempt\":\(number)}", attempts: number)
            let copy: Result<String, any Error> = await withCheckedContinuation { continuation in
                do {
                    store.recordAction(try StoreFixtures.action("bt-\(number)"), states: [state]) { [folder] result in
                        continuation.resume(
                            returning: Result {
                                try result.get()
                                return try folder.copy("crash-\(number)")
                            }
                        )
                    }
                } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
            let next = try Store.open(path: try copy.get())
            let loaded = try next.loadAccount("a")
            #expect(loaded.unfinished.map(\.orderLinkID) == (1...number).map { "bt-\($0)" })
            #expect(loaded.states == [state])
            try await next.close()
        }
        try await store.close()
    }

    @Test func whatIsWaitedForIsWrittenForGood() async throws {
        let store = try Store.open(path: self.folder.path)
        let log = try await store.traced()
        store.recordAction(try StoreFixtures.action("bt-1", outcome: .done))
        try await store.flush()
        #expect(log.all("PRAGMA synchronous", "INSERT INTO action_journal") == ["INSERT INTO action_journal"])
        #expect(await store.journal(try StoreFixtures.action("bt-2")).failure == nil)
        // The callback comes from within; what follows it must have happened.
        try await store.flush()
        #expect(
            log.all("PRAGMA synchronous = FULL", "PRAGMA synchronous = NORMAL", "INSERT", "COMMIT").suffix(4)
                == ["PRAGMA synchronous = FULL", "INSERT", "COMMIT", "PRAGMA synchronous = NORMAL"]
        )
        try await store.close()
    }

    @Test func laterWordsChangeTheOutcomeAndNothingElse() async throws {
        let store = try Store.open(path: self.folder.path)
        #expect(await store.journal(try StoreFixtures.action("bt-1")).failure == nil)
        var later = try StoreFixtures.action(
            "bt-1",
            symbol: "ETHUSDT",
            outcome: .accepted,
            code: 0,
            text: "ok",
            created: StoreFixtures.time + 1_000
        )
        later.parameters = []
        later.size = .zero
        store.recordAction(later)
        var expected = try StoreFixtures.action("bt-1", outcome: .accepted, code: 0, text: "ok")
        expected.updatedTime = StoreFixtures.time + 1_000
        #expect(try await store.history() == [expected])
        #expect(try store.loadAccount("a").unfinished == [expected])
        store.recordAction(try StoreFixtures.action("bt-1", outcome: .done))
        #expect(try await store.history().map(\.outcome) == [.done])
        #expect(try store.loadAccount("a").unfinished.isEmpty)
        try await store.close()
    }

    @Test func severalWordsInOneBatchAreOneRow() async throws {
        let store = try Store.open(path: self.folder.path)
        for outcome in [PipelineEvent.Action.Outcome.journalled, .unknown, .rejected] {
            store.recordAction(try StoreFixtures.action("bt-1", outcome: outcome, code: 110_017))
        }
        store.recordAction(try StoreFixtures.action("bt-1", account: "b"))
        let history = try await store.history()
        #expect(history.map(\.account) == ["b", "a"] && history.map(\.outcome) == [.journalled, .rejected])
        #expect(history.map(\.returnCode) == [nil, 110_017])
        try await store.close()
    }

    @Test(
        arguments: [
            (.journalled, false, true), (.accepted, false, true), (.unknown, false, true), (.done, false, false),
            (.rejected, false, false), (.journalled, true, false),
        ] as [(PipelineEvent.Action.Outcome, Bool, Bool)]
    )
    func whatIsUnfinished(outcome: PipelineEvent.Action.Outcome, isDryRun: Bool, isUnfinished: Bool) async throws {
        let store = try Store.open(path: self.folder.path)
        let action = try StoreFixtures.action("bt-1", outcome: outcome, isDryRun: isDryRun)
        #expect(action.isFinished == !isUnfinished)
        store.recordAction(action)
        #expect(try store.loadAccount("a").unfinished.count == (isUnfinished ? 1 : 0))
        try await store.close()
    }

    // MARK: Together

    /// While the disk is busy with one, the others gather and share the next transaction.
    @Test func thoseThatComeTogetherShareATransaction() async throws {
        let store = try Store.open(path: self.folder.path)
        let results = Results()
        let log = try await store.traced()
        try await store.withBlockedDisk {
            for number in 1...50 {
                store.recordAction(try StoreFixtures.action("bt-\(number)"), committed: results.add)
            }
        }
        try await results.wait(50)
        #expect(results.all.allSatisfy { $0.failure == nil })
        #expect(log.all("COMMIT").count <= 2)
        #expect(try await store.history().count == 50)
        try await store.close()
    }

    @Test func isNotCollected() async throws {
        let store = try Store.open(path: self.folder.path)
        // The first one pays for what is only done once.
        _ = await store.journal(try StoreFixtures.action("bt-0"))
        // Whoever waits for a collection waits 50 ms each time; on a busy machine others wait as well, but not every time.
        let clock = ContinuousClock()
        var times: [Duration] = []
        while times.last.map({ $0 >= .milliseconds(40) }) ?? true, times.count < 1_000 {
            let record = try StoreFixtures.action("bt-\(times.count + 1)")
            times.append(await clock.measure { _ = await store.journal(record) })
        }
        #expect(times.last.map { $0 < .milliseconds(40) } == true, "\(times.count) times, the last \(times.suffix(20))")
        try await store.close()
    }

    // MARK: Old ones

    @Test func forgetsWhatEndedLongAgo() async throws {
        let store = try Store.open(path: self.folder.path)
        let old = StoreFixtures.time - ActionRecord.keptTime - 1
        for (id, outcome, isDryRun, updated) in [
            ("done", .done, false, old), ("rejected", .rejected, false, old), ("dry", .journalled, true, old),
            ("unknown", .unknown, false, old), ("late", .done, false, old + 1),
        ] as [(String, PipelineEvent.Action.Outcome, Bool, Int64)] {
            store.recordAction(
                try StoreFixtures.action(id, outcome: outcome, isDryRun: isDryRun, created: old, updated: updated)
            )
        }
        #expect(try await store.history().count == 5, "what they are compared with is the newest word")
        store.recordAction(try StoreFixtures.action("new"))
        #expect(try await Set(store.history().map(\.orderLinkID)) == ["unknown", "late", "new"])
        try await store.close()
    }

    @Test func forgetsALittleAtATime() async throws {
        let store = try Store.open(path: self.folder.path)
        let old = StoreFixtures.time - ActionRecord.keptTime - 1
        for number in 0..<250 {
            store.recordAction(
                try StoreFixtures.action("old-\(number)", outcome: .done, created: old - 250 + Int64(number))
            )
        }
        try await store.flush()
        var counts: [Int] = []
        for number in 0..<4 {
            store.recordAction(try StoreFixtures.action("new-\(number)"))
            counts.append(try await store.history().count)
        }
        #expect(counts == [151, 52, 3, 4])
        try await store.close()
    }

    /// Without them the work of a write grows with the journal.
    @Test(arguments: [
        (ActionRecord.pruneSQL, ["1", "100"], "action_journal_finished"),
        (ActionRecord.unfinishedSQL, ["a"], "action_journal_unfinished"),
    ])
    func usesItsIndices(sql: String, arguments: [String], index: String) async throws {
        let store = try Store.open(path: self.folder.path)
        let plan = try await store.database.read { database in
            try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + sql, arguments: StatementArguments(arguments))
                .map { row -> String in row["detail"] }
        }
        #expect(plan.contains { $0.contains("INDEX \(index)") }, "\(plan)")
        #expect(!plan.contains { $0.hasPrefix("SCAN action_journal") && !$0.contains("USING") }, "\(plan)")
        try await store.close()
    }
}

import Dispatch
import Foundation
import GRDB
import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct RevisionStoreTests {
    private let folder: StoreFolder

    init() throws { self.folder = try StoreFolder() }

    @Test func aRevisionComesBackAsItWasWritten() async throws {
        let store = try Store.open(path: self.folder.path)
        let sources = RevisionFixtures.sources()
        let number = try await store.commit(
            RevisionFixtures.draft(.apply, accounts: ["b", "a"], sources: sources, overrides: ["a": nil])
        )
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        let revisions = try await again.allRevisions()
        #expect(
            revisions == [
                Revision(
                    number: 1,
                    time: 100,
                    kind: .apply,
                    caller: Caller(user: "ann", uid: 1_000),
                    reason: "because \"it\" holds",
                    accounts: ["b", "a"],
                    diff: ["b: mode: rest -> canary", "a: mode: rest -> canary"],
                    file: "/etc/bybitctl/accounts.yaml"
                )
            ]
        )
        #expect(number == 1)
        #expect(try await again.sources(of: 1) == sources)
        #expect(try await again.sources(of: 2) == nil)
        try await again.close()
    }

    @Test func everyKindAndTheDaemonItselfAreKept() async throws {
        let store = try Store.open(path: self.folder.path)
        for kind in Revision.Kind.allCases {
            var draft = RevisionFixtures.draft(kind)
            if kind == .automaticRollback { draft.caller = .daemon }
            _ = try await store.commit(draft)
        }
        let revisions = try await store.allRevisions()
        #expect(revisions.map(\.kind) == Revision.Kind.allCases.reversed())
        #expect(revisions.map(\.number) == Array((1...Revision.Kind.allCases.count).reversed()))
        #expect(revisions.first?.caller == .daemon)
        try await store.close()
    }

    @Test func newestFirstByAccountTimeAndNumber() async throws {
        let store = try Store.open(path: self.folder.path)
        for (accounts, time) in [(["a"], 100), (["b"], 200), (["a", "c"], 300), ([], 250)] as [([String], Int64)] {
            _ = try await store.commit(RevisionFixtures.draft(accounts: accounts, time: time))
        }
        func numbers(_ query: RevisionsRequest) async throws -> [Int] {
            try await store.revisions(query).map(\.number)
        }
        #expect(try await numbers(RevisionsRequest(limit: 10)) == [4, 3, 2, 1])
        #expect(try await numbers(RevisionsRequest(limit: 2)) == [4, 3])
        #expect(try await numbers(RevisionsRequest(accounts: ["a"], limit: 10)) == [3, 1])
        #expect(try await numbers(RevisionsRequest(accounts: ["b", "c"], limit: 10)) == [3, 2])
        #expect(try await numbers(RevisionsRequest(accounts: ["a"], sinceMilliseconds: 300, limit: 10)) == [3])
        #expect(try await numbers(RevisionsRequest(sinceMilliseconds: 250, limit: 10)) == [4, 3])
        #expect(try await numbers(RevisionsRequest(limit: 10, number: 2)) == [2])
        #expect(try await numbers(RevisionsRequest(accounts: ["nobody"], limit: 10)).isEmpty)
        try await store.close()
    }

    // MARK: Overrides

    @Test func overridesSurviveAndEachKeyKnowsItsRevision() async throws {
        let store = try Store.open(path: self.folder.path)
        var override = AccountOverride(isEnabled: true)
        _ = try await store.commit(RevisionFixtures.draft(.enable, overrides: ["a": override]))
        override.mode = .cutover
        override.percent = 50
        _ = try await store.commit(RevisionFixtures.draft(.promote, overrides: ["a": override]))
        override.isDrained = true
        _ = try await store.commit(
            RevisionFixtures.draft(.drain, overrides: ["a": override, "b": AccountOverride(isDrained: true)])
        )
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        #expect(
            try again.overrides() == [
                "a": StoredOverride(
                    override,
                    enabledBy: .init(revision: 1, kind: .enable),
                    modeBy: .init(revision: 2, kind: .promote),
                    drainedBy: .init(revision: 3, kind: .drain)
                ),
                "b": StoredOverride(
                    AccountOverride(isDrained: true),
                    drainedBy: .init(revision: 3, kind: .drain)
                ),
            ]
        )
        override.percent = 100
        override.isEnabled = nil
        _ = try await again.commit(RevisionFixtures.draft(.promote, overrides: ["a": override, "b": nil]))
        #expect(
            try again.overrides() == [
                "a": StoredOverride(
                    override,
                    modeBy: .init(revision: 4, kind: .promote),
                    drainedBy: .init(revision: 3, kind: .drain)
                )
            ]
        )
        _ = try await again.commit(RevisionFixtures.draft(.resume, overrides: ["a": AccountOverride()]))
        #expect(try again.overrides().isEmpty, "an override that says nothing is none")
        try await again.close()
    }

    @Test func aWholeFleetIsOneRevision() async throws {
        let store = try Store.open(path: self.folder.path)
        let names = (0..<2_000).map { "sub-\($0)" }
        var draft = RevisionFixtures.draft(.rollback, accounts: names)
        for name in names { draft.overrides.updateValue(AccountOverride(mode: .rest), forKey: name) }
        #expect(try await store.commit(draft) == 1)
        let overrides = try store.overrides()
        #expect(overrides.count == 2_000)
        #expect(overrides.values.allSatisfy { $0.modeBy == .init(revision: 1, kind: .rollback) })
        #expect(try await store.revisions(RevisionsRequest(accounts: ["sub-1999"], limit: 5)).first?.accounts == names)
        try await store.close()
    }

    // MARK: Sources

    @Test func theLastSourcesAreThoseOfTheNewestFile() async throws {
        let store = try Store.open(path: self.folder.path)
        #expect(try store.lastSources() == nil)
        _ = try await store.commit(RevisionFixtures.draft(.start, sources: RevisionFixtures.sources("one: 1\n")))
        let second = RevisionFixtures.sources("two: 2\n")
        _ = try await store.commit(RevisionFixtures.draft(.apply, sources: second))
        _ = try await store.commit(RevisionFixtures.draft(.promote, overrides: ["a": AccountOverride(mode: .rest)]))
        let last = try #require(try store.lastSources())
        #expect(last.revision == 2 && last.sources == second)
        #expect(try await store.sources(of: 1) == RevisionFixtures.sources("one: 1\n"))
        #expect(try await store.sources(of: 3) == nil)
        try await store.close()
    }

    /// Two thousand included files of which one changes: the others are not kept again.
    @Test func aTextThatDidNotChangeIsKeptOnce() async throws {
        let store = try Store.open(path: self.folder.path)
        for number in 0..<5 {
            let sources = RevisionFixtures.sources("same: true\n", included: "changes: \(number)\n")
            _ = try await store.commit(RevisionFixtures.draft(.apply, sources: sources))
        }
        #expect(try await store.textCount() == 6)
        #expect(try await store.sources(of: 3)?.files.map(\.text) == ["same: true\n", "changes: 2\n"])
        try await store.close()
    }

    /// Back and forth between two files: each comes back from where it is kept.
    @Test func aTextThatComesBackIsNotKeptAgain() async throws {
        let store = try Store.open(path: self.folder.path)
        let (one, other) = (RevisionFixtures.sources("one: 1\n"), RevisionFixtures.sources("two: 2\n"))
        for sources in [one, other, one, other] {
            _ = try await store.commit(RevisionFixtures.draft(.apply, sources: sources))
        }
        #expect(try await store.textCount() == 3, "two of the main file and one of the other")
        for (number, sources) in [one, other, one, other].enumerated() {
            #expect(try await store.sources(of: number + 1) == sources)
        }
        try await store.close()
    }

    /// Equal hashes do not make two texts one.
    @Test func anotherTextWithTheSameHashIsKept() async throws {
        let store = try Store.open(path: self.folder.path)
        _ = try await store.commit(RevisionFixtures.draft(.apply, sources: RevisionFixtures.sources("one: 1\n")))
        let hash = try await store.database.write { database in
            try Int64.fetchOne(database, sql: "SELECT hash FROM source_text WHERE text = ?", arguments: ["one: 1\n"])
        }
        try await store.database.write { database in
            try database.execute(
                sql: "UPDATE source_text SET text = ? WHERE hash = ?",
                arguments: ["else: 0\n", hash]
            )
        }
        _ = try await store.commit(RevisionFixtures.draft(.apply, sources: RevisionFixtures.sources("one: 1\n")))
        #expect(try await store.sources(of: 1)?.files.first?.text == "else: 0\n")
        #expect(try await store.sources(of: 2)?.files.first?.text == "one: 1\n")
        try await store.close()
    }

    // MARK: Without blocking

    @Test func whatIsFetchedIsWhatIsRead() async throws {
        let store = try Store.open(path: self.folder.path)
        let (applied, restored) = (RevisionFixtures.sources("one: 1\n"), RevisionFixtures.sources("two: 2\n"))
        let override = AccountOverride(mode: .canary)
        _ = try await store.commit(RevisionFixtures.draft(.apply, sources: applied, overrides: ["a": override]))
        _ = try await store.commit(RevisionFixtures.draft(.rollback, sources: restored))
        store.record(rollout: RolloutMemory(mode: .canary, since: 7, state: "{}"), account: "a")
        #expect(try await store.fetchOverrides() == (try store.overrides()))
        #expect(try await store.fetchOverrides()["a"]?.override == override)
        let last = try #require(try await store.fetchLastSources())
        #expect(last.revision == 2 && last.sources == restored)
        #expect(try await store.fetchLastReadSources() == applied)
        #expect(try await store.fetchRolloutMemory().keys.sorted() == ["a"])
        #expect(try await store.fetchAll(["b", "a"], above: ["a": 4_711]).map(\.account) == ["b", "a"])
        #expect(try await store.fetchAll(["a"])[0].nextN > 4_711)
        try await store.close()
        await #expect(throws: StoreError.self) { try await store.fetchOverrides() }
        await #expect(throws: StoreError.self) { try await store.fetchAll(["a"]) }
    }

    /// As the fleet does: it asks the store, and is asked meanwhile.
    private actor Asker {
        private(set) var isAsking = false

        func ask(_ question: @Sendable () async throws -> Void) async throws {
            self.isAsking = true
            defer { self.isAsking = false }
            try await question()
        }
    }

    private static let questions: [@Sendable (Store) async throws -> Void] = [
        { _ = try await $0.fetchOverrides() }, { _ = try await $0.fetchLastSources() },
        { _ = try await $0.fetchLastReadSources() }, { _ = try await $0.fetchRolloutMemory() },
        { _ = try await $0.fetchAll(["a"]) },
    ]

    @Test(arguments: 0..<5) func aDiskThatDoesNotAnswerBlocksNobody(question: Int) async throws {
        let store = try Store.open(path: self.folder.path)
        let asker = Asker()
        let isHeldUp = Mutex(true)
        let gate = DispatchSemaphore(value: 0)
        store.thread.async {
            // A store that blocks whoever asks is found out, and not waited for.
            _ = gate.wait(timeout: .now() + 120)
            isHeldUp.withLock { $0 = false }
        }
        let asking = Task { try await asker.ask { try await Self.questions[question](store) } }
        while await !asker.isAsking, isHeldUp.withLock({ $0 }) { await Task.yield() }
        #expect(isHeldUp.withLock { $0 }, "whoever asked is blocked")
        #expect(await asker.isAsking, "it is answered while the disk is not")
        gate.signal()
        try await asking.value
        #expect(await !asker.isAsking)
        try await store.close()
    }

    // MARK: What gates have measured

    @Test func rolloutMemoryIsTheNewestOfEachAccount() async throws {
        let store = try Store.open(path: self.folder.path)
        for number in 0..<100 {
            store.record(
                rollout: RolloutMemory(mode: .cutover, percent: 50, since: Int64(number), state: "{\"n\":\(number)}"),
                account: "a"
            )
        }
        store.record(rollout: RolloutMemory(mode: .canary, since: 7, state: "{}"), account: "b")
        store.record(rollout: RolloutMemory(mode: .canary, since: 8, state: "{}"), account: "c")
        store.forgetRollout(account: "c")
        try await store.close()
        let again = try Store.open(path: self.folder.path)
        let kept = [
            "a": RolloutMemory(mode: .cutover, percent: 50, since: 99, state: "{\"n\":99}"),
            "b": RolloutMemory(mode: .canary, since: 7, state: "{}"),
        ]
        #expect(try again.rolloutMemory() == kept)
        again.forgetRollout(account: "a")
        #expect(try again.rolloutMemory() == ["b": kept["b"]].compactMapValues(\.self))
        try await again.close()
    }

    /// Written often, so not for good: no write to the disk waits for it.
    @Test func rolloutMemoryDoesNotWaitForTheDisk() async throws {
        let store = try Store.open(path: self.folder.path)
        let log = try await store.traced()
        store.record(rollout: RolloutMemory(mode: .canary, since: 7, state: "{}"), account: "b")
        try await store.flush()
        #expect(log.all("PRAGMA synchronous = FULL").isEmpty)
        _ = try await store.commit(RevisionFixtures.draft())
        #expect(log.all("PRAGMA synchronous = FULL").count == 1)
        try await store.close()
    }

    // MARK: Without a daemon

    @Test func aClientReadsBesideTheDaemonAndAfterIt() async throws {
        let store = try Store.open(path: self.folder.path)
        let sources = RevisionFixtures.sources()
        let override = AccountOverride(mode: .canary)
        _ = try await store.commit(RevisionFixtures.draft(.start, accounts: ["a", "b"], sources: sources))
        _ = try await store.commit(RevisionFixtures.draft(.promote, overrides: ["a": override]))
        func check() throws {
            let file = RevisionFile(path: self.folder.path)
            #expect(try file.revisions(RevisionsRequest(limit: 9)).map(\.number) == [2, 1])
            #expect(try file.overrides()["a"]?.override == override)
            #expect(try file.lastSources()?.revision == 1)
            #expect(try file.sources(of: 1) == sources)
        }
        try check()
        try await store.close()
        try check()
    }

    @Test func aFileThatIsNotThereIsNotMade() throws {
        let file = RevisionFile(path: self.folder.path)
        #expect(try file.revisions(RevisionsRequest(limit: 9)).isEmpty)
        #expect(try file.overrides().isEmpty)
        #expect(try file.lastSources() == nil)
        #expect(try self.folder.names.isEmpty)
    }

    @Test func whatIsNoStoreIsSaidSo() throws {
        try self.folder.write(Data("no database, but long enough to be looked at".utf8))
        #expect(throws: StoreError.self) {
            try RevisionFile(path: self.folder.path).revisions(RevisionsRequest(limit: 9))
        }
    }
}

import Foundation
import GRDB
import HybridStream
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
        let count = try await store.database.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM source_text") }
        #expect(count == 6)
        #expect(try await store.sources(of: 3)?.files.map(\.text) == ["same: true\n", "changes: 2\n"])
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
            #expect(try file.accounts() == ["a", "b"])
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

import Foundation
import GRDB
import HybridStream
import Testing

@testable import Orchestrator

/// What becomes of revisions while the disk fails or hangs, or the process dies.
@Suite(.timeLimit(.minutes(1))) struct RevisionFailureTests {
    private let folder: StoreFolder

    init() throws { self.folder = try StoreFolder() }

    @Test func aWriteThatFailsLeavesNothingAndNoHole() async throws {
        let store = try Store.open(path: self.folder.path)
        let before = AccountOverride(mode: .rest)
        _ = try await store.commit(RevisionFixtures.draft(overrides: ["a": before]))
        // The revision itself can be written; the override that belongs to it cannot.
        try await store.withoutRevisionTable {
            let draft = RevisionFixtures.draft(
                .apply,
                sources: RevisionFixtures.sources(),
                overrides: ["a": AccountOverride(mode: .hybrid)]
            )
            let failure = try #require(await store.tryCommit(draft).failure)
            #expect(failure.kind == .notCommitted)
            #expect(failure.reason.contains("account_override"), "the disk's own reason is in it")
            #expect(failure.description.contains("Nothing was changed"))
        }
        #expect(try await store.allRevisions().map(\.number) == [1])
        #expect(try store.overrides().mapValues(\.override) == ["a": before])
        #expect(try store.lastSources() == nil)
        #expect(try await store.commit(RevisionFixtures.draft(overrides: ["a": nil])) == 2)
        #expect(try store.overrides().isEmpty)
        try await store.close()
    }

    /// Who was told of the failure changes nothing, so what could not be written then must not be written later.
    @Test func whatFailedIsNotTriedAgain() async throws {
        let store = try Store.open(path: self.folder.path)
        try await store.withoutRevisionTable {
            store.record(rollout: RolloutMemory(mode: .canary, since: 7, state: "{}"), account: "b")
            let draft = RevisionFixtures.draft(overrides: ["a": AccountOverride(isDrained: true)])
            #expect(await store.tryCommit(draft).failure != nil)
        }
        try await store.waitUntilWell()
        #expect(try store.rolloutMemory().keys.sorted() == ["b"], "what nobody waits for is written later")
        #expect(try await store.allRevisions().isEmpty)
        #expect(try store.overrides().isEmpty)
        try await store.close()
    }

    /// Nothing is left to be written, and yet everybody is told when the store can write again.
    @Test func theTroubleOfARevisionPasses() async throws {
        let troubles = Results()
        let store = try Store.open(path: self.folder.path) { troubles.add($0.map { .failure($0) } ?? .success(())) }
        try await store.withoutRevisionTable {
            let draft = RevisionFixtures.draft(overrides: ["a": AccountOverride(isDrained: true)])
            #expect(await store.tryCommit(draft).failure != nil)
        }
        try await troubles.wait(2)
        #expect(store.trouble == nil)
        #expect(troubles.all.map { $0.failure?.kind } == [.write, nil])
        try await store.close()
    }

    /// The thread itself hangs in the disk, and the answer comes all the same; and the revision never comes after it.
    @Test func aDiskThatDoesNotAnswerKeepsNobodyWaiting() async throws {
        let store = try Store.open(path: self.folder.path)
        try await store.withBlockedDisk {
            let draft = RevisionFixtures.draft(overrides: ["a": AccountOverride(isDrained: true)])
            let failure = try #require(await store.tryCommit(draft, patience: .milliseconds(50)).failure)
            #expect(failure.kind == .notCommitted)
            #expect(failure.reason.contains("the disk has not answered"))
        }
        #expect(try store.overrides().isEmpty)
        #expect(try await store.allRevisions().isEmpty)
        #expect(try await store.commit(RevisionFixtures.draft()) == 1)
        try await store.close()
    }

    @Test func thoseAtTheSameTimeHaveConsecutiveNumbersOfTheirOwn() async throws {
        let store = try Store.open(path: self.folder.path)
        let log = try await store.traced()
        let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<200 {
                group.addTask {
                    try await store.commit(
                        RevisionFixtures.draft(
                            accounts: ["a\(index)"],
                            time: Int64(index),
                            overrides: ["a\(index)": AccountOverride(mode: .rest)]
                        )
                    )
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(numbers.sorted() == Array(1...200))
        let revisions = try await store.allRevisions()
        #expect(revisions.map(\.number) == Array((1...200).reversed()))
        #expect(Set(revisions.flatMap(\.accounts)).count == 200)
        #expect(log.all("COMMIT").count < 200, "those who wait share transactions")
        let overrides = try store.overrides()
        for revision in revisions {
            #expect(overrides[revision.accounts[0]]?.modeBy?.revision == revision.number)
        }
        try await store.close()
    }

    /// Some fail and some do not, and whoever got a number finds it.
    @Test func everybodyIsToldTheTruthWhateverTheDiskDoes() async throws {
        let store = try Store.open(path: self.folder.path)
        let outcomes = try await withThrowingTaskGroup(of: (String, Result<Int, StoreError>).self) { group in
            func add(_ range: Range<Int>) {
                for index in range {
                    group.addTask {
                        let name = "a\(index)"
                        let draft = RevisionFixtures.draft(
                            accounts: [name],
                            overrides: [name: AccountOverride(isDrained: true)]
                        )
                        return (name, await store.tryCommit(draft, patience: .milliseconds(index % 3 == 0 ? 1 : 400)))
                    }
                }
            }
            add(0..<40)
            try await store.withBlockedDisk {
                add(40..<80)
                try await Task.sleep(for: .milliseconds(20))
            }
            try await store.withoutRevisionTable { add(80..<120) }
            add(120..<160)
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let written = Dictionary(
            uniqueKeysWithValues: try await store.allRevisions().map { ($0.accounts[0], $0.number) }
        )
        let overrides = try store.overrides()
        #expect(outcomes.count == 160)
        for (name, outcome) in outcomes {
            switch outcome {
            case .success(let number): #expect(written[name] == number && overrides[name] != nil)
            case .failure: #expect(written[name] == nil && overrides[name] == nil)
            }
        }
        #expect(written.values.sorted() == (0..<written.count).map { $0 + 1 }, "no hole")
        try await store.close()
    }

    /// The file as a kill would leave it the moment somebody has been told a number.
    @Test func whatWasToldSurvivesAKill() async throws {
        let store = try Store.open(path: self.folder.path)
        for number in 1...5 {
            let draft = RevisionFixtures.draft(
                .apply,
                sources: RevisionFixtures.sources("n: \(number)\n"),
                overrides: ["a": AccountOverride(mode: .cutover, percent: number)]
            )
            #expect(try await store.commit(draft) == number)
            let copy = try Store.open(path: try self.folder.copy("killed-\(number)"))
            #expect(try await copy.allRevisions().count == number)
            #expect(try copy.overrides()["a"]?.override.percent == number)
            #expect(try copy.lastSources()?.revision == number)
            try await copy.close()
        }
        try await store.close()
    }

    @Test func aClosedStoreTakesNothing() async throws {
        let store = try Store.open(path: self.folder.path)
        try await store.close()
        #expect(await store.tryCommit(RevisionFixtures.draft()).failure?.kind == .closed)
    }

    @Test func theEndTellsThoseWhoWait() async throws {
        let store = try Store.open(path: self.folder.path)
        let told = try await withThrowingTaskGroup(of: Int?.self) { group in
            for index in 0..<100 {
                group.addTask {
                    if index == 50 { try await store.close() }
                    guard case .success(let number) = await store.tryCommit(RevisionFixtures.draft()) else {
                        return nil
                    }
                    return number
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(told.count == 100 && told.contains(nil))
        let written = try RevisionFile(path: self.folder.path).revisions(RevisionsRequest(limit: 1_000)).map(\.number)
        #expect(told.compactMap(\.self).sorted() == written.reversed())
    }
}

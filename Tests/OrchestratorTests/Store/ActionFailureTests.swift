import Foundation
import GRDB
import HybridStream
import Testing

@testable import Orchestrator

/// What becomes of actions while the disk fails or hangs.
@Suite(.timeLimit(.minutes(1))) struct ActionFailureTests {
    private let folder: StoreFolder

    init() throws { self.folder = try StoreFolder() }

    @Test func whatIsNotWrittenInTimeIsGivenUpAndNotWrittenLater() async throws {
        let store = try Store.open(path: self.folder.path)
        let results = Results()
        try await store.withFailingDisk {
            store.recordAction(
                try StoreFixtures.action("bt-1"),
                states: [StoreFixtures.state("{\"peak\":\"1\"}")],
                patience: .milliseconds(250),
                committed: results.add
            )
            try await results.wait(1)
        }
        #expect(results.all.map { $0.failure?.kind } == [.tooLate])
        #expect(results.all[0].failure?.reason.contains("action_journal") == true, "the disk's own reason is in it")
        try await store.waitUntilWell()
        #expect(try await store.history().isEmpty)
        #expect(results.all.count == 1)
        #expect(try store.loadAccount("a").states.map(\.state) == ["{\"peak\":\"1\"}"], "what is remembered counts")
        try await store.close()
        #expect(results.all.count == 1)
    }

    /// The thread itself hangs in the disk, and the answer comes all the same.
    @Test func aDiskThatDoesNotAnswerKeepsNobodyWaiting() async throws {
        let store = try Store.open(path: self.folder.path)
        try await store.withBlockedDisk {
            let result = await store.journal(try StoreFixtures.action("bt-1"), patience: .milliseconds(50))
            #expect(result.failure?.kind == .tooLate)
            #expect("\(result)".contains("the disk has not answered"))
        }
        #expect(try await store.history().isEmpty)
        try await store.close()
    }

    /// Whoever was told of the failure says what became of the action; that is written when the disk works.
    @Test func theLastWordOnAnActionThatFailedIsKept() async throws {
        let store = try Store.open(path: self.folder.path)
        let rejected = try StoreFixtures.action("bt-1", outcome: .rejected, text: "not sent")
        try await store.withFailingDisk {
            let result = await store.journal(try StoreFixtures.action("bt-1"), patience: .milliseconds(50))
            #expect(result.failure != nil)
            store.recordAction(rejected)
        }
        try await store.waitUntilWell()
        #expect(try await store.history() == [rejected])
        try await store.close()
    }

    /// The disk is back, and the next attempt on its own is more than a second away: an action does not wait for that. A busy
    /// machine may keep one waiting for as long, but not every one.
    @Test func anActionDoesNotWaitForTheNextRetry() async throws {
        let store = try Store.open(path: self.folder.path)
        let log = try await store.traced()
        var times: [Duration] = []
        while times.last.map({ $0 >= .seconds(1) }) ?? true, times.count < 10 {
            let round = times.count + 1
            try await store.withFailingDisk {
                store.recordAction(try StoreFixtures.action("bt-late-\(round)", outcome: .done))
                // The back-off grows with each failure: 100, 200, 400, 800 ms, and then 1.6 s.
                let failures = log.all("ROLLBACK").count + 5
                while log.all("ROLLBACK").count < failures { try await Task.sleep(for: .milliseconds(5)) }
            }
            let action = try StoreFixtures.action("bt-\(round)")
            let clock = ContinuousClock()
            let start = clock.now
            #expect(await store.journal(action).failure == nil)
            times.append(clock.now - start)
            #expect(try await store.history().prefix(2).map(\.orderLinkID) == ["bt-\(round)", "bt-late-\(round)"])
        }
        #expect(times.last.map { $0 < .seconds(1) } == true, "\(times)")
        try await store.close()
    }

    @Test func everybodyIsToldOnceWhateverTheDiskDoes() async throws {
        let store = try Store.open(path: self.folder.path)
        let results = (0..<200).map { _ in Results() }
        func record(_ range: Range<Int>) throws {
            for number in range {
                store.recordAction(
                    try StoreFixtures.action("bt-\(number)"),
                    states: [],
                    patience: .milliseconds(number % 7 == 0 ? 1 : 300),
                    committed: results[number].add
                )
            }
        }
        try record(0..<50)
        try await store.withBlockedDisk {
            try record(50..<100)
            try await Task.sleep(for: .milliseconds(20))
        }
        try await store.withFailingDisk {
            try record(100..<150)
            try await Task.sleep(for: .milliseconds(150))
        }
        try record(150..<200)
        for result in results { try await result.wait(1) }
        try await store.waitUntilWell()
        let written = try await Set(store.history().map(\.orderLinkID))
        try await store.close()
        #expect(results.allSatisfy { $0.all.count == 1 })
        for (number, result) in results.enumerated() where result.all[0].failure == nil {
            #expect(written.contains("bt-\(number)"), "told as written, but it is not there")
        }
    }

    @Test func theEndTellsThoseWhoWait() async throws {
        let store = try Store.open(path: self.folder.path)
        let results = Results()
        try await store.withFailingDiskUntilTheEnd {
            store.recordAction(try StoreFixtures.action("bt-1"), committed: results.add)
            await #expect(throws: StoreError.self) { try await store.close() }
        }
        #expect(results.all.count == 1 && results.all[0].failure?.kind == .write)
        let late = await store.journal(try StoreFixtures.action("bt-2"))
        #expect(late.failure?.kind == .closed)
    }

    // MARK: Memory

    @Test func memoryIsBoundedHoweverLongTheDiskDoesNotAnswer() throws {
        var pending = PendingActions()
        let awaited = Results()
        pending.add(try StoreFixtures.action("awaited"), ActionReceipt(awaited.add))
        for number in 0..<(3 * PendingActions.most) {
            pending.add(try StoreFixtures.action("bt-\(number)", outcome: .rejected), nil)
            if number % 5_000 == 0 {
                var failed = PendingActions()
                swap(&failed, &pending)
                pending.add(try StoreFixtures.action("meanwhile-\(number)"), nil)
                pending.restore(failed)
            }
            if number % 10_000 == 0 { #expect(pending.count <= 2 * PendingActions.most + 1) }
        }
        #expect(pending.count <= 2 * PendingActions.most)
        #expect(pending.receipts.count == 1, "who waits is not forgotten")
        #expect(awaited.all.isEmpty)
    }

    @Test func statesAreBoundedByTheLegs() async throws {
        let store = try Store.open(path: self.folder.path)
        let opening = StoreFixtures.opening("ETHUSDT")
        try await store.withBlockedDisk {
            for number in 0..<10_000 {
                store.recordStates(account: "a", [StoreFixtures.state("{\"n\":\(number)}", attempts: number)])
                store.recordStates(account: "a", [StoreFixtures.state("{}", opening: opening)])
                store.dropStates(account: "a", opening.key)
            }
        }
        #expect(try store.loadAccount("a").states == [StoreFixtures.state("{\"n\":9999}", attempts: 9_999)])
        try await store.close()
    }
}

extension Store {
    /// Every write fails, also the last.
    fileprivate func withFailingDiskUntilTheEnd(_ body: () async throws -> Void) async throws {
        try await self.database.write { try $0.execute(sql: "ALTER TABLE action_journal RENAME TO hidden") }
        try await body()
    }
}

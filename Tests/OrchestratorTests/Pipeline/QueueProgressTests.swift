import Foundation
import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

/// How it is found out that what an account has put into a queue has arrived.
@Suite(.timeLimit(.minutes(1))) struct QueueProgressTests {
    /// Takes pieces until the reader is at a position, and says which numbers of which accounts were in them.
    private static func drain(_ queue: EventQueue, to position: Int64) -> [String: [Int64]] {
        var numbers: [String: [Int64]] = [:]
        var buffer: [UInt8] = []
        while queue.takenPosition < position, case .lines = queue.drain(into: &buffer, maxBytes: 1_000) {
            for line in Fixtures.split(buffer) {
                numbers[Fixtures.value("account", line) ?? "", default: []].append(Fixtures.number("n", line))
            }
        }
        return numbers
    }

    @Test func linesAreTakenOnceTheirPositionIs() throws {
        let queue = EventQueue(name: "test")
        let first = SinkSource("a", queues: [queue])
        let second = SinkSource("b", queues: [queue])
        #expect(queue.position(of: "a") == 0 && queue.takenPosition == 0)
        // More than one piece of memory each.
        try first.send(300)
        let position = queue.position(of: "a")
        try second.send(1_000)
        let taken = Self.drain(queue, to: position)
        #expect(taken["a"] == Array(1...300))
        #expect(taken["b", default: []].count < 1_000)
        #expect(queue.position(of: "b") > queue.takenPosition)
        _ = Self.drain(queue, to: queue.position(of: "b"))
        #expect(queue.takenPosition == queue.position(of: "b"))
    }

    /// Marks that wait as values are served in turn; the account's are put in line before its end is marked.
    @Test func conflatedMarksAreTakenToo() throws {
        let queue = EventQueue(name: "test", limit: 2_000)
        let first = SinkSource("a", queues: [queue])
        let second = SinkSource("b", queues: [queue])
        try first.send(10)
        try second.send(50, .mark, symbol: "ETHUSDT")
        try first.send(50, .mark)
        #expect(queue.statistics.parkedMarks == 2)
        let position = queue.position(of: "a")
        #expect(queue.statistics.parkedMarks == 1)
        let taken = Self.drain(queue, to: position)
        #expect(taken["a"]?.last == 60)
        _ = Self.drain(queue, to: .max)
        #expect(queue.takenPosition == queue.position(of: "b"))
    }

    @Test func whatIsForgottenCountsAsTaken() throws {
        let queue = EventQueue(name: "test")
        let source = SinkSource("a", queues: [queue])
        try source.send(10)
        let position = queue.position(of: "a")
        #expect(queue.takenPosition < position)
        queue.close()
        #expect(queue.takenPosition == position)
    }

    @Test func boundsAndAccountsMayChange() throws {
        let queue = EventQueue(name: "test", filter: EventFilter(accounts: ["a"]), limit: 1_000, hardLimit: 5_000)
        var limits = SinkLimits(accounts: 1)
        limits.hard = 20_000
        queue.setLimits(limits)
        #expect(queue.hardLimit == 20_000)
        let source = SinkSource("a", queues: [queue])
        try source.send(20)
        #expect(!queue.isClosed && !queue.statistics.isConflating)
        queue.setAccounts(["b"])
        let other = SinkSource("a")
        other.pipeline.attach(queue)
        try other.send(100)
        #expect(!queue.isClosed, "it is not attached")
        try source.send(100)
        #expect(queue.isClosed, "it is above the bound")
    }

    @Test func progressIsWhatIsLeft() {
        let progress = QueueProgress()
        #expect(progress.bytesLeft(before: 100) == 100)
        progress.advance(to: 60)
        #expect(progress.bytesLeft(before: 100) == 40 && progress.bytesLeft(before: 60) == 0)
        progress.end(isComplete: false)
        #expect(progress.bytesLeft(before: .max) == 0 && !progress.isComplete)
    }

    /// The store must not forget what a file that is given up has not got.
    @Test func whatIsGivenUpIsNeverReportedAsWritten() async throws {
        let reports = Reports()
        let writer = JSONLinesWriter(onChange: { _, _ in }, onWritten: { reports.add($0) })
        let sink = writer.sink(path: "/dev/full")
        let begin = ContinuousClock.now
        try SinkSource("a", queues: [sink.queue]).send(1)
        let release = Task { await writer.release(sink, timeout: .seconds(3_600)) }
        #expect(await writer.close(timeout: .milliseconds(50)) == false)
        #expect(await release.value == false)
        let before = reports.all.count
        while reports.all.count < before + 2 {
            writer.report()
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(reports.all.allSatisfy { $0 < begin })
    }

    private final class Reports: Sendable {
        private let list = Mutex<[ContinuousClock.Instant]>([])
        var all: [ContinuousClock.Instant] { self.list.withLock { $0 } }
        func add(_ instant: ContinuousClock.Instant) { self.list.withLock { $0.append(instant) } }
    }

    @Test(
        arguments: [
            (0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (12_001, "13 kB"), (999_999, "1000 kB"),
            (1_000_000, "1 MB"), (3_350_000, "3.4 MB"),
        ] as [(Int64, String)]
    )
    func sizesAreForPeople(_ bytes: Int64, _ text: String) {
        #expect(SinkLeaving.size(bytes) == text)
    }
}

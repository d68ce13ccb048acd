import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite struct EventQueueTests {
    /// Counts calls from any thread.
    private final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { self.value.withLock { $0 } }
        func add() { self.value.withLock { $0 += 1 } }
    }

    @Test func wakesTheReaderOncePerBatchAndOnlyWhenItSleeps() throws {
        let queue = EventQueue(name: "test")
        let wakes = Counter()
        queue.onReady { wakes.add() }
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [queue])
        let update = try Fixtures.update(try Fixtures.position())
        for _ in 0..<10 { pipeline.observe(update) }
        #expect(wakes.count == 0)
        loop.batchEnded()
        #expect(wakes.count == 1)
        pipeline.observe(update)
        loop.batchEnded()
        #expect(wakes.count == 1, "the reader has not come yet")
        #expect(Fixtures.lines(queue).count == 11)
        pipeline.observe(update)
        loop.batchEnded()
        #expect(wakes.count == 2)
    }

    @Test func aSlowReaderGetsTheNewestOfEachPositionAndAllThatIsNoMark() throws {
        let queue = EventQueue(name: "test", limit: 10_000)
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [queue])
        let positions = try (0..<5).map { try Fixtures.position(symbol: "S\($0)") }
        var lifecycle: [Int64] = []
        for step in 0..<20_000 {
            let slot = step % 5
            let cause: PositionUpdate.Cause = step % 1_000 == 999 ? .amended : .mark
            if cause == .amended { lifecycle.append(Int64(step + 1)) }
            pipeline.observe(try Fixtures.update(positions[slot], cause: cause, slot: slot, mark: "\(step)"))
            if step % 50 == 0 { loop.batchEnded() }
        }
        loop.batchEnded()
        let statistics = queue.statistics
        #expect(statistics.isConflating)
        #expect(statistics.waitingBytes < 150_000)
        let lines = Fixtures.lines(queue, maxBytes: 1_000)
        let numbers = lines.map { Fixtures.number("n", $0) }
        #expect(numbers == numbers.sorted() && Set(numbers).count == numbers.count)
        #expect(lines.filter { $0.contains(#""cause":"amended""#) }.map { Fixtures.number("n", $0) } == lifecycle)
        #expect(lines.count + lines.reduce(0) { $0 + Int(Fixtures.number("conflated", $1)) } == 20_000)
        #expect(Set(lines.suffix(5).map { Fixtures.value("mark_price", $0) }).isSuperset(of: ["19995", "19998"]))
        #expect(!queue.statistics.isConflating)
    }

    @Test func closesItselfAboveTheHardLimit() throws {
        let queue = EventQueue(name: "test", limit: 1_000, hardLimit: 5_000)
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [queue])
        let update = try Fixtures.update(try Fixtures.position(), cause: .amended)
        for _ in 0..<100 {
            pipeline.observe(update)
            loop.batchEnded()
        }
        var buffer: [UInt8] = []
        #expect(queue.drain(into: &buffer) == .closed(.overflowed(limit: 5_000)))
        #expect(queue.statistics.waitingBytes == 0)
        #expect(pipeline.metrics.emitted == 100)
    }

    @Test func aSinkCountsWhatItCannotKeep() throws {
        let queue = EventQueue(name: "test", limit: 1_000, hardLimit: 5_000, overflow: .discard)
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [queue])
        let update = try Fixtures.update(try Fixtures.position(), cause: .amended)
        for _ in 0..<100 {
            pipeline.observe(update)
            loop.batchEnded()
        }
        let discarded = queue.statistics.discarded
        #expect(discarded > 50)
        #expect(Fixtures.lines(queue).count + Int(discarded) == 100)
        pipeline.observe(update)
        loop.batchEnded()
        #expect(Fixtures.lines(queue).map { Fixtures.number("n", $0) } == [101])
    }

    @Test func givesWhatIsQueuedBeforeItEnds() throws {
        let queue = EventQueue(name: "test")
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [queue])
        pipeline.observe(try Fixtures.update(try Fixtures.position()))
        loop.batchEnded()
        queue.finish()
        pipeline.observe(try Fixtures.update(try Fixtures.position()))
        loop.batchEnded()
        var buffer: [UInt8] = []
        #expect(queue.drain(into: &buffer) == .lines)
        #expect(Fixtures.split(buffer).count == 1)
        #expect(queue.drain(into: &buffer) == .closed(.finished))
    }

    @Test(.timeLimit(.minutes(1))) func aTaskWaitsForEvents() async throws {
        let queue = EventQueue(name: "test")
        let reader = Task { () -> Int in
            var count = 0
            var buffer: [UInt8] = []
            while true {
                switch queue.drain(into: &buffer) {
                case .lines: count += Fixtures.split(buffer).count
                case .empty: await queue.ready()
                case .closed: return count
                }
            }
        }
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [queue])
        let update = try Fixtures.update(try Fixtures.position())
        for _ in 0..<200 {
            pipeline.observe(update)
            loop.batchEnded()
            await Task.yield()
        }
        queue.finish()
        #expect(await reader.value == 200)
    }

    @Test(.timeLimit(.minutes(1))) func aCancelledTaskStopsWaiting() async {
        let queue = EventQueue(name: "test")
        let reader = Task { await queue.ready() }
        await Task.yield()
        reader.cancel()
        await reader.value
        let late = Task { await queue.ready() }
        late.cancel()
        await late.value
    }

    /// Several loops write, one task reads: nothing is lost, each account is in order.
    @Test(.timeLimit(.minutes(1))) func manyLoopsWriteToOneQueue() async throws {
        let queue = EventQueue(name: "test", limit: 50_000)
        let recent = RecentEvents()
        let position = try Fixtures.position()
        let updates = try [PositionUpdate.Cause.mark, .mark, .mark, .amended, .stale].map {
            try Fixtures.update(position, cause: $0, stale: $0 == .stale)
        }
        let reader = Task { () -> [String] in
            var lines: [String] = []
            var buffer: [UInt8] = []
            while true {
                switch queue.drain(into: &buffer, maxBytes: 4_096) {
                case .lines: lines += Fixtures.split(buffer)
                case .empty: await queue.ready()
                case .closed: return lines
                }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<4 {
                group.addTask {
                    let loop = PipelineLoop(recent: recent)
                    let pipeline = Fixtures.pipeline("account-\(number)", loop: loop, queues: [queue])
                    for step in 0..<5_000 {
                        pipeline.observe(updates[step % 5])
                        if step % 37 == 0 { loop.batchEnded() }
                    }
                    loop.batchEnded()
                }
            }
        }
        queue.finish()
        let lines = await reader.value
        var last: [String: Int64] = [:]
        var events = 0
        var lifecycle = 0
        for line in lines {
            let account = try #require(Fixtures.value("account", line))
            let n = Fixtures.number("n", line)
            #expect(n > last[account, default: 0])
            last[account] = n
            events += 1 + Int(Fixtures.number("conflated", line))
            if line.contains("amended") { lifecycle += 1 }
        }
        #expect(last.values.allSatisfy { $0 == 5_000 } && last.count == 4)
        #expect(events == 20_000)
        #expect(lifecycle == 4_000)
    }
}

import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite struct AccountPipelineTests {
    private final class Recorder: PositionConsumer {
        struct Refused: Error {}
        let name: String
        var seen: [Int64] = []
        var refusedSymbol: String?
        init(_ name: String) { self.name = name }

        func handle(_ update: PositionUpdate, n: Int64) throws {
            if update.position.key.symbol == self.refusedSymbol { throw Refused() }
            self.seen.append(n)
        }
    }

    @Test func numbersRiseByOneOverAllKindsOfEvents() throws {
        let queue = EventQueue(name: "test")
        let recent = RecentEvents()
        let loop = Fixtures.loop(recent: recent)
        let pipeline = Fixtures.pipeline(from: 100, loop: loop, queues: [queue])
        let position = try Fixtures.position()
        pipeline.emit(.accountState(old: "", new: "live", reason: ""))
        pipeline.observe(try Fixtures.update(position, cause: .opened))
        pipeline.observe(try Fixtures.update(position))
        pipeline.emit(.alert(.init(code: "x", severity: .warning, state: .opened, text: "")))
        loop.batchEnded()
        let lines = Fixtures.lines(queue)
        #expect(lines.map { Fixtures.number("n", $0) } == [100, 101, 102, 103])
        #expect(
            lines.map { Fixtures.value("event", $0) }
                == ["account.state", "position.update", "position.update", "alert"]
        )
        #expect(pipeline.lastNumber == 103)
        #expect(pipeline.metrics.emitted == 4)
        let kept = recent.events()
        #expect(kept.map(\.n) == [100, 101, 103])
        #expect(kept.flatMap(\.line) == Array((lines[0] + "\n" + lines[1] + "\n" + lines[3] + "\n").utf8))
    }

    @Test func eachQueueGetsWhatItWants() throws {
        let all = EventQueue(name: "all")
        let other = EventQueue(name: "other", filter: EventFilter(accounts: ["sub-002"]))
        let symbol = EventQueue(name: "symbol", filter: EventFilter(symbols: ["ETHUSDT"]))
        let lifecycle = EventQueue(name: "lifecycle", filter: EventFilter(kinds: [.opened, .closed, .alert]))
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [all, other, symbol, lifecycle])
        let bitcoin = try Fixtures.position()
        let ether = try Fixtures.position(symbol: "ETHUSDT")
        pipeline.observe(try Fixtures.update(bitcoin, cause: .opened))
        pipeline.observe(try Fixtures.update(ether, cause: .opened, slot: 1))
        pipeline.observe(try Fixtures.update(bitcoin))
        pipeline.observe(try Fixtures.update(ether, slot: 1))
        pipeline.emit(.alert(.init(code: "x", severity: .warning, state: .opened, symbol: "BTCUSDT", text: "")))
        pipeline.emit(.accountState(old: "", new: "", reason: ""))
        loop.batchEnded()
        func numbers(_ queue: EventQueue) -> [Int64] { Fixtures.lines(queue).map { Fixtures.number("n", $0) } }
        #expect(numbers(all) == [1, 2, 3, 4, 5, 6])
        #expect(numbers(other) == [])
        #expect(numbers(symbol) == [2, 4, 6])
        #expect(numbers(lifecycle) == [1, 2, 5])
    }

    @Test func queuesComeAndGo() throws {
        let first = EventQueue(name: "first")
        let second = EventQueue(name: "second")
        let loop = Fixtures.loop()
        let pipelines = ["a", "b"].map { Fixtures.pipeline($0, loop: loop, queues: [first]) }
        let update = try Fixtures.update(try Fixtures.position())
        func round() {
            for pipeline in pipelines { pipeline.observe(update) }
            loop.batchEnded()
        }
        round()
        for pipeline in pipelines { pipeline.attach(second) }
        pipelines[0].attach(second)
        pipelines[0].detach(first)
        round()
        second.close()
        round()
        pipelines[1].detachAll()
        round()
        #expect(
            Fixtures.lines(first).map { (Fixtures.value("account", $0) ?? "") + "\(Fixtures.number("n", $0))" }
                == ["a1", "b1", "b2", "b3"]
        )
        var buffer: [UInt8] = []
        #expect(second.drain(into: &buffer) == .closed(.readerLeft))
    }

    @Test func aFailingConsumerIsContainedAndReportedOnce() throws {
        let recent = RecentEvents()
        let loop = Fixtures.loop(recent: recent)
        let failing = Recorder("trailing_stop")
        let healthy = Recorder("aged_monitor")
        failing.refusedSymbol = "BTCUSDT"
        let pipeline = Fixtures.pipeline(loop: loop, consumers: [failing, healthy])
        let bitcoin = try Fixtures.update(try Fixtures.position())
        let ether = try Fixtures.update(try Fixtures.position(symbol: "ETHUSDT"), slot: 1)
        pipeline.observe(bitcoin)
        pipeline.observe(bitcoin)
        pipeline.observe(ether)
        failing.refusedSymbol = nil
        pipeline.observe(bitcoin)
        #expect(healthy.seen == [1, 3, 4, 5])
        #expect(failing.seen == [4, 5])
        #expect(pipeline.metrics.consumerErrors == 2)
        let alerts = recent.events().map { String(decoding: $0.line, as: UTF8.self) }
        #expect(alerts.map { Fixtures.value("state", $0) } == ["opened", "resolved"])
        #expect(alerts.allSatisfy { $0.contains("trailing_stop") && Fixtures.value("symbol", $0) == "BTCUSDT" })
    }

    @Test func marksAreHeldBackWhenNumbersRunOutButNothingElse() throws {
        let asked = Mutex(0)
        let last = NumberLease.lifecycleReserve + 3
        let lease = NumberLease(first: 1, last: last) { _ in asked.withLock { $0 += 1 } }
        let queue = EventQueue(name: "test")
        let loop = Fixtures.loop()
        let consumer = Recorder("c")
        let pipeline = AccountPipeline(
            account: "a",
            numbers: lease,
            loop: loop,
            queues: [queue],
            consumers: [consumer]
        )
        let position = try Fixtures.position()
        for _ in 0..<5 { pipeline.observe(try Fixtures.update(position)) }
        pipeline.observe(try Fixtures.update(position, cause: .reduced))
        loop.batchEnded()
        #expect(Fixtures.lines(queue).map { Fixtures.number("n", $0) } == [1, 2, 3, 4])
        #expect(pipeline.metrics.withheld == 2)
        #expect(consumer.seen == [1, 2, 3, 3, 3, 4], "consumers go on")
        #expect(asked.withLock { $0 } == 1)
        lease.extend(to: last + NumberLease.blockSize)
        pipeline.observe(try Fixtures.update(position))
        loop.batchEnded()
        #expect(Fixtures.lines(queue).map { Fixtures.number("n", $0) } == [5])
    }

    @Test func asksForNumbersLongBeforeTheEnd() throws {
        let asked = Mutex(0)
        let lease = NumberLease(first: 1, last: NumberLease.refillBelow + 10) { lease in
            asked.withLock { $0 += 1 }
            lease.extend(to: lease.last + NumberLease.blockSize)
        }
        let loop = Fixtures.loop()
        let pipeline = AccountPipeline(account: "a", numbers: lease, loop: loop)
        let update = try Fixtures.update(try Fixtures.position())
        for _ in 0..<10 { pipeline.observe(update) }
        #expect(asked.withLock { $0 } == 0)
        for _ in 0..<5_000 { pipeline.observe(update) }
        #expect(asked.withLock { $0 } == 1)
        #expect(pipeline.lastNumber == 5_010)
        #expect(pipeline.metrics.withheld == 0)
    }

    @Test func measuresRateAgeAndLatency() throws {
        let uptime = Mutex<UInt64>(1_000_000_000)
        let wall = Mutex<Int64>(50_000)
        let clock = TimeSource(
            uptime: { Uptime(nanoseconds: Int64(uptime.withLock { $0 })) },
            wall: { wall.withLock { $0 } }
        )
        let loop = PipelineLoop(recent: RecentEvents(), clock: clock)
        let pipeline = Fixtures.pipeline(loop: loop)
        #expect(pipeline.metrics.lastEventTime == nil)
        #expect(pipeline.metrics.latencyP99 == nil)
        let position = try Fixtures.position()
        for second in 0..<30 {
            for event in 0..<20 {
                let now = UInt64(1_000_000_000 + second * 1_000_000_000 + event * 10_000_000)
                uptime.withLock { $0 = now }
                wall.withLock { $0 += 1 }
                // Every twentieth is late.
                let frame = now - (event == 19 ? 5_000_000 : 100_000)
                pipeline.observe(try Fixtures.update(position, conflated: 1, uptime: frame))
                loop.batchEnded()
            }
        }
        let metrics = pipeline.metrics
        #expect(abs(metrics.eventsPerSecond - 20) < 3)
        #expect(metrics.conflated == 600)
        #expect(metrics.lastEventTime == 50_600)
        #expect((95...107).contains(try #require(metrics.latencyP50)))
        #expect((4_700...5_400).contains(try #require(metrics.latencyP99)))
        uptime.withLock { $0 += 60_000_000_000 }
        #expect(pipeline.metrics.eventsPerSecond == 0)
    }

    @Test func aLatencyDistributionIsSmallAndTakesAnyValue() {
        var latency = LatencyRecorder()
        #expect(latency.footprint <= 2_048)
        for value in [0, 1, 2_000_000, UInt64.max] { latency.record(microseconds: value) }
        #expect(latency.percentile(100) ?? 0 >= 1_900_000)
    }

    @Test func aBatchLargerThanTheArenaArrivesWhole() throws {
        let queue = EventQueue(name: "test", limit: 100 << 20)
        let loop = Fixtures.loop()
        let pipeline = Fixtures.pipeline(loop: loop, queues: [queue])
        let update = try Fixtures.update(try Fixtures.position())
        for _ in 0..<3_000 { pipeline.observe(update) }
        loop.batchEnded()
        #expect(Fixtures.lines(queue).map { Fixtures.number("n", $0) } == Array(1...3_000))
    }
}

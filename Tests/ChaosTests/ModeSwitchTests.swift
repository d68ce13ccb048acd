import HybridStream
import Testing

@testable import Chaos
@testable import Orchestrator

/// A change of mode, looked at while it is under way.
@Suite("Changes of mode, step by step")
struct ModeSwitchTests {
    private struct DiskFull: Error, CustomStringConvertible {
        let description = "the disk is full"
    }

    /// An account that holds BTCUSDT and has been doing well for a while.
    private static func bench(_ mode: Mode, reconcile: Duration = .seconds(60)) throws -> AccountBench {
        let bench = AccountBench(mode, reconcile: reconcile)
        bench.run(.seconds(5))
        try bench.open("BTCUSDT")
        bench.run(.seconds(35))
        try #require(bench.isLive)
        return bench
    }

    // MARK: What happens while it is written down

    @Test("while the change is written down nothing happens: the stream drives from then on")
    func slowStore() throws {
        let bench = try Self.bench(.parallel)
        let outcome = bench.change(to: .hybrid, commit: bench.slowly(.seconds(15)))
        bench.run(.seconds(14))
        #expect(!outcome.isOver && bench.stage == "parallel")
        #expect(bench.run(until: { outcome.isOver }, within: .seconds(2)))
        #expect(outcome.refusal == nil && bench.stage == "hybrid")
        #expect(bench.snapshot?.driver == .hybrid && bench.snapshot?.state == .live)
    }

    @Test("the connection dies while the change is written down: REST drives from the first instant on")
    func connectionDiesMeanwhile() throws {
        for stage in [(Mode.parallel, 0), (.cutover, 50)] {
            let bench = try Self.bench(stage.0)
            let outcome = bench.change(to: .hybrid, commit: bench.slowly(.seconds(3)))
            bench.run(.seconds(1))
            try bench.post("/faults", #"{"auth":{"never":true,"account":"\#(AccountBench.name)"}}"#)
            try bench.killPrivate()
            #expect(bench.run(until: { outcome.isOver }, within: .seconds(3)))
            #expect(outcome.refusal == nil && bench.stage == "hybrid")
            #expect(bench.snapshot?.driver == .rest && bench.snapshot?.state == .fallback)
            // What opens now is found by a poll, as before.
            try bench.open("ETHUSDT")
            #expect(bench.run(until: { bench.snapshot?.positions.count == 2 }, within: .seconds(6)))
            try bench.post("/faults/clear", "{}")
            #expect(bench.run(until: { bench.snapshot?.driver == .hybrid }, within: .seconds(80)))
            #expect(bench.snapshot?.state == .live)
        }
    }

    @Test("a ticker dies while the change is written down: REST drives until the stream has been good for its time")
    func tickerDiesMeanwhile() throws {
        let bench = try Self.bench(.parallel)
        let outcome = bench.change(to: .hybrid, commit: bench.slowly(.seconds(20)))
        bench.run(.seconds(1))
        // Nobody says what it is worth any more, REST neither.
        try bench.post("/faults", #"{"silence":{"symbol":"BTCUSDT","sticky":true}}"#)
        try bench.post("/faults", #"{"rest":[{"path":"/v5/market/tickers","status":500}]}"#)
        #expect(bench.run(until: { outcome.isOver }, within: .seconds(20)))
        let snapshot = try #require(bench.snapshot)
        #expect(snapshot.driver == .rest && snapshot.state == .fallback)
        #expect(snapshot.reason.contains("BTCUSDT"))
        bench.run(.seconds(29))
        #expect(bench.snapshot?.driver == .rest)
        #expect(bench.run(until: { bench.snapshot?.driver == .hybrid }, within: .seconds(2)))
    }

    @Test("a change that cannot be written down changes nothing, unless it has to be")
    func fullDisk() throws {
        let bench = try Self.bench(.hybrid)
        let refused = bench.change(to: .rest) { throw DiskFull() }
        #expect(bench.run(until: { refused.isOver }, within: .seconds(20)))
        #expect(refused.refusal == "the disk is full" && refused.unwritten == nil)
        #expect(bench.stage == "hybrid" && bench.snapshot?.driver == .hybrid && bench.isListening)

        let gone = bench.change(to: .rest, onFailure: .goAnyway) { throw DiskFull() }
        #expect(bench.run(until: { gone.isOver }, within: .seconds(20)))
        #expect(gone.refusal == nil && gone.unwritten == "the disk is full")
        #expect(bench.stage == "rest" && bench.snapshot?.driver == .rest && !bench.isListening)
        bench.run(.seconds(3))
        #expect(bench.snapshot?.connectionState == .idle)
        try bench.open("ETHUSDT")
        #expect(bench.run(until: { bench.snapshot?.positions.count == 2 }, within: .seconds(6)))
        #expect(bench.story.filter { $0.event == "rollout" && $0.text("cause") == "promote" }.count == 1)

        let written = bench.change(to: .canary, onFailure: .goAnyway)
        #expect(bench.run(until: { written.isOver }, within: .seconds(20)))
        #expect(written.refusal == nil && written.unwritten == nil && bench.stage == "canary")
    }

    @Test("without a listing nobody goes to rest, whatever the disk says")
    func goesNowhereWithoutListing() throws {
        let bench = try Self.bench(.hybrid)
        try bench.post("/faults", #"{"rest":[{"path":"/v5","status":500}]}"#)
        let outcome = bench.change(to: .rest, onFailure: .goAnyway) { throw DiskFull() }
        #expect(bench.run(until: { outcome.isOver }, within: .seconds(60)))
        #expect(outcome.refusal?.contains("REST has not listed all positions") == true)
        #expect(bench.stage == "hybrid")
    }

    @Test("who waits for a change hears of the end of the account, also if its loop ends at once")
    func stoppedMeanwhile() throws {
        let bench = try Self.bench(.rest)
        try bench.post("/faults", #"{"auth":{"never":true,"account":"\#(AccountBench.name)"}}"#)
        let outcome = bench.change(to: .hybrid)
        bench.run(.seconds(1))
        #expect(!outcome.isOver)
        Task(executorPreference: bench.client.executor) { [account = bench.account] in try await account.stop() }
        bench.run(.milliseconds(10))
        for loop in bench.client.loops { loop.isDead = true }
        bench.run(.seconds(1))
        #expect(outcome.isOver && outcome.refusal == "the account has been stopped")
    }

    // MARK: What the stream knows afterwards

    @Test("a stream beside REST whose first sweep after a reconnect fails is confirmed by the next ones")
    func firstSweepFails() throws {
        let bench = try Self.bench(.parallel)
        // A listing has just been merged; the next one that has to be is a minute away.
        bench.run(.seconds(35))
        try bench.post("/faults", #"{"rest":[{"path":"/v5","status":500}]}"#)
        try bench.killPrivate()
        #expect(bench.run(until: { bench.snapshot?.connectionState == .reconnecting }, within: .seconds(1)))
        bench.run(.seconds(12))
        #expect(bench.snapshot?.connectionState == .live && !bench.isListening)
        try bench.post("/faults/clear", "{}")
        #expect(bench.run(until: { bench.isListening }, within: .seconds(16)))
    }

    @Test("what a gap has cost whose end nobody waited for is no part of the next one")
    func gapOfAnotherMode() throws {
        let bench = try Self.bench(.hybrid)
        try bench.post("/faults", #"{"auth":{"never":true,"account":"\#(AccountBench.name)"}}"#)
        try bench.killPrivate()
        #expect(bench.run(until: { bench.snapshot?.state == .fallback }, within: .seconds(40)))
        try bench.open("ETHUSDT")
        try bench.open("XRPUSDT")
        #expect(bench.run(until: { bench.snapshot?.positions.count == 3 }, within: .seconds(10)))
        #expect(bench.changed(to: .parallel))
        try bench.post("/faults/clear", "{}")
        #expect(bench.run(until: { bench.isListening }, within: .seconds(40)))
        #expect(bench.changed(to: .hybrid))
        bench.run(.seconds(20))
        #expect(!bench.story.contains { $0.event == "recovery" && $0.text("stream") == "private" })
        try bench.killPrivate()
        bench.run(.seconds(20))
        let recoveries = bench.story.filter { $0.event == "recovery" && $0.text("stream") == "private" }
        #expect(recoveries.map { $0.integer("lost") } == [3])
        #expect(recoveries.map { $0.integer("changes") } == [0])
    }

    @Test("a connection that ends because it is not needed is no error, also if another one is wanted at once")
    func backAndForth() throws {
        let bench = try Self.bench(.canary)
        // Down to the instant at which the first connection's end is not known yet.
        #expect(bench.changed(to: .rest) && bench.changed(to: .canary))
        #expect(bench.snapshot?.connectionState == .reconnecting)
        #expect(bench.run(until: { bench.isListening }, within: .seconds(20)))
        let snapshot = try #require(bench.snapshot)
        #expect(snapshot.connects == 2 && snapshot.reconnectsLastHour == 0)
        #expect(snapshot.errorsLastHour == 0 && snapshot.lastError == nil)
        #expect(bench.onLoop { $0.stream?.failures.connects } == 0)
    }

    // MARK: What is measured

    @Test("canary begins without any mark: what was not measured in rest breaks no gate")
    func canaryBeginsAnew() throws {
        let bench = try Self.bench(.rest)
        bench.run(looking: .seconds(70))
        #expect(bench.changed(to: .canary))
        // The first listing fills the stream's book before anybody looks again.
        let isFilled = bench.run(
            until: { bench.onLoop { $0.stream?.streamView.book.openCount } == 1 },
            within: .seconds(8)
        )
        #expect(isFilled)
        for _ in 0..<90 {
            bench.look()
            let gates = bench.onLoop { $0.monitor.judgement.gates }
            #expect(gates.count == 4 && !gates.contains { $0.verdict == .broken }, "\(gates)")
            bench.run(.seconds(1))
        }
        #expect(bench.onLoop { $0.monitor.judgement.gates.filter { $0.verdict == .holds }.count } == 3)
    }

    @Test("a change that a connection kept to itself is forgotten with the mode: the next one is the first again")
    func deafnessIsForgotten() throws {
        let bench = try Self.bench(.hybrid, reconcile: .seconds(10))
        for symbol in ["ETHUSDT", "XRPUSDT"] {
            let connects = try #require(bench.snapshot?.connects)
            try bench.post("/faults", #"{"drop_rows":true}"#)
            try bench.open(symbol)
            bench.run(looking: .seconds(40))
            #expect(bench.snapshot?.connects == connects + 1, "the deaf connection is replaced")
            #expect(bench.triggers == [])
            try bench.post("/faults/clear", "{}")
            #expect(bench.changed(to: .rest) && bench.changed(to: .hybrid))
            bench.run(looking: .seconds(40))
        }
        // Without a change of mode in between it is one too many.
        for symbol in ["SOLUSDT", "BTCUSDT"] {
            try bench.post("/faults", #"{"drop_rows":true}"#)
            try bench.open(symbol, size: 300)
            bench.run(looking: .seconds(40))
        }
        #expect(bench.triggers == ["divergence"])
    }
}

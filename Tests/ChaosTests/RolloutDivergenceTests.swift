import Chaos
import HybridStream
import Orchestrator
import Testing

/// What REST and the stream say of one account: when they differ, and when one of them is only late.
@Suite("Divergence sends an account back")
struct RolloutDivergenceTests {
    private static let victim = RolloutScript.victim
    private static let neighbour = RolloutScript.neighbour
    private static let start = RolloutScript.start
    static let streaming = RolloutTriggerTests.streaming

    private func expectNothing(_ outcome: ChaosRun.Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
        outcome.expectNothing(of: [Self.victim], sourceLocation: sourceLocation)
    }

    // MARK: Marks

    @Test("marks that are apart at one sweep and not at the next prove nothing", arguments: streaming)
    func onlyOnce(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(200))
        for second in [0, 70, 90, 110] {
            script.add(
                Self.start + .seconds(second),
                .skewMarks(account: Self.victim, perMille: -30, listings: 1)
            )
        }
        self.expectNothing(await script.run())
    }

    @Test("marks that stay within one percent are none of its business", arguments: streaming)
    func nearEnough(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(300))
        script.add(Self.start, .skewMarks(account: Self.victim, perMille: 9, listings: 10))
        self.expectNothing(await script.run())
    }

    @Test("a ticker that is silent is told as stale, and differs from nothing", arguments: streaming)
    func silentTicker(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(200))
        script.reconcile = .seconds(5)
        script.fault(#"{"silence":{"symbol":"BTCUSDT","sticky":true}}"#)
        for second in [20, 50, 80, 110] {
            script.add(Self.start + .seconds(second), .move(symbol: "BTCUSDT", perMille: -30))
        }
        self.expectNothing(await script.run())
    }

    @Test("until a silent ticker is called stale its mark is believed, and differs if the price moves")
    func wrongMark() async {
        var script = RolloutScript(holding: .parallel, until: .seconds(200))
        script.fault(#"{"silence":{"symbol":"BTCUSDT","sticky":true}}"#)
        script.add(Self.start + .milliseconds(500), .move(symbol: "BTCUSDT", perMille: -30))
        let story = await script.run().story
        #expect(story.names(Self.victim) == ["divergence"])
        #expect(story.triggers.first?.text.contains("BTCUSDT: REST has a mark") ?? false)
        #expect((story.triggers.first?.time ?? .zero) < Self.start + .seconds(11))
        #expect(story.trouble(Self.neighbour) == [])
    }

    // MARK: Positions

    @Test("a position that REST lists twice and the stream never tells", arguments: streaming)
    func neverTold(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(300))
        script.fault(#"{"drop_rows":true}"#)
        script.open(Self.victim, "XRPUSDT", at: Self.start + .seconds(1))
        // Where the stream drives, a connection that keeps something to itself is replaced; the next one that does so is one
        // too many.
        if mode == .hybrid { script.open(Self.victim, "1000PEPEUSDT", at: Self.start + .seconds(90)) }
        let outcome = await script.run()
        let story = outcome.story
        #expect(outcome.violation == nil)
        #expect(story.names(Self.victim) == ["divergence"])
        #expect(story.triggers.first?.text.contains(mode == .hybrid ? "1000PEPEUSDT" : "XRPUSDT") ?? false)
        #expect(story.changes(Self.victim).map(\.mode) == ["rest"])
        #expect(story.alerts(Self.victim).map(\.state) == ["opened"])
        #expect(story.trouble(Self.neighbour) == [])
        let time = (story.triggers.first?.time ?? .zero) - Self.start
        // A sweep, and another when the stream has had its five seconds.
        #expect(time < .seconds(mode == .hybrid ? 162 : 20), "after \(time)")
    }

    // MARK: Races

    /// Positions that change all the time while listings are old, rows late and marks in motion.
    @Test("races between REST and the stream are none", arguments: streaming, 1...4 as ClosedRange<UInt64>)
    func races(_ mode: Mode, _ seed: UInt64) async {
        var random = SplitMix64(seed: seed &* 31 &+ 7)
        var script = RolloutScript(holding: mode, until: .seconds(420))
        script.seed = seed
        script.reconcile = .seconds(5)
        var time = Self.start
        while time < script.end - .seconds(30) {
            let length = Duration.milliseconds(Int64.random(in: 2_000...20_000, using: &random))
            let lag = Int.random(in: 1...4_000, using: &random)
            let delay = Int.random(in: 1...3_000, using: &random)
            switch random.next() % 3 {
            case 0: script.fault(#"{"stale_sweep":\#(lag)}"#, at: time, for: length)
            case 1: script.fault(#"{"delay_rows":\#(delay)}"#, at: time, for: length)
            default:
                script.fault(#"{"stale_sweep":\#(lag)}"#, at: time, for: length)
                script.fault(#"{"delay_rows":\#(delay)}"#, at: time, for: length)
            }
            time += length + .milliseconds(Int64.random(in: 0...2_000, using: &random))
        }
        time = Self.start
        while time < script.end {
            let symbol = ["BTCUSDT", "ETHUSDT", "XRPUSDT", "1000PEPEUSDT"][Int(random.next() % 4)]
            switch random.next() % 4 {
            case 0:
                let leg = #"{"account":"\#(Self.victim)","symbol":"\#(symbol)","position_idx":0}"#
                script.post(time, "/positions/close", leg)
            case 1: script.add(time, .move(symbol: symbol, perMille: Int.random(in: -30...30, using: &random)))
            default: script.open(Self.victim, symbol, at: time, size: 100 * Int.random(in: 1...5, using: &random))
            }
            time += .milliseconds(Int64.random(in: 5...2_500, using: &random))
        }
        let outcome = await script.run()
        self.expectNothing(outcome)
        #expect(outcome.lifecycleEvents > 50)
    }
}

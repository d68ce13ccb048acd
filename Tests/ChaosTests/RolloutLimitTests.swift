import Chaos
import HybridStream
import Orchestrator
import Testing

/// Where the limits of the automatic rollback lie: what is just too much, and what is not.
@Suite("Limits of the automatic rollback")
struct RolloutLimitTests {
    private static let victim = RolloutScript.victim
    private static let neighbour = RolloutScript.neighbour
    private static let start = RolloutScript.start
    static let streaming = RolloutTriggerTests.streaming

    private func expectNothing(_ outcome: ChaosRun.Outcome, sourceLocation: SourceLocation = #_sourceLocation) {
        outcome.expectNothing(of: [Self.victim, Self.neighbour], sourceLocation: sourceLocation)
    }

    // MARK: Connections

    @Test("four minutes without any connection are none too many", arguments: streaming)
    func fourMinutes(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(400))
        script.cut(for: .seconds(240))
        self.expectNothing(await script.run())
    }

    @Test("the private connection alone may be down for as long as it likes", arguments: streaming)
    func onlyThePrivateConnectionIsDown(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(700))
        script.fault(#"{"auth":{"never":true,"account":"\#(Self.victim)"}}"#)
        script.kill("private", of: Self.victim, at: Self.start + .milliseconds(1))
        self.expectNothing(await script.run())
    }

    @Test("the tickers alone: nothing is heard of open positions, and that is another reason", arguments: streaming)
    func onlyTheTickersAreDown(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(400))
        script.fault(#"{"refuse_upgrades":{"status":503}}"#)
        script.kill("public", at: Self.start + .milliseconds(1))
        let outcome = await script.run()
        #expect(outcome.violation == nil)
        #expect(outcome.story.names(Self.victim) == ["no_event"])
        #expect(outcome.story.changes(Self.victim).map(\.mode) == ["rest"])
    }

    /// Nothing is heard of open positions then, which is a reason of its own: whichever comes first is told.
    @Test("without any connection an account that holds something goes back once, for one reason", arguments: streaming)
    func onceForOneReason(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(700))
        script.cut()
        let outcome = await script.run()
        let story = outcome.story
        #expect(outcome.violation == nil)
        #expect(story.names(Self.victim).count == 1, "\(story.triggers)")
        #expect(story.alerts(Self.victim).map(\.state) == ["opened"])
        #expect(story.changes(Self.victim).map(\.mode) == ["rest"])
    }

    @Test("whoever is in rest sees nothing of sockets that are down for all others")
    func restSeesNothing() async {
        var script = RolloutScript(holding: .hybrid, until: .seconds(400))
        script.modes[1] = .rest
        script.cut()
        let story = await script.run().story
        #expect(story.changes(Self.victim).map(\.mode) == ["rest"])
        #expect(story.trouble(Self.neighbour) == [])
        // Three polls, of which one or two may find the price where it was.
        #expect((story.longestSilence[Self.neighbour] ?? .seconds(1_000)) < .seconds(16))
    }

    @Test("without REST as well it is tried until REST is there")
    func restIsDownToo() async {
        var script = RolloutScript(holding: .hybrid, until: .seconds(500))
        script.rollout.rollbackWhen.noEvent = .seconds(3_600)
        script.cut()
        script.fault(#"{"rest":[{"path":"/v5","status":500}]}"#, for: .seconds(360))
        let outcome = await script.run()
        #expect(outcome.violation == nil)
        let changes = outcome.story.changes(Self.victim)
        #expect(outcome.story.names(Self.victim) == ["both_down"])
        #expect(outcome.story.alerts(Self.victim).map(\.state) == ["opened"])
        #expect(changes.map(\.mode) == ["rest"])
        let time = (changes.first?.time ?? .zero) - Self.start
        #expect(time > .seconds(360) && time < .seconds(400), "after \(time)")
    }

    // MARK: Silence

    @Test("a market without a frame is nobody's fault while nothing is held", arguments: streaming)
    func silenceWithoutPositions(_ mode: Mode) async {
        var script = RolloutScript(mode, until: .seconds(700))
        script.post(.seconds(20), "/prices", #"{"running":false}"#)
        self.expectNothing(await script.run())
    }

    @Test("one of two symbols speaks", arguments: streaming)
    func oneSymbolIsSilent(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(700))
        script.fault(#"{"silence":{"symbol":"BTCUSDT","sticky":true}}"#)
        self.expectNothing(await script.run())
    }

    @Test("positions that are closed before five minutes of silence are over", arguments: streaming)
    func closedInTime(_ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(700))
        for symbol in ["BTCUSDT", "ETHUSDT"] {
            script.fault(#"{"silence":{"symbol":"\#(symbol)","sticky":true}}"#)
            let leg = #"{"account":"\#(Self.victim)","symbol":"\#(symbol)","position_idx":0}"#
            script.post(Self.start + .seconds(290), "/positions/close", leg)
        }
        self.expectNothing(await script.run())
    }

    // MARK: Subscriptions

    @Test("the eleventh refused subscription in an hour, not the tenth", arguments: streaming)
    func refusals(_ mode: Mode) async throws {
        var script = RolloutScript(holding: mode, until: .seconds(300))
        let fault = #"{"reject_topics":["position"]}"#
        script.kill("private", of: Self.victim, at: Self.start + .milliseconds(1))
        var endless = script
        endless.fault(fault)
        let story = await endless.run().story
        let times = story.refusals
        try #require(times.count >= 11)
        let fired = try #require(story.triggers.first?.time)
        #expect(fired >= times[10] && fired - times[10] < .seconds(2), "\(fired), the eleventh at \(times[10])")
        // The same once more, up to the tenth.
        var short = script
        short.fault(fault, for: times[9] + .milliseconds(50) - Self.start)
        let outcome = await short.run()
        #expect(outcome.story.refusals.prefix(10) == times.prefix(10))
        #expect(outcome.story.refusals.count == 10)
        self.expectNothing(outcome)
    }

    @Test("ten refusals in one hour and ten in the next are not too many")
    func refusalsOfTwoHours() async throws {
        var script = RolloutScript(holding: .hybrid, until: .seconds(4_200))
        let fault = #"{"reject_topics":["position"]}"#
        for begin in [Self.start, Self.start + .seconds(3_700)] {
            script.kill("private", of: Self.victim, at: begin + .milliseconds(1))
        }
        var probe = script
        probe.fault(fault, for: .seconds(200))
        let times = await probe.run().story.refusals
        try #require(times.count >= 11)
        script.fault(fault, for: times[9] + .milliseconds(50) - Self.start)
        script.fault(fault, at: Self.start + .seconds(3_700), for: .seconds(25))
        let outcome = await script.run()
        #expect(outcome.story.refusals.count > 11)
        self.expectNothing(outcome)
    }

    @Test("refused tickers count for the stream that holds them, also for one beside REST", arguments: streaming)
    func refusedTickers(_ mode: Mode) async {
        var script = RolloutScript(mode, until: .seconds(400))
        let symbols = ["BTCUSDT", "ETHUSDT", "1000PEPEUSDT", "SHIB1000USDT", "XRPUSDT"]
        let topics = symbols.map { #""tickers.\#($0)""# }.joined(separator: ",")
        script.fault(#"{"reject_topics":[\#(topics)]}"#, at: .seconds(5))
        for (number, symbol) in symbols.enumerated() { script.open(Self.victim, symbol, at: .seconds(10 + number)) }
        script.open(Self.neighbour, "SOLUSDT", at: .seconds(16))
        // One that delivers, so that silence is no reason.
        script.open(Self.victim, "SOLUSDT", at: .seconds(17))
        let outcome = await script.run()
        #expect(outcome.violation == nil)
        #expect(outcome.story.names(Self.victim) == ["subscription_failures"])
        #expect(outcome.story.names(Self.neighbour) == [])
        #expect(outcome.story.stages[Self.victim] == "rest")
        #expect(outcome.story.stages[Self.neighbour] == "hybrid")
    }

    // MARK: After a rollback

    @Test("whoever goes up again is measured anew: it goes back if the fault is still there, and stays if it is mended")
    func upAgain() async {
        for isMended in [false, true] {
            var script = RolloutScript(holding: .hybrid, until: .seconds(900))
            script.fault(#"{"reject_topics":["position"]}"#, for: isMended ? .seconds(300) : nil)
            script.kill("private", of: Self.victim, at: Self.start + .milliseconds(1))
            script.add(Self.start + .seconds(400), .change(account: Self.victim, to: .canary, percent: 0))
            let outcome = await script.run()
            let story = outcome.story
            #expect(outcome.violation == nil)
            let modes = story.changes(Self.victim).map(\.mode)
            #expect(modes == (isMended ? ["rest", "canary"] : ["rest", "canary", "rest"]), "\(story.triggers)")
            let states = story.alerts(Self.victim).map(\.state)
            #expect(states == (isMended ? ["opened", "resolved"] : ["opened", "resolved", "opened"]))
            let again = story.triggers.last.map { $0.time - Self.start - .seconds(400) } ?? .zero
            // Eleven attempts take their time.
            if !isMended { #expect(again > .seconds(20), "after \(again)") }
        }
    }

    @Test("five minutes without a connection count from the promotion on")
    func upAgainWithoutConnections() async {
        var script = RolloutScript(holding: .hybrid, until: .seconds(900))
        script.rollout.rollbackWhen.noEvent = .seconds(3_600)
        script.cut()
        script.add(Self.start + .seconds(400), .change(account: Self.victim, to: .canary, percent: 0))
        let outcome = await script.run()
        let story = outcome.story
        #expect(outcome.violation == nil)
        #expect(story.changes(Self.victim).map(\.mode) == ["rest", "canary", "rest"], "\(story.triggers)")
        let times = story.triggers.filter { $0.account == Self.victim }.map(\.time)
        #expect(times.count == 2)
        let again = (times.last ?? .zero) - Self.start - .seconds(400)
        #expect(again >= .seconds(299) && again < .seconds(303), "after \(again)")
    }
}

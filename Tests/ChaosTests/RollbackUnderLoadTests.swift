import Chaos
import HybridStream
import Orchestrator
import Testing

/// An account is taken back while ten marks a second come and its positions change.
@Suite("Rollback under load")
struct RollbackUnderLoadTests {
    private static let victim = RolloutScript.victim
    private static let symbols = ["BTCUSDT", "ETHUSDT", "XRPUSDT"]
    /// When the command comes.
    private static let command = Duration.seconds(60)

    /// - Parameter after: until so long after the command positions change; each of them at most once in 40 ms.
    private func script(_ seed: UInt64, from mode: Mode, to target: Mode, after: Duration) -> ChaosPlan {
        var random = SplitMix64(seed: seed &* 101 &+ 3)
        var script = RolloutScript(mode, until: .seconds(90))
        script.seed = seed
        for (number, symbol) in Self.symbols.enumerated() {
            var time = Duration.seconds(50) + .milliseconds(number * 7)
            while time <= Self.command + after {
                let leg = #"{"account":"\#(Self.victim)","symbol":"\#(symbol)","position_idx":0}"#
                if random.next() % 4 == 0 {
                    script.post(time, "/positions/close", leg)
                } else {
                    script.open(Self.victim, symbol, at: time, size: 100 * Int.random(in: 1...5, using: &random))
                }
                time += .milliseconds(Int64.random(in: 40...400, using: &random))
            }
        }
        script.add(Self.command, .change(account: Self.victim, to: target, percent: 50))
        var plan = script.plan
        // The mark changes with every second step or so.
        plan.tickInterval = 30
        return plan
    }

    private func check(
        _ outcome: ChaosRun.Outcome,
        to target: Mode,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(outcome.violation == nil, sourceLocation: sourceLocation)
        let story = outcome.story
        let change = try #require(story.changes(Self.victim).first, sourceLocation: sourceLocation)
        #expect(story.changes(Self.victim).count == 1 && change.mode == target.rawValue, sourceLocation: sourceLocation)
        let listings = story.listings.filter {
            $0.account == Self.victim && $0.departure >= Self.command && $0.arrival <= change.time
        }
        // Make before break: not before a listing has come, and not long after it.
        let first = try #require(listings.first, sourceLocation: sourceLocation)
        let last = try #require(listings.last, sourceLocation: sourceLocation)
        #expect(first.departure - Self.command < .milliseconds(100), sourceLocation: sourceLocation)
        #expect(change.time - last.arrival < .milliseconds(100), sourceLocation: sourceLocation)
        // A row that is on its way together with the listing may make that no proof; then the next one is.
        #expect(listings.count <= 2, "\(listings)", sourceLocation: sourceLocation)
        #expect(last.departure - first.arrival < .milliseconds(1_100), sourceLocation: sourceLocation)
        #expect(story.trouble(RolloutScript.neighbour) == [], sourceLocation: sourceLocation)
        #expect(story.connects == [Self.victim: 1, RolloutScript.neighbour: 1], sourceLocation: sourceLocation)
    }

    @Test(
        "every change before the command is told, once and in order; REST drives after its first listing",
        arguments: [Mode.rest, .canary, .parallel],
        1...5 as ClosedRange<UInt64>
    )
    func everyChangeIsTold(_ target: Mode, _ seed: UInt64) async throws {
        // What happens while the listing is under way may be in it, or come by the socket, or both.
        let late = Duration.milliseconds(Int64(seed % 4) * 2)
        var plan = self.script(seed, from: .hybrid, to: target, after: late)
        plan.tellsEveryChange = true
        let outcome = await ChaosRun.apart(plan)
        try self.check(outcome, to: target)
        #expect(outcome.lifecycleEvents > 60)
        #expect(outcome.events > 300, "ten marks a second or more came")
    }

    @Test("changes that go on are never told twice, nor in another order", arguments: 11...14 as ClosedRange<UInt64>)
    func changesGoOn(_ seed: UInt64) async throws {
        let plan = self.script(seed, from: .hybrid, to: .rest, after: .seconds(20))
        try self.check(await ChaosRun.apart(plan), to: .rest)
    }

    @Test("a late listing is waited for, and the stream drives meanwhile", arguments: 21...24 as ClosedRange<UInt64>)
    func lateListing(_ seed: UInt64) async throws {
        var plan = self.script(seed, from: .hybrid, to: .rest, after: .milliseconds(3_500))
        let slow = #"{"rest":[{"path":"/v5/position","delay_ms":4000}]}"#
        plan.entries.append(ChaosPlan.Entry(Self.command - .milliseconds(10), .faults(slow, for: .seconds(5))))
        plan.entries.sort { $0.time < $1.time }
        let outcome = await ChaosRun.apart(plan)
        try self.check(outcome, to: .rest)
        let change = try #require(outcome.story.changes(Self.victim).first)
        #expect(change.time - Self.command >= .seconds(4))
    }

    @Test("an account without its connection goes back as fast", arguments: [Mode.rest, .canary, .parallel])
    func withoutConnection(_ target: Mode) async throws {
        var script = RolloutScript(holding: .hybrid, until: .seconds(90))
        let fault = #"{"auth":{"never":true,"account":"\#(Self.victim)"}}"#
        script.fault(fault, at: Self.command - .seconds(5))
        script.kill("private", of: Self.victim, at: Self.command - .seconds(4))
        script.add(Self.command, .change(account: Self.victim, to: target, percent: 0))
        let outcome = await script.run()
        #expect(outcome.violation == nil)
        let changes = outcome.story.changes(Self.victim)
        #expect(changes.map(\.mode) == [target.rawValue])
        let time = (changes.first?.time ?? .zero) - Self.command
        #expect(time > .zero && time < .seconds(1), "after \(time)")
    }

    @Test("without a listing nothing changes: after thirty seconds the account is what it was")
    func noListing() async {
        var script = RolloutScript(holding: .hybrid, until: .seconds(120))
        script.fault(#"{"rest":[{"path":"/v5/position","status":500}]}"#, at: Self.command - .seconds(1))
        script.add(Self.command, .change(account: Self.victim, to: .rest, percent: 0))
        let outcome = await script.run()
        #expect(outcome.violation == nil)
        #expect(outcome.story.changes(Self.victim) == [])
        #expect(outcome.story.stages[Self.victim] == "hybrid")
        #expect(outcome.story.connects[Self.victim] == 1)
    }
}

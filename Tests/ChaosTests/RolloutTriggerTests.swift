import Chaos
import HybridStream
import Orchestrator
import Testing

/// What sends an account back to `rest` by itself: the whole client at the exchange, in virtual time.
@Suite("Automatic rollback")
struct RolloutTriggerTests {
    static let streaming = [Mode.canary, .parallel, .cutover, .hybrid]
    private static let victim = RolloutScript.victim
    private static let neighbour = RolloutScript.neighbour
    private static let start = RolloutScript.start

    /// Each is a fault, and what must come of it.
    enum Fault: String, CaseIterable {
        case bothDown = "both_down"
        case noEvent = "no_event"
        case refusedPositions = "subscription_failures"
        case apart = "divergence"
        case consumer = "consumer_failed"

        /// In how long at the latest.
        var limit: Duration {
            switch self {
            case .bothDown, .noEvent: .seconds(302)
            case .refusedPositions: .seconds(200)
            // The next sweep finds it, and one a second later confirms it.
            case .apart: .seconds(63)
            case .consumer: .seconds(4)
            }
        }

        /// Not before.
        var least: Duration {
            switch self {
            case .bothDown, .noEvent: .seconds(299)
            default: .zero
            }
        }

        func inflict(on script: inout RolloutScript) {
            switch self {
            case .bothDown:
                // With positions open the silence alone would do, a moment before.
                script.rollout.rollbackWhen.noEvent = .seconds(3_600)
                script.cut()
            case .noEvent:
                for symbol in ["BTCUSDT", "ETHUSDT"] {
                    script.fault(#"{"silence":{"symbol":"\#(symbol)","sticky":true}}"#)
                }
            case .refusedPositions:
                script.fault(#"{"reject_topics":["position"]}"#)
                script.kill("private", of: victim, at: start + .milliseconds(1))
            case .apart:
                script.add(start, .skewMarks(account: victim, perMille: 12, listings: 2))
            case .consumer:
                script.add(start, .consumerFails(account: victim, times: 1))
            }
        }
    }

    private func check(_ outcome: ChaosRun.Outcome, _ fault: Fault, sourceLocation: SourceLocation = #_sourceLocation) {
        let story = outcome.story
        #expect(outcome.violation == nil, sourceLocation: sourceLocation)
        #expect(story.names(Self.victim) == [fault.rawValue], sourceLocation: sourceLocation)
        let alerts = story.alerts(Self.victim)
        #expect(alerts.map(\.state) == ["opened"], "\(alerts)", sourceLocation: sourceLocation)
        let changes = story.changes(Self.victim)
        #expect(changes.map(\.mode) == ["rest"], "\(changes)", sourceLocation: sourceLocation)
        #expect(changes.first?.cause == "auto-rollback", sourceLocation: sourceLocation)
        let reason = story.triggers.first { $0.account == Self.victim }?.text ?? "no trigger"
        #expect(changes.first?.text.hasSuffix(": \(reason)") ?? false, "\(changes)", sourceLocation: sourceLocation)
        #expect(alerts.first?.text.hasSuffix(reason) ?? false, "\(alerts)", sourceLocation: sourceLocation)
        #expect(story.stages[Self.victim] == "rest", sourceLocation: sourceLocation)
        // REST has listed everything before it drives.
        if let alert = alerts.first, let change = changes.first {
            #expect(change.time >= alert.time, sourceLocation: sourceLocation)
            #expect(change.time - alert.time < .seconds(1), sourceLocation: sourceLocation)
        }
    }

    private func checkTime(_ outcome: ChaosRun.Outcome, _ fault: Fault) {
        let time = (outcome.story.triggers.first?.time ?? .zero) - Self.start
        #expect(time >= fault.least && time <= fault.limit, "\(fault) after \(time)")
    }

    @Test(
        "each fault sends the account to rest in time, with one alert and the reason",
        arguments: Fault.allCases,
        streaming
    )
    func fires(_ fault: Fault, _ mode: Mode) async {
        var script = RolloutScript(holding: mode, until: .seconds(400))
        fault.inflict(on: &script)
        let outcome = await script.run()
        self.check(outcome, fault)
        self.checkTime(outcome, fault)
        let story = outcome.story
        // Both sockets are everybody's trouble, and refused topics are that of whoever has to subscribe anew.
        guard fault != .bothDown else { return }
        #expect(story.stages[Self.neighbour] == "hybrid")
        #expect(story.names(Self.neighbour) == [])
        #expect(story.alerts(Self.neighbour) == [])
        #expect(story.changes(Self.neighbour) == [])
        #expect(story.connects[Self.neighbour] == 1)
        // A silent symbol may cost the shared ticker connection a restart or two.
        if fault != .noEvent { #expect(story.trouble(Self.neighbour) == []) }
        let silence = story.longestSilence[Self.neighbour] ?? .seconds(1_000)
        #expect(silence < .seconds(8), "the neighbour heard nothing for \(silence)")
    }

    @Test("in rest nothing is measured, and nothing fires", arguments: Fault.allCases)
    func nothingFiresInRest(_ fault: Fault) async {
        var script = RolloutScript(holding: .rest, until: .seconds(400))
        script.modes[1] = .rest
        fault.inflict(on: &script)
        let story = await script.run().story
        #expect(story.triggers.isEmpty)
        #expect(story.changes(Self.victim) == [] && story.alerts(Self.victim) == [])
    }

    @Test("auto_rollback: false has it told and nothing else", arguments: Fault.allCases)
    func tellsOnly(_ fault: Fault) async {
        var script = RolloutScript(holding: .hybrid, until: .seconds(400))
        script.rollout.isAutoRollback = false
        fault.inflict(on: &script)
        let outcome = await script.run()
        let story = outcome.story
        #expect(outcome.violation == nil)
        #expect(story.names(Self.victim) == [fault.rawValue])
        // It is resolved when what was wrong is over.
        #expect(["opened", "opened resolved"].contains(story.alerts(Self.victim).map(\.state).joined(separator: " ")))
        #expect(story.alerts(Self.victim).first?.text.contains("auto_rollback is off") ?? false)
        #expect(story.changes(Self.victim) == [])
        #expect(story.stages[Self.victim] == "hybrid")
    }
}

import Chaos
import Testing

@Suite("Replays of simulated runs")
struct ReplayChaosTests {
    /// A replay that differs from the journal is a violation, like anything else that is wrong.
    @Test("a recorded hour leads to the same actions again, bit for bit", arguments: 3...8 as ClosedRange<UInt64>)
    func hours(seed: UInt64) async {
        let outcome = await ChaosRun.apart(ChaosPlan(seed: seed, acts: true, lasting: .seconds(3_600), isCalm: true))
        #expect(outcome.violation == nil)
        #expect(outcome.seconds > 3_600)
        #expect(outcome.replayedActions > 100, "there was something to compare")
    }
}

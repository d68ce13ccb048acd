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

    /// Polls show a stop seconds after it was accepted, and a process may be killed in between.
    @Test("kills while REST drives and modes change", arguments: [2_146] as [UInt64])
    func kills(seed: UInt64) async {
        let outcome = await ChaosRun.apart(ChaosPlan(seed: seed, acts: true, rolls: true))
        #expect(outcome.violation == nil)
        #expect(outcome.replayedActions > 10, "there was something to compare")
    }
}

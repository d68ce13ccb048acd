import Chaos
import Testing

@Suite("Chaos")
struct ChaosTests {
    @Test("whatever breaks: the book is the truth afterwards, and the events are its history", arguments: 0..<20)
    func seeds(block: Int) async {
        for seed in UInt64(block) * 15 + 1...UInt64(block) * 15 + 15 {
            let outcome = await ChaosRun.apart(ChaosPlan(seed: seed))
            #expect(outcome.violation == nil, "seed \(seed); make chaos ARGS=\"--seed \(seed) --trace\" shows it")
            #expect(outcome.steps > 100)
        }
    }

    @Test("whatever breaks while consumers act: one order for an intent, and none against a holding", arguments: 0..<10)
    func actingSeeds(block: Int) async {
        var replayed = 0
        for seed in UInt64(block) * 10 + 1...UInt64(block) * 10 + 10 {
            let outcome = await ChaosRun.apart(ChaosPlan(seed: seed, acts: true))
            #expect(outcome.violation == nil, "make chaos ARGS=\"--actions --seed \(seed) --trace\" shows it")
            #expect(outcome.steps > 100)
            replayed += outcome.replayedActions
        }
        #expect(replayed > 50, "the replays had something to compare")
    }

    @Test("whatever breaks while accounts change their modes: nothing is lost, doubled or moved", arguments: 0..<20)
    func rollingSeeds(block: Int) async {
        for seed in UInt64(block) * 10 + 1...UInt64(block) * 10 + 10 {
            let outcome = await ChaosRun.apart(ChaosPlan(seed: seed, rolls: true))
            #expect(outcome.violation == nil, "make chaos ARGS=\"--rollout --seed \(seed) --trace\" shows it")
            #expect(outcome.steps > 100)
        }
    }

    @Test("the same while consumers act", arguments: 0..<5)
    func rollingAndActingSeeds(block: Int) async {
        for seed in UInt64(block) * 5 + 1...UInt64(block) * 5 + 5 {
            let outcome = await ChaosRun.apart(ChaosPlan(seed: seed, acts: true, rolls: true))
            #expect(outcome.violation == nil, "make chaos ARGS=\"--rollout --actions --seed \(seed) --trace\" shows it")
        }
    }

    @Test("the same seed is the same run, event by event", arguments: [3, 1_000_003] as [UInt64])
    func replays(seed: UInt64) async {
        let first = await ChaosRun.apart(ChaosPlan(seed: seed))
        let second = await ChaosRun.apart(ChaosPlan(seed: seed))
        #expect(first.digest == second.digest)
        #expect(first.events == second.events)
        let other = await ChaosRun.apart(ChaosPlan(seed: seed + 1))
        #expect(first.digest != other.digest)
    }
}

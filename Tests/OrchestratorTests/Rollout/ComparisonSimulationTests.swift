import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ComparisonSimulationTests {
    /// From one change in twenty seconds to ten changes a second.
    @Test(arguments: [20.0, 5, 2, 1, 0.3, 0.1])
    func aRaceIsNeverConfirmed(_ pace: Double) throws {
        var changes = 0
        for seed in UInt64(1)...8 {
            var simulation = try ComparisonSimulation(seed: seed, pace: pace, duration: 400)
            let result = try simulation.run(until: 400)
            changes += result.changes
            #expect(result.divergences.isEmpty, "seed \(seed): \(result.divergences.map(\.divergence.text))")
            let counts = result.comparison.summary(now: at(400)).counts
            #expect(counts.differences == 0 && counts.worstDivergence == .zero)
            #expect(counts.marksCompared > 50 && counts.marksAgreed == counts.marksCompared)
        }
        #expect(changes > Int(2_000 / pace))
    }

    @Test(arguments: UInt64(1)...20)
    func aDeafStreamIsFound(_ seed: UInt64) throws {
        var faults = ComparisonSimulation.Faults()
        faults.deafFrom = 100
        faults.quietFrom = 110
        var simulation = try ComparisonSimulation(seed: seed, pace: 1, duration: 150, faults: faults)
        let result = try simulation.run(until: 150)
        let first = try #require(result.divergences.first)
        #expect(first.time > 100)
        #expect(first.divergence.kind == .position)
        // Deaf from 100 on, everything different from 110 on at the latest, and a listing may be five seconds old.
        #expect(result.sweeps.count { $0 > 115 && $0 <= first.time } <= 6, "confirmed at \(first.time)")
        let symbols = Set(result.divergences.map(\.divergence.symbol))
        #expect(symbols == ["BTCUSDT", "ETHUSDT", "SOLUSDT"])
        #expect(result.comparison.summary(now: at(150)).counts.differences == result.divergences.count)
        #expect(result.comparison.summary(now: at(150)).seenByBoth == 0)
    }

    @Test(arguments: UInt64(1)...20)
    func wrongMarksAreFound(_ seed: UInt64) throws {
        var faults = ComparisonSimulation.Faults()
        faults.wrongMarksFrom = 100
        var simulation = try ComparisonSimulation(seed: seed, pace: 10, duration: 150, faults: faults)
        let result = try simulation.run(until: 150)
        let first = try #require(result.divergences.first)
        #expect(first.time > 100)
        #expect(result.divergences.allSatisfy { $0.divergence.kind == .mark })
        #expect(first.divergence.percent > FixedPoint(1))
        #expect(result.sweeps.count { $0 > 100 && $0 <= first.time } <= 6, "confirmed at \(first.time)")
    }
}

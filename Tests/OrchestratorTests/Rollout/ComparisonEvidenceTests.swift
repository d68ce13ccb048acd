import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ComparisonEvidenceTests {
    @Test(arguments: [(0.0, 1), (1_799.0, 1), (1_800.0, 1), (1_860.0, 0), (100_000.0, 0)])
    func whatIsOlderThanTheWindowIsForgotten(_ age: Double, _ count: Int) {
        var evidence = ComparisonEvidence(window: .seconds(1_800))
        evidence.noteMark(agreed: true, now: at(500))
        evidence.noteDifference(now: at(500))
        let counts = evidence.counts(now: at(500 + age))
        #expect(counts.marksCompared == count)
        #expect(counts.marksAgreed == count)
        #expect(counts.differences == count)
    }

    @Test func theWorstIsKnownWithItsAge() throws {
        var evidence = ComparisonEvidence(window: .seconds(1_800))
        evidence.noteDivergence(FixedPoint(2), now: at(100))
        evidence.noteDivergence(FixedPoint(3), now: at(130))
        evidence.noteDivergence(FixedPoint(1), now: at(1_000))
        #expect(evidence.counts(now: at(1_130)).worstDivergence == FixedPoint(3))
        #expect(evidence.counts(now: at(1_130)).worstAge == .seconds(1_000))
        #expect(evidence.counts(now: at(2_500)).worstDivergence == FixedPoint(1))
        #expect(evidence.counts(now: at(5_000)).worstDivergence == .zero)
    }

    @Test func anotherProcessGoesOnWhereTheFirstEnded() throws {
        var evidence = ComparisonEvidence(window: .seconds(1_800))
        evidence.noteMark(agreed: false, now: at(50_000))
        evidence.noteMark(agreed: true, now: at(50_900))
        let stored = try JSONEncoder().encode(evidence)
        var restored = try JSONDecoder().decode(ComparisonEvidence.self, from: stored)
        // Its clock begins elsewhere, and the time between both does not count.
        #expect(restored.counts(now: at(7)).marksCompared == 2)
        restored.noteMark(agreed: true, now: at(10))
        #expect(restored.counts(now: at(10)).marksCompared == 3)
        #expect(restored.counts(now: at(900)).marksCompared == 3)
        #expect(restored.counts(now: at(980)).marksCompared == 2)
        #expect(restored.counts(now: at(980)).marksAgreed == 2)
    }

    @Test func evidenceOfAnotherWindowIsNotRestored() {
        var comparison = StreamComparison(configuration: RolloutConfiguration(), window: .seconds(1_800))
        for (window, count) in [(Duration.seconds(3_600), 0), (.seconds(1_800), 1)] {
            var evidence = ComparisonEvidence(window: window)
            evidence.noteDifference(now: at(1))
            comparison.restore(evidence)
            #expect(comparison.summary(now: at(2)).counts.differences == count)
        }
        comparison.restartEvidence(window: .seconds(1_800))
        #expect(comparison.summary(now: at(2)).counts.differences == 0)
    }

    @Test(arguments: [60.0, 1_800, 14_400, 14_460])
    func anotherWindowForgetsNothingThatItCovers(_ window: Double) throws {
        var evidence = ComparisonEvidence(window: .seconds(1_800))
        for second in stride(from: 0.0, through: 1_750, by: 50) {
            evidence.noteMark(agreed: true, now: at(second))
            if second == 1_000 { evidence.noteDivergence(FixedPoint(3), now: at(second)) }
            if second == 1_700 { evidence.noteDivergence(FixedPoint(2), now: at(second)) }
        }
        evidence.noteDifference(now: at(1_750))
        evidence.setWindow(.seconds(window))
        let counts = evidence.counts(now: at(1_750))
        // At most what was in one bucket of the old window too many.
        let covered = Int(min(window, 1_750) / 50) + 1
        #expect(covered <= counts.marksCompared && counts.marksCompared <= covered + 1)
        #expect(counts.marksAgreed == counts.marksCompared)
        #expect(counts.differences == 1)
        #expect(counts.worstDivergence == FixedPoint(window > 60 ? 3 : 2))
        #expect(counts.worstAge == .seconds(window > 60 ? 750 : 50))
        // From then on it is as if it had never been another.
        let end = 1_750 + window * 1.05 + 30
        #expect(evidence.counts(now: at(end)).marksCompared == 0)
        #expect(evidence.counts(now: at(end)).differences == 0)
    }

    @Test func itStaysSmall() throws {
        var evidence = ComparisonEvidence(window: .seconds(60))
        for second in 0..<20_000 { evidence.noteMark(agreed: true, now: at(Double(second))) }
        #expect(try JSONEncoder().encode(evidence).count < 10_000)
        #expect((60...62).contains(evidence.counts(now: at(19_999)).marksCompared))
    }

    @Test func failuresAreCountedUpToOneMoreThanTheLimit() {
        var failures = FailureTimes(limit: 2)
        #expect(failures.count(within: .seconds(100), now: at(0)) == 0)
        for second in 0..<10 { failures.add(at(Double(second))) }
        #expect(failures.count(within: .seconds(100), now: at(10)) == 3)
        #expect(failures.count(within: .seconds(2), now: at(9)) == 2)
        #expect(failures.count(within: .seconds(100), now: at(109)) == 0)
        #expect(failures.count(within: .seconds(100), now: at(108.9)) == 1)
    }
}

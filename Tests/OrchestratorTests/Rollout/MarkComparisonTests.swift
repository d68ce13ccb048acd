import HybridStream
import Testing

@testable import Orchestrator

@Suite struct MarkComparisonTests {
    private static let hundred = MarkRange(low: FixedPoint(100), high: FixedPoint(100))

    @Test(
        arguments: [
            ("100", "100", "100", "0"), ("100", "99", "101", "0"), ("99", "99", "101", "0"), ("101", "99", "101", "0"),
            ("101", "100", "100", "1"), ("99", "100", "100", "1"), ("202", "100", "200", "1"),
            ("49.5", "50", "60", "1"),
            ("100.1", "99.00", "100.000", "0.1"), ("100.0000000001", "1", "100", "0.000001"),
            ("66666.60", "66000.1", "66666.5", "0.000151"), ("0", "5", "5", "100"),
        ]
    )
    func aDivergenceIsTheDistanceFromTheRange(_ mark: String, _ low: String, _ high: String, _ percent: String) throws {
        let range = MarkRange(low: try decimal(low), high: try decimal(high))
        #expect(range.divergence(of: try decimal(mark)) == (try decimal(percent)))
    }

    @Test(arguments: [("0", "1"), ("-1", "1"), ("2", "1")])
    func aRangeThatIsNoneSaysNothing(_ low: String, _ high: String) throws {
        #expect(MarkRange(low: try decimal(low), high: try decimal(high)).divergence(of: FixedPoint(5)) == nil)
    }

    /// Marks of successive sweeps against a stream that has 100 all the time (nil: it has nothing), and what is counted.
    struct Course: Sendable {
        var marks: [String?]
        var compared: Int
        var agreed: Int
        var worst = "0"
        /// Percent of each confirmed divergence.
        var confirmed: [String] = []
        var needsConfirmation = false
    }

    @Test(
        arguments: [
            Course(marks: ["100"], compared: 1, agreed: 1),
            Course(marks: ["100.1"], compared: 1, agreed: 1),
            Course(marks: ["100.2"], compared: 0, agreed: 0, needsConfirmation: true),
            Course(marks: ["100.2", "100"], compared: 2, agreed: 2),
            Course(marks: ["105", "100.1"], compared: 2, agreed: 2),
            Course(marks: ["100.2", "99.7"], compared: 1, agreed: 0, worst: "0.2", confirmed: ["0.2"]),
            Course(marks: ["105", "100.2"], compared: 1, agreed: 0, worst: "0.2", confirmed: ["0.2"]),
            Course(marks: ["105", "102"], compared: 1, agreed: 0, worst: "2", confirmed: ["2"]),
            Course(marks: ["105", "102", "100"], compared: 3, agreed: 2, worst: "2", confirmed: ["2"]),
            Course(marks: ["102", "103", "104"], compared: 2, agreed: 0, worst: "3", confirmed: ["2", "3"]),
            Course(marks: ["103", nil], compared: 0, agreed: 0),
            Course(marks: ["103", nil, "100"], compared: 2, agreed: 2),
            Course(marks: ["103", nil, "103"], compared: 1, agreed: 0, worst: "3", confirmed: ["3"]),
            Course(marks: [nil], compared: 0, agreed: 0),
        ]
    )
    func aDoubtIsSettledByTheNextMark(_ course: Course) throws {
        var comparison = StreamComparison(configuration: RolloutConfiguration(), window: .seconds(1_800))
        var confirmed: [Divergence] = []
        var outcome = StreamComparison.Outcome()
        for (index, mark) in course.marks.enumerated() {
            let time = Double(index) * 5 + 100
            let rows = [try leg(mark: mark ?? "100")]
            let sweep = StreamComparison.Sweep(rows: rows, coversAll: true, departure: at(time), arrival: at(time + 1))
            outcome = comparison.sweep(sweep) { _ in
                mark == nil ? nil : Self.hundred
            }
            confirmed += outcome.confirmed
        }
        let counts = comparison.summary(now: at(200)).counts
        #expect(counts.marksCompared == course.compared)
        #expect(counts.marksAgreed == course.agreed)
        #expect(counts.worstDivergence == (try decimal(course.worst)))
        #expect(confirmed.map(\.percent) == (try course.confirmed.map(decimal)))
        #expect(outcome.needsConfirmation == course.needsConfirmation)
        #expect(confirmed.allSatisfy { $0.kind == .mark && $0.symbol == "BTCUSDT" })
    }

    @Test func aSmallerRollbackLimitIsToldThoughTheMarksAgree() throws {
        var configuration = RolloutConfiguration()
        configuration.rollbackWhen.maxDivergencePercent = try decimal("0.05")
        var comparison = StreamComparison(configuration: configuration, window: .seconds(1_800))
        var confirmed: [Divergence] = []
        for time in [100.0, 105] {
            let sweep = StreamComparison.Sweep(
                rows: [try leg(mark: "100.07")],
                coversAll: true,
                departure: at(time),
                arrival: at(time)
            )
            confirmed += comparison.sweep(sweep) { _ in Self.hundred }.confirmed
        }
        #expect(confirmed.map(\.percent) == [try decimal("0.07")])
        #expect(comparison.summary(now: at(110)).counts.marksAgreed == 1)
    }

    @Test func aMarkOfAnEarlierHoldingConfirmsNothing() throws {
        var comparison = StreamComparison(configuration: RolloutConfiguration(), window: .seconds(1_800))
        var confirmed: [Divergence] = []
        for (time, mark) in [(100.0, "105"), (105, ""), (110, "105")] {
            let rows = mark.isEmpty ? [] : [try leg(mark: mark)]
            let sweep = StreamComparison.Sweep(rows: rows, coversAll: true, departure: at(time), arrival: at(time))
            confirmed += comparison.sweep(sweep) { _ in Self.hundred }.confirmed
        }
        #expect(confirmed.isEmpty)
    }

    /// Seconds between two differences with nothing to compare in between.
    @Test(arguments: [(5.0, true), (60, true), (61, false), (600, false)])
    func aDoubtOfLongAgoConfirmsNothing(_ pause: Double, _ isConfirmed: Bool) throws {
        var comparison = StreamComparison(configuration: RolloutConfiguration(), window: .seconds(1_800))
        var outcome = StreamComparison.Outcome()
        for (time, isKnown) in [(100.0, true), (100 + pause / 2, false), (100 + pause, true)] {
            let sweep = StreamComparison.Sweep(
                rows: [try leg(mark: "105")],
                coversAll: true,
                departure: at(time),
                arrival: at(time)
            )
            outcome = comparison.sweep(sweep) { _ in isKnown ? Self.hundred : nil }
        }
        #expect(outcome.confirmed.map(\.percent) == (isConfirmed ? [FixedPoint(5)] : []))
        // It is a doubt of its own, and asks for another sweep.
        #expect(outcome.needsConfirmation == !isConfirmed)
        #expect(comparison.hasDoubts)
    }

    @Test func bothLegsOfAHedgeAreOneMark() throws {
        var comparison = StreamComparison(configuration: RolloutConfiguration(), window: .seconds(1_800))
        let rows = [try leg(index: 1, mark: "100"), try leg(index: 2, .sell, mark: "100")]
        let sweep = StreamComparison.Sweep(rows: rows, coversAll: true, departure: at(1), arrival: at(2))
        _ = comparison.sweep(sweep) { _ in Self.hundred }
        #expect(comparison.summary(now: at(3)).counts.marksCompared == 1)
    }
}

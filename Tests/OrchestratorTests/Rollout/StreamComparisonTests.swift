import HybridStream
import Testing

@testable import Orchestrator

/// A comparison with a stream that was confirmed long ago.
private struct Bench {
    var comparison: StreamComparison

    init(_ configuration: RolloutConfiguration = RolloutConfiguration()) {
        self.comparison = StreamComparison(configuration: configuration, window: .seconds(1_800))
        self.comparison.streamConfirmed(now: at(0))
    }

    /// A sweep that takes a second.
    mutating func sweep(
        _ rows: [Position],
        at arrival: Double,
        coversAll: Bool = true,
        range: (low: String, high: String)? = nil
    ) throws -> StreamComparison.Outcome {
        let marks = try range.map { MarkRange(low: try decimal($0.low), high: try decimal($0.high)) }
        let sweep = StreamComparison.Sweep(
            rows: rows,
            coversAll: coversAll,
            departure: at(arrival - 1),
            arrival: at(arrival)
        )
        return self.comparison.sweep(sweep) { _ in marks }
    }

    var counts: ComparisonEvidence.Counts { self.comparison.summary(now: at(1_000)).counts }
}

@Suite struct StreamComparisonTests {
    // MARK: Positions

    /// What REST shows, and whether it contradicts a stream that has had a long of 1 at 100 since second 100.
    struct Row: Sendable {
        var side = Side.buy
        var size = "1"
        var entry = "100"
        var differs: Bool
    }

    @Test(
        arguments: [
            Row(differs: false), Row(size: "1.000", entry: "100.0", differs: false), Row(entry: "0", differs: false),
            Row(size: "1.001", differs: true), Row(side: .sell, differs: true), Row(entry: "100.01", differs: true),
            Row(side: .none, size: "0", entry: "0", differs: true),
        ]
    )
    func contentsCompareByNumber(_ row: Row) throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(), now: at(100))
        let rest = try leg(row.side, row.size, entry: row.entry)
        #expect(try bench.sweep([rest], at: 200).needsConfirmation == row.differs)
        let outcome = try bench.sweep([rest], at: 206)
        #expect(outcome.confirmed.count == (row.differs ? 1 : 0))
        #expect(bench.counts.differences == (row.differs ? 1 : 0))
    }

    /// The stream went from 1 to 2 at second 100; REST still shows 1 in a sweep that left when?
    @Test(arguments: [(104.0, false), (105.0, false), (105.1, true), (120.0, true)])
    func restMayBeFiveSecondsOld(_ departure: Double, _ differs: Bool) throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(.buy, "1"), now: at(50))
        bench.comparison.streamChanged(try leg(.buy, "2"), now: at(100))
        #expect(try bench.sweep([leg(.buy, "1")], at: departure + 1).needsConfirmation == differs)
    }

    /// REST showed 2 in a sweep that came at second 100, the stream has 1. When do further sweeps prove it?
    @Test(arguments: [(101.0, false), (104.9, false), (105.0, true), (150.0, true)])
    func theStreamHasFiveSecondsToTell(_ second: Double, _ isProof: Bool) throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(.buy, "1"), now: at(50))
        #expect(try bench.sweep([leg(.buy, "2")], at: 100).confirmed.isEmpty)
        let outcome = try bench.sweep([leg(.buy, "3")], at: second)
        #expect(outcome.confirmed.isEmpty == !isProof)
        #expect(outcome.needsConfirmation == !isProof)
    }

    @Test func aConfirmedDifferenceNamesBothSides() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(index: 2, .sell, "1"), now: at(50))
        _ = try bench.sweep([leg(index: 2, .sell, "2", entry: "101")], at: 100)
        let outcome = try bench.sweep([leg(index: 2, .sell, "2", entry: "101")], at: 110)
        #expect(
            outcome.confirmed == [
                Divergence(
                    symbol: "BTCUSDT",
                    positionIndex: 2,
                    kind: .position,
                    percent: .zero,
                    text: "BTCUSDT (position index 2): REST has Sell 2 at 101, the stream has Sell 1 at 100"
                )
            ]
        )
    }

    @Test func theStreamsWordEndsADoubtAlsoWhenItIsOverAtOnce() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(.buy, "1"), now: at(50))
        #expect(try bench.sweep([leg(.buy, "2")], at: 100).needsConfirmation)
        bench.comparison.streamChanged(try leg(.buy, "2"), now: at(101))
        bench.comparison.streamChanged(try leg(.buy, "3"), now: at(101))
        #expect(!bench.comparison.hasDoubts)
        // REST is ahead again; that is another doubt.
        #expect(try bench.sweep([leg(.buy, "4")], at: 106).confirmed.isEmpty)
    }

    @Test func whatTheStreamTellsBeforeTheReplyIsHandledCounts() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(.buy, "1"), now: at(50))
        bench.comparison.streamChanged(try leg(.buy, "2"), now: at(100.001))
        let outcome = try bench.sweep([leg(.buy, "2")], at: 100)
        #expect(!outcome.needsConfirmation)
    }

    @Test func aSweepThatAgreesEndsADoubt() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(.buy, "1"), now: at(50))
        _ = try bench.sweep([leg(.buy, "2")], at: 100)
        #expect(try !bench.sweep([leg(.buy, "1")], at: 110).needsConfirmation)
        #expect(try bench.sweep([leg(.buy, "2")], at: 120).confirmed.isEmpty)
    }

    @Test func aPositionThatRestDoesNotListDiffers() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(), now: at(50))
        #expect(try bench.sweep([], at: 100).needsConfirmation)
        let confirmed = try bench.sweep([], at: 106).confirmed
        let text = "BTCUSDT (position index 0): REST has no position, the stream has Buy 1 at 100"
        #expect(confirmed.map(\.text) == [text])
    }

    @Test func aPositionThatTheStreamDoesNotHaveDiffers() throws {
        var bench = Bench()
        #expect(try bench.sweep([leg()], at: 100).needsConfirmation)
        let confirmed = try bench.sweep([leg()], at: 106).confirmed
        let text = "BTCUSDT (position index 0): REST has Buy 1 at 100, the stream has no position"
        #expect(confirmed.map(\.text) == [text])
    }

    @Test func absenceFromPartOfAListingMeansNothing() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(), now: at(50))
        for time in [100.0, 110, 120] {
            #expect(try bench.sweep([], at: time, coversAll: false) == StreamComparison.Outcome())
        }
        // Neither does it confirm or end a doubt of a complete one.
        _ = try bench.sweep([], at: 130)
        #expect(try bench.sweep([], at: 140, coversAll: false).confirmed.isEmpty)
        #expect(bench.comparison.hasDoubts)
        #expect(try bench.sweep([], at: 150).confirmed.count == 1)
    }

    @Test func closedAndReopenedBetweenSweepsIsNoDifference() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(.buy, "1"), now: at(50))
        bench.comparison.streamChanged(try flat(), now: at(100))
        bench.comparison.streamChanged(try leg(.sell, "1"), now: at(100.5))
        for rows in [[try leg(.buy, "1")], [], [try leg(.sell, "1")]] {
            #expect(try !bench.sweep(rows, at: 102).needsConfirmation)
        }
    }

    @Test func aDifferenceThatLastsIsConfirmedAnewWithoutHurry() throws {
        var bench = Bench()
        _ = try bench.sweep([leg()], at: 100)
        for time in [106.0, 112, 118] {
            let outcome = try bench.sweep([leg()], at: time)
            #expect(outcome.confirmed.count == 1)
            #expect(!outcome.needsConfirmation)
        }
        #expect(bench.counts.differences == 3)
        bench.comparison.streamChanged(try leg(), now: at(119))
        #expect(try bench.sweep([leg()], at: 124).confirmed.isEmpty)
        #expect(!bench.comparison.hasDoubts)
    }

    // MARK: Connection

    /// The stream was confirmed at second 100: from which departure on are positions compared?
    @Test(arguments: [(99.0, false), (104.9, false), (105.0, true)])
    func whatWasBeforeTheConnectionIsNotCompared(_ departure: Double, _ isCompared: Bool) throws {
        var bench = Bench()
        bench.comparison.streamLost(now: at(90))
        bench.comparison.streamConfirmed(now: at(100))
        #expect(try bench.sweep([leg()], at: departure + 1).needsConfirmation == isCompared)
    }

    @Test func aLostConnectionDropsWhatIsDoubted() throws {
        var bench = Bench()
        _ = try bench.sweep([leg()], at: 100)
        bench.comparison.streamLost(now: at(101))
        #expect(try bench.sweep([leg()], at: 110) == StreamComparison.Outcome())
        bench.comparison.streamConfirmed(now: at(111))
        #expect(try bench.sweep([leg()], at: 120).confirmed.isEmpty)
        #expect(try bench.sweep([leg()], at: 126).confirmed.count == 1)
    }

    @Test func aSweepThatTookTooLongIsNoEvidence() throws {
        var bench = Bench()
        let sweep = StreamComparison.Sweep(rows: [try leg()], coversAll: true, departure: at(100), arrival: at(126))
        #expect(bench.comparison.sweep(sweep) { _ in nil } == StreamComparison.Outcome())
    }

    @Test func moreChangesThanAreKeptAreNoEvidence() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(.buy, "5000"), now: at(99))
        for number in 1...(ContentHistory.limit + 10) {
            bench.comparison.streamChanged(try leg(.buy, "\(number)"), now: at(100 + Double(number) / 1_000))
        }
        #expect(try bench.sweep([leg(.buy, "5000")], at: 101) == StreamComparison.Outcome())
        #expect(try bench.sweep([leg(.buy, "5000")], at: 107).needsConfirmation)
    }

    @Test func closedLegsAreForgotten() throws {
        var bench = Bench()
        for number in 0..<50 {
            bench.comparison.streamChanged(try leg(of: "A\(number)USDT"), now: at(10))
            bench.comparison.streamChanged(try flat("A\(number)USDT"), now: at(20))
        }
        _ = try bench.sweep([], at: 80)
        #expect(bench.comparison.histories.count == 50)
        _ = try bench.sweep([], at: 81)
        #expect(bench.comparison.histories.isEmpty)
    }

    // MARK: Seen by both

    @Test func positionsAreSeenByBothOnceTheyWereTheSame() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(of: "A"), now: at(10))
        bench.comparison.streamChanged(try leg(of: "B"), now: at(10))
        #expect(bench.comparison.summary(now: at(11)).openPositions == 2)
        #expect(bench.comparison.summary(now: at(11)).seenByBoth == 0)
        _ = try bench.sweep([leg(of: "A"), leg(of: "B", .buy, "2"), leg(of: "C")], at: 100)
        #expect(bench.comparison.summary(now: at(101)).openPositions == 3)
        #expect(bench.comparison.summary(now: at(101)).seenByBoth == 1)
        bench.comparison.streamChanged(try leg(of: "A", .buy, "3"), now: at(102))
        #expect(bench.comparison.summary(now: at(103)).seenByBoth == 1)
        bench.comparison.streamChanged(try flat("A"), now: at(104))
        #expect(bench.comparison.summary(now: at(105)).openPositions == 2)
        #expect(bench.comparison.summary(now: at(105)).seenByBoth == 0)
    }

    @Test func aConfirmedDifferenceIsSeenByOneOnly() throws {
        var bench = Bench()
        bench.comparison.streamChanged(try leg(), now: at(10))
        _ = try bench.sweep([leg()], at: 100)
        #expect(bench.comparison.summary(now: at(100)).seenByBoth == 1)
        _ = try bench.sweep([leg(.buy, "2")], at: 110)
        #expect(bench.comparison.summary(now: at(110)).seenByBoth == 1)
        _ = try bench.sweep([leg(.buy, "2")], at: 116)
        #expect(bench.comparison.summary(now: at(116)).seenByBoth == 0)
    }
}

import HybridStream
import Testing

@testable import Orchestrator

@Suite struct AgedMonitorTests {
    private static let hour: Int64 = 3_600_000
    /// When the scene's position began.
    private static let began: Int64 = 1_000_000
    /// Ages at which phases begin by default.
    private static let grace = 3 * AgedMonitorTests.hour
    private static let progressive = 6 * AgedMonitorTests.hour

    // MARK: Phases

    @Test(
        arguments: [
            (Int64.min / 2, AgedMonitor.Phase.fresh), (-1, .fresh), (0, .fresh),
            (AgedMonitorTests.grace - 1, .fresh), (AgedMonitorTests.grace, .grace),
            (AgedMonitorTests.grace + 1, .grace), (AgedMonitorTests.progressive - 1, .grace),
            (AgedMonitorTests.progressive, .progressive), (Int64.max, .progressive),
        ]
    )
    func phasesBeginOnTheMillisecond(_ age: Int64, _ phase: AgedMonitor.Phase) throws {
        #expect(AgedMonitor(AgedMonitorParameters()).phase(age: age) == phase)
    }

    @Test func withoutGraceTheLossGrowsAtOnce() throws {
        var parameters = AgedMonitorParameters()
        parameters.gracePeriod = .zero
        let monitor = AgedMonitor(parameters)
        #expect(monitor.phase(age: Self.grace - 1) == .fresh)
        #expect(monitor.phase(age: Self.grace) == .progressive)
    }

    @Test(arguments: [Int64(1_000_000), 0])
    func theAgeCountsFromTheExchangesWordOrTheFirstSight(_ openTime: Int64) throws {
        var watch = try Watch<AgedMonitor>()
        watch.scene.openTime = openTime
        let began: Int64 = openTime == 0 ? 1_000_500 : 1_000_000
        #expect(try watch.see("200", at: began + Self.grace - 1) == "-")
        #expect(watch.memory.phase == .fresh)
        #expect(watch.band == .everything(until: began + Self.grace))
        #expect(try watch.see("200", at: began + Self.grace) == "close")
        #expect(watch.memory.phase == .grace)
    }

    @Test func anAbsurdOpeningTimeIsYoung() throws {
        var watch = try Watch<AgedMonitor>()
        watch.scene.openTime = .max
        #expect(try watch.see("200", at: 2_000_000) == "-")
        #expect(watch.band == .everything())
    }

    // MARK: Prices

    struct Closing: Sendable {
        var side = Side.buy
        var entry = "100"
        var step = "0.5"
        var most = "10"
        var commission = "0.05"
        /// Milliseconds since grace began.
        var late: Int64
        var mark: String
        var asked: String
    }

    @Test(
        arguments: [
            // Costs of 0.1 percent.
            Closing(late: 0, mark: "100.1", asked: "close"), Closing(late: 0, mark: "100.09999999", asked: "-"),
            Closing(late: 0, mark: "150", asked: "close"),
            Closing(late: 3 * 3_600_000 - 1, mark: "100.09999999", asked: "-"),
            Closing(side: .sell, late: 0, mark: "99.9", asked: "close"),
            Closing(side: .sell, late: 0, mark: "99.90000001", asked: "-"),
            Closing(entry: "23989.61666667", late: 0, mark: "24013.60628333667", asked: "close"),
            Closing(entry: "23989.61666667", late: 0, mark: "24013.60628333666", asked: "-"),
            Closing(commission: "0", late: 0, mark: "100", asked: "close"),
            Closing(commission: "0", late: 0, mark: "99.99", asked: "-"),
            Closing(entry: "0", late: 0, mark: "500", asked: "-"),
        ]
    )
    func graceClosesAtBreakEvenAfterCosts(_ example: Closing) throws { try self.check(example) }

    @Test(
        arguments: [
            // The loss begins with nothing.
            Closing(late: 0, mark: "100.1", asked: "close"), Closing(late: 0, mark: "100.09999999", asked: "-"),
            // After an hour 0.5 percent, less the costs; and not a millisecond earlier.
            Closing(late: 3_600_000, mark: "99.6", asked: "close"),
            Closing(late: 3_600_000, mark: "99.59999999", asked: "-"),
            Closing(late: 3_599_999, mark: "99.6", asked: "-"),
            Closing(side: .sell, late: 3_600_000, mark: "100.4", asked: "close"),
            Closing(side: .sell, late: 3_600_000, mark: "100.40000001", asked: "-"),
            Closing(side: .sell, late: 3_599_999, mark: "100.4", asked: "-"),
            Closing(late: 10 * 3_600_000, mark: "95.1", asked: "close"),
            Closing(late: 10 * 3_600_000, mark: "95.099", asked: "-"),
            // A third of a millionth of a percent is no decimal: 100.1 − 0.3 / 3,600,000 = 100.09999991666…
            Closing(step: "0.3", late: 1, mark: "100.0999999166", asked: "-"),
            Closing(step: "0.3", late: 1, mark: "100.0999999167", asked: "close"),
            Closing(side: .sell, step: "0.3", late: 1, mark: "99.9000000834", asked: "-"),
            Closing(side: .sell, step: "0.3", late: 1, mark: "99.9000000833", asked: "close"),
            // After 20 hours whatever the price is, and whether the entry is known or not.
            Closing(late: 20 * 3_600_000 - 1, mark: "90.1", asked: "-"),
            Closing(late: 20 * 3_600_000, mark: "90.1", asked: "close"),
            Closing(late: 20 * 3_600_000, mark: "0.01", asked: "close"),
            Closing(side: .sell, late: 20 * 3_600_000 - 1, mark: "109.9", asked: "-"),
            Closing(side: .sell, late: 20 * 3_600_000, mark: "5000", asked: "close"),
            Closing(entry: "0", late: 20 * 3_600_000 - 1, mark: "100", asked: "-"),
            Closing(entry: "0", late: 20 * 3_600_000, mark: "100", asked: "close"),
            // 7 percent at 0.3 an hour: 84,000,000 ms. 1 percent at 0.7 an hour: 5,142,857.14 ms.
            Closing(step: "0.3", most: "7", late: 83_999_999, mark: "1", asked: "-"),
            Closing(step: "0.3", most: "7", late: 84_000_000, mark: "1", asked: "close"),
            Closing(step: "0.7", most: "1", late: 5_142_857, mark: "1", asked: "-"),
            Closing(step: "0.7", most: "1", late: 5_142_858, mark: "1", asked: "close"),
            Closing(most: "0", late: 0, mark: "1", asked: "close"),
            // It never grows: costs have to be paid for.
            Closing(step: "0", late: 365 * 24 * 3_600_000, mark: "100.0999", asked: "-"),
            Closing(step: "0", late: 365 * 24 * 3_600_000, mark: "100.1", asked: "close"),
        ]
    )
    func theAcceptedLossGrowsContinuously(_ example: Closing) throws {
        var example = example
        example.late += 3 * Self.hour
        try self.check(example)
    }

    private func check(_ example: Closing) throws {
        var watch = try Watch<AgedMonitor> {
            $0.lossStepPercent = try Scene.decimal(example.step)
            $0.maxLossPercent = try Scene.decimal(example.most)
            $0.commissionPercent = try Scene.decimal(example.commission)
        }
        watch.scene.side = example.side
        watch.scene.entry = example.entry
        #expect(try watch.see(example.mark, at: Self.began + Self.grace + example.late) == example.asked)
    }

    // MARK: Bands

    @Test func aBandLastsUntilThePriceOrThePhase() throws {
        var watch = try Watch<AgedMonitor>()
        let price = try Scene.decimal("100.1")
        #expect(try watch.see("90", at: Self.began + Self.grace) == "-")
        #expect(watch.band.high == price && watch.band.until == Self.began + Self.progressive)
        #expect(watch.band.low < FixedPoint(-1_000_000))
        watch.scene.side = .sell
        #expect(try watch.see("110", at: Self.began + Self.grace) == "-")
        #expect(watch.band.low == (try Scene.decimal("99.9")) && watch.band.high > FixedPoint(1_000_000))
    }

    @Test(arguments: [Side.buy, .sell])
    func aFallingThresholdIsAnticipated(_ side: Side) throws {
        var watch = try Watch<AgedMonitor> { $0.lossStepPercent = try Scene.decimal("0.36") }
        watch.scene.side = side
        let time = Self.began + Self.progressive
        // Ten seconds of 0.36 percent an hour are 0.001 percent.
        #expect(try watch.see(side == .buy ? "90" : "110", at: time) == "-")
        #expect(watch.band.until == time + 10_000)
        let edge = side == .buy ? watch.band.high : watch.band.low
        #expect(edge == (try Scene.decimal(side == .buy ? "100.099" : "99.901")))
    }

    /// 0.001 percent an hour: 100.1 − 0.0000027777… after ten seconds, and in a millisecond less than a digit.
    @Test(arguments: [(Side.buy, "100.099997222"), (.sell, "99.900002778")])
    func roundingMakesABandNarrower(_ side: Side, _ edge: String) throws {
        var watch = try Watch<AgedMonitor> { $0.lossStepPercent = try Scene.decimal("0.001") }
        watch.scene.side = side
        #expect(try watch.see(side == .buy ? "90" : "110", at: Self.began + Self.progressive) == "-")
        #expect((side == .buy ? watch.band.high : watch.band.low) == (try Scene.decimal(edge)))
    }

    @Test func aBandEndsWhereTheLossIsFullyGrown() throws {
        var watch = try Watch<AgedMonitor> {
            $0.lossStepPercent = try Scene.decimal("0.7")
            $0.maxLossPercent = FixedPoint(1)
        }
        let full = Self.began + Self.progressive + 5_142_858
        #expect(try watch.see("50", at: full - 4_000) == "-")
        #expect(watch.band.until == full)
        #expect(try watch.see("50", at: full - 10_001) == "-")
        #expect(watch.band.until == full - 1)
    }

    // MARK: Trailing

    @Test func aPositionThatTrailsIsLeftAlone() throws {
        let times = [Self.grace, Self.progressive, Self.progressive + 20 * Self.hour].map { $0 + Self.began }
        var watch = try Watch<AgedMonitor>()
        watch.scene.isTrailing = true
        for time in times { #expect(try watch.see("200", at: time) == "-") }
        #expect(watch.memory.phase == .progressive && watch.band == .everything())
        watch.scene.isTrailing = false
        #expect(try watch.see("200", at: times[2]) == "close")
        var heedless = try Watch<AgedMonitor> { $0.isSkippedWhileTrailing = false }
        heedless.scene.isTrailing = true
        for time in times { #expect(try heedless.see("200", at: time) == "close") }
    }

    @Test func anUnknownSideIsLeftAlone() throws {
        var watch = try Watch<AgedMonitor>()
        watch.scene.side = .none
        #expect(try watch.see("110", at: Self.began + Self.progressive + 20 * Self.hour) == "-")
    }

    @Test func aNumberThatDoesNotFitIsNamed() throws {
        var watch = try Watch<AgedMonitor>()
        watch.scene.entry = "12345678901234567890123456789012345.678"
        let error = #expect(throws: ConsumerError.self) { try watch.see("100", at: Self.began + Self.grace) }
        #expect(error?.description.hasPrefix("the price after costs does not fit") == true)
        let late = #expect(throws: ConsumerError.self) { try watch.see("100", at: Self.began + Self.progressive) }
        #expect(late?.description.hasPrefix("the price after costs and accepted loss does not fit") == true)
    }

    @Test func memoryIsStoredAndRead() throws {
        var watch = try Watch<AgedMonitor> { $0.closeWith = .limit }
        _ = try watch.see("110", at: Self.began + Self.grace)
        try watch.settle(.refused(isRateLimit: false), at: 9)
        try watch.settle(.impossible, at: 9)
        let read: AgedMonitor.Memory = try StateText.decode(StateText.encode(watch.memory))
        #expect(read == watch.memory)
    }
}

extension Watch<AgedMonitor> {
    init(_ change: (inout AgedMonitorParameters) throws -> Void = { _ in }) throws {
        var parameters = AgedMonitorParameters()
        try change(&parameters)
        try self.init(AgedMonitor(parameters), Scene())
    }
}

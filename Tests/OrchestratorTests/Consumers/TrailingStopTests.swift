import HybridStream
import Testing

@testable import Orchestrator

/// `execution: managed`, and what both executions have in common.
@Suite struct TrailingStopTests {
    // MARK: Activation

    struct Activation: Sendable {
        var side = Side.buy
        var mark: String
        var state: TrailingStop.State
    }

    @Test(
        arguments: [
            Activation(mark: "101.9", state: .waiting), Activation(mark: "101.99999999", state: .waiting),
            Activation(mark: "102", state: .active), Activation(mark: "102.000", state: .active),
            Activation(mark: "110", state: .active), Activation(mark: "98", state: .waiting),
            Activation(side: .sell, mark: "98.1", state: .waiting),
            Activation(side: .sell, mark: "98.00000001", state: .waiting),
            Activation(side: .sell, mark: "98", state: .active), Activation(side: .sell, mark: "90", state: .active),
            Activation(side: .sell, mark: "102", state: .waiting),
        ]
    )
    func becomesActiveAtItsPrice(_ example: Activation) throws {
        for execution in TrailingStopParameters.Execution.allCases {
            var watch = try Watch<TrailingStop>(example.side) { $0.execution = execution }
            _ = try watch.see(example.mark)
            #expect(watch.memory.state == example.state)
            #expect(watch.memory.peak == (try Scene.decimal(example.mark)))
        }
    }

    @Test func staysActiveWhateverBecomesOfTheEntry() throws {
        var watch = try Watch<TrailingStop>()
        _ = try watch.see("102")
        watch.scene.entry = "105"
        _ = try watch.see("101.9")
        #expect(watch.memory.state == .active)
    }

    @Test func anEntryThatMovesIsFollowedUntilThen() throws {
        var watch = try Watch<TrailingStop> { $0.breakevenPercent = .zero }
        #expect(try watch.see("101.9") == "-")
        watch.scene.entry = "99.9"
        // The peak was beyond 101.898; it belongs to another entry.
        #expect(try watch.see("101.8") == "-")
        let mark = try Scene.decimal("101.8")
        #expect(watch.memory.state == .waiting && watch.memory.peak == mark)
        #expect(watch.band.high == (try Scene.decimal("101.8")))
        #expect(try watch.see("101.898") == "stop 101.3")
    }

    /// 1000, doubled at 900: the peak of 1004 would close the position as soon as 969 activates trailing.
    @Test func whoAddsToAPositionIsNotClosedByAnOldPeak() throws {
        var watch = try Watch<TrailingStop> { $0.breakevenPercent = .zero }
        watch.scene.entry = "1000"
        #expect(try watch.see("1004") == "-")
        #expect(try watch.see("900") == "-")
        watch.scene.entry = "950"
        #expect(try watch.see("960") == "-")
        #expect(try watch.see("969") == "stop 964.1")
        // Active, the peak stays whatever becomes of the entry.
        watch.scene.entry = "940"
        #expect(try watch.see("966") == "stop 964.1")
        #expect(watch.memory.peak == FixedPoint(969))
    }

    @Test func withoutAnEntryOnlyThePeakIsFollowed() throws {
        var watch = try Watch<TrailingStop>()
        watch.scene.entry = "0"
        #expect(try watch.see("500") == "-")
        #expect(watch.memory.state == .waiting && watch.memory.peak == FixedPoint(500))
    }

    // MARK: The stop

    struct Following: Sendable {
        var side = Side.buy
        var callback = "0.5"
        var tick = "0.1"
        var peak: String
        var mark: String
        var asked: String
    }

    @Test(
        arguments: [
            // 101.49, 109.45: down to the tick.
            Following(peak: "102", mark: "102", asked: "stop 101.4"),
            Following(tick: "0.01", peak: "102", mark: "102", asked: "stop 101.49"),
            Following(peak: "110", mark: "109.5", asked: "stop 109.4"),
            Following(peak: "110", mark: "109.41", asked: "stop 109.4"),
            // At it or past it.
            Following(peak: "110", mark: "109.4", asked: "close"), Following(peak: "110", mark: "109", asked: "close"),
            Following(callback: "1", tick: "0.5", peak: "110", mark: "110", asked: "stop 108.5"),
            // 98.49, 90.45: up to the tick.
            Following(side: .sell, peak: "98", mark: "98", asked: "stop 98.5"),
            Following(side: .sell, tick: "0.01", peak: "98", mark: "98", asked: "stop 98.49"),
            Following(side: .sell, peak: "90", mark: "90.4", asked: "stop 90.5"),
            Following(side: .sell, peak: "90", mark: "90.49", asked: "stop 90.5"),
            Following(side: .sell, peak: "90", mark: "90.5", asked: "close"),
            Following(side: .sell, peak: "90", mark: "91", asked: "close"),
            // Further away than entry: what pays is to stand at entry.
            Following(callback: "3", peak: "102", mark: "101", asked: "stop 100"),
            Following(side: .sell, callback: "3", peak: "98", mark: "99", asked: "stop 100"),
        ]
    )
    func followsThePeak(_ example: Following) throws {
        var watch = try Watch<TrailingStop>(example.side) { $0.callbackPercent = try Scene.decimal(example.callback) }
        watch.scene.tickSize = example.tick
        _ = try watch.see(example.peak)
        #expect(try watch.see(example.mark) == example.asked)
        #expect(watch.memory.peak == (try Scene.decimal(example.peak)))
    }

    @Test(arguments: [Side.buy, .sell])
    func neverMovesAgainstThePosition(_ side: Side) throws {
        var watch = try Watch<TrailingStop>(side)
        let (peak, same, better, worse) =
            side == .buy ? ("110", "109.4", "109.5", "109.3") : ("90", "90.5", "90.4", "90.6")
        for (stop, asked) in [(same, "-"), (better, "-"), (worse, "stop \(same)")] {
            watch.scene.stop = stop
            #expect(try watch.see(peak) == asked)
        }
    }

    // MARK: Break-even

    struct Even: Sendable {
        var side = Side.buy
        var entry = "100"
        var tick = "0.1"
        var standing: String?
        var peak: String
        var mark: String?
        var asked: String
    }

    @Test(
        arguments: [
            Even(peak: "100.4", asked: "-"), Even(peak: "100.49999", asked: "-"),
            Even(peak: "100.5", asked: "stop 100"),
            Even(side: .sell, peak: "99.6", asked: "-"), Even(side: .sell, peak: "99.5", asked: "stop 100"),
            // The peak counts; the mark has only to leave room.
            Even(peak: "100.5", mark: "100.1", asked: "stop 100"), Even(peak: "100.5", mark: "100", asked: "-"),
            Even(peak: "100.5", mark: "99", asked: "-"),
            Even(side: .sell, peak: "99.5", mark: "99.9", asked: "stop 100"),
            Even(side: .sell, peak: "99.5", mark: "100", asked: "-"),
            // 100.53015: away from the mark.
            Even(entry: "100.03", peak: "100.6", asked: "stop 100"),
            Even(side: .sell, entry: "100.03", peak: "99.5", asked: "stop 100.1"),
            Even(entry: "100.03", tick: "0.5", peak: "100.6", asked: "stop 100"),
            Even(entry: "0.04", peak: "0.05", asked: "-"),
            Even(standing: "96", peak: "100.5", asked: "stop 100"), Even(standing: "100", peak: "100.5", asked: "-"),
            Even(standing: "100.2", peak: "100.5", asked: "-"),
            Even(side: .sell, standing: "104", peak: "99.5", asked: "stop 100"),
            Even(side: .sell, standing: "100", peak: "99.5", asked: "-"),
            Even(side: .sell, standing: "99.9", peak: "99.5", asked: "-"),
        ]
    )
    func movesTheStopToEntry(_ example: Even) throws {
        var watch = try Watch<TrailingStop>(example.side) { $0.activationPercent = FixedPoint(50) }
        watch.scene.entry = example.entry
        watch.scene.tickSize = example.tick
        watch.scene.stop = example.standing
        let asked = try watch.see(example.peak)
        if let mark = example.mark {
            #expect(try watch.see(mark) == example.asked)
        } else {
            #expect(asked == example.asked)
        }
        var off = try Watch<TrailingStop>(example.side) { $0.breakevenPercent = .zero }
        off.scene = watch.scene
        #expect(try off.see(example.peak) == "-" || off.memory.state == .active)
    }

    // MARK: When it is amended

    struct Amendment: Sendable {
        var side = Side.buy
        var standing: String
        var peak: String
        /// Since the last amendment, in milliseconds.
        var after: Int64 = 60_000
        var asked: String
    }

    @Test(
        arguments: [
            // A callback of 50: the stop is half the peak. 0.05 percent of 100 are 0.05, 1 percent is 1.
            Amendment(standing: "100", peak: "200.08", asked: "-"),
            Amendment(standing: "100", peak: "200.10", asked: "stop 100.05"),
            Amendment(standing: "100", peak: "200.10", after: 29_999, asked: "-"),
            Amendment(standing: "100", peak: "200.10", after: 30_000, asked: "stop 100.05"),
            Amendment(standing: "100", peak: "201.98", after: 0, asked: "-"),
            Amendment(standing: "100", peak: "202", after: 0, asked: "stop 101"),
            // For a short it is half as much again: 1.5 × 66.64 is 99.96, 0.04 better.
            Amendment(side: .sell, standing: "100", peak: "66.64", asked: "-"),
            Amendment(side: .sell, standing: "100", peak: "66.63", asked: "stop 99.95"),
            Amendment(side: .sell, standing: "100", peak: "66.63", after: 29_999, asked: "-"),
            Amendment(side: .sell, standing: "100", peak: "66.01", after: 0, asked: "-"),
            Amendment(side: .sell, standing: "100", peak: "66", after: 0, asked: "stop 99"),
        ]
    )
    func isAmendedWhenItIsWorthIt(_ example: Amendment) throws {
        var watch = try Watch<TrailingStop>(example.side) {
            $0.callbackPercent = FixedPoint(50)
            $0.breakevenPercent = .zero
        }
        watch.scene.tickSize = "0.01"
        watch.memory.state = .active
        watch.memory.amended = 5_000_000
        watch.scene.stop = example.standing
        #expect(try watch.see(example.peak, at: 5_000_000 + example.after) == example.asked)
    }

    @Test func anIntervalEndsWhenTheBandSays() throws {
        var watch = try Watch<TrailingStop>()
        #expect(try watch.see("110", at: 1_000) == "stop 109.4")
        try watch.settle(.accepted, at: 1_200)
        watch.scene.stop = "109.4"
        #expect(watch.memory.stop == (try Scene.decimal("109.4")) && watch.memory.amended == 1_200)
        #expect(try watch.see("110.5", at: 5_000) == "-")
        #expect(watch.band.until == 31_200)
        #expect(try watch.see("110.3", at: 31_199) == "-")
        #expect(try watch.see("110.3", at: 31_200) == "stop 109.9")
    }

    @Test func withoutAStopNothingIsWaitedFor() throws {
        var watch = try Watch<TrailingStop>()
        #expect(try watch.see("110", at: 1_000) == "stop 109.4")
        try watch.settle(.accepted, at: 1_200)
        // The row may be late; and then somebody has taken the stop away.
        #expect(try watch.see("110", at: 1_300) == "-")
        #expect(watch.band.until == 3_200)
        #expect(try watch.see("110", at: 3_199) == "-")
        #expect(try watch.see("110", at: 3_200) == "stop 109.4")
    }

    @Test func aLateRowDoesNotHoldUpWhatIsUrgent() throws {
        var watch = try Watch<TrailingStop>()
        #expect(try watch.see("110", at: 1_000) == "stop 109.4")
        try watch.settle(.accepted, at: 1_200)
        watch.scene.stop = "96"
        #expect(try watch.see("110", at: 1_300) == "-")
        #expect(try watch.see("111.5", at: 1_400) == "stop 110.9")
    }

    // MARK: Memory

    @Test func memoryIsStoredAndRead() throws {
        var watch = try Watch<TrailingStop>()
        let empty: TrailingStop.Memory = try StateText.decode(StateText.encode(watch.memory))
        #expect(empty == watch.memory)
        _ = try watch.see("110.250", at: 1_000)
        try watch.settle(.accepted, at: 1_000)
        _ = try watch.see("113", at: 1_000)
        try watch.settle(.impossible, at: 1_000)
        _ = try watch.see("113", at: 1_100)
        let read: TrailingStop.Memory = try StateText.decode(StateText.encode(watch.memory))
        #expect(read == watch.memory)
        #expect(read.heldRow != nil && read.stop != nil && read.state == .active)
    }

    @Test func aNumberThatDoesNotFitIsNamed() throws {
        var watch = try Watch<TrailingStop>()
        watch.scene.entry = "12345678901234567890123456789012345.678"
        let error = #expect(throws: ConsumerError.self) { try watch.see("100") }
        #expect(error?.description.hasPrefix("the activation price does not fit") == true)
        watch.scene.entry = "0"
        watch.memory.state = .active
        let peak = #expect(throws: ConsumerError.self) { try watch.see("12345678901234567890123456789012345.678") }
        #expect(peak?.description.hasPrefix("the stop behind the peak does not fit") == true)
    }

    @Test func anUnknownSideIsLeftAlone() throws {
        var watch = try Watch<TrailingStop>(.none)
        #expect(try watch.see("110") == "-")
        #expect(watch.memory == TrailingStop.Memory())
    }

    @Test func saysWhatTriggersIt() throws {
        var watch = try Watch<TrailingStop> { $0.triggerBy = .last }
        #expect(try watch.see("110") == "stop 109.4")
        #expect(watch.last == .setStop(price: try Scene.decimal("109.4"), triggerBy: .last))
    }
}

extension Watch<TrailingStop> {
    init(_ side: Side = .buy, _ change: (inout TrailingStopParameters) throws -> Void = { _ in }) throws {
        var parameters = TrailingStopParameters()
        try change(&parameters)
        try self.init(TrailingStop(parameters), Scene(side: side))
    }
}

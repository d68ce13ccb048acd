import HybridStream
import Testing

@testable import Orchestrator

/// `execution: exchange`.
@Suite struct TrailingStopExchangeTests {
    struct Arming: Sendable {
        var side = Side.buy
        var entry = "100"
        var activation = "2"
        var callback = "0.5"
        var tick = "0.1"
        var mark = "100"
        var asked: String
    }

    @Test(
        arguments: [
            // 102 and 0.51; 98 and 0.49.
            Arming(asked: "trail 0.6 from 102"), Arming(side: .sell, asked: "trail 0.5 from 98"),
            Arming(tick: "0.01", asked: "trail 0.51 from 102"),
            // 102.0306 and 0.5105; 98.0294 and 0.49.
            Arming(entry: "100.03", asked: "trail 0.6 from 102.1"),
            Arming(side: .sell, entry: "100.03", asked: "trail 0.5 from 98"),
            Arming(side: .sell, entry: "100.03", tick: "0.05", asked: "trail 0.5 from 98"),
            // At least a tick.
            Arming(callback: "0.001", asked: "trail 0.1 from 102"),
            Arming(callback: "0.001", tick: "0.10", asked: "trail 0.1 from 102"),
            Arming(side: .sell, callback: "0.001", tick: "0.5", asked: "trail 0.5 from 98"),
            // There already: at once.
            Arming(mark: "101.9", asked: "trail 0.6 from 102"), Arming(mark: "102", asked: "trail 0.6 from 0"),
            Arming(mark: "110", asked: "trail 0.6 from 0"),
            Arming(side: .sell, mark: "98.1", asked: "trail 0.5 from 98"),
            Arming(side: .sell, mark: "98", asked: "trail 0.5 from 0"),
            // Beyond 102.0306 and not at 102.1: active, so it trails.
            Arming(entry: "100.03", mark: "102.05", asked: "trail 0.6 from 0"),
            Arming(entry: "100.03", mark: "102.03", asked: "trail 0.6 from 102.1"),
            Arming(activation: "0", mark: "99", asked: "trail 0.5 from 100"),
            // Not to be reached.
            Arming(side: .sell, activation: "100", asked: "-"), Arming(side: .sell, entry: "0.05", asked: "-"),
            Arming(entry: "0", asked: "-"),
        ]
    )
    func armsTheExchangesTrailingStop(_ example: Arming) throws {
        var watch = try self.watch(example.side) {
            $0.activationPercent = try Scene.decimal(example.activation)
            $0.callbackPercent = try Scene.decimal(example.callback)
        }
        watch.scene.entry = example.entry
        watch.scene.tickSize = example.tick
        #expect(try watch.see(example.mark) == example.asked)
        #expect(!watch.memory.isArmed)
    }

    @Test func isArmedOnce() throws {
        var watch = try self.watch()
        #expect(try watch.see("100", at: 1_000) == "trail 0.6 from 102")
        #expect(try watch.see("100.2", at: 1_010) == "trail 0.6 from 102")
        try watch.settle(.accepted, at: 1_020)
        #expect(watch.memory.isArmed)
        #expect(try watch.see("100.2", at: 1_030) == "-")
        watch.scene.entry = "90"
        watch.scene.size = "7"
        watch.scene.stop = "90"
        #expect(try watch.see("91", at: 1_040) == "-")
        #expect(try watch.see("92", at: 100_000_000) == "-")
        #expect(watch.memory.state == .active)
    }

    @Test(arguments: [("", false), ("0", false), ("0.00", false), ("12.5", true), ("0.1", true)])
    func anotherOnesTrailingStopIsLeftAlone(_ text: String, _ isArmed: Bool) throws {
        var watch = try self.watch()
        watch.scene.trailingStop = text
        #expect(try watch.see("100") == (isArmed ? "-" : "trail 0.6 from 102"))
        #expect(watch.memory.isArmed == isArmed)
        watch.scene.trailingStop = ""
        #expect(try watch.see("100") == (isArmed ? "-" : "trail 0.6 from 102"))
        // It does not concern a managed stop.
        var managed = try self.watch { $0.execution = .managed }
        managed.scene.trailingStop = text
        #expect(try managed.see("102") == "stop 101.4")
        #expect(!managed.memory.isArmed)
    }

    @Test(arguments: [Side.buy, .sell])
    func movesTheStopToEntryAndNoFurther(_ side: Side) throws {
        var watch = try self.watch(side)
        watch.memory.isArmed = true
        let marks = side == .buy ? ["100.4", "100.5", "110", "105", "101"] : ["99.6", "99.5", "90", "95", "99"]
        #expect(try watch.see(marks[0]) == "-")
        for mark in marks.dropFirst() { #expect(try watch.see(mark) == "stop 100") }
        watch.scene.stop = "100"
        #expect(watch.memory.state == .active)
        // It is the exchange that closes.
        for mark in ["80", "100", "120"] { #expect(try watch.see(mark) == "-") }
        #expect(watch.memory.state == .active)
    }

    @Test(arguments: TrailingStopAnswersTests.refusals)
    func aRefusalIsRepeatedAndHoldsUpNothingElse(_ refusal: TrailingStopAnswersTests.Refusal) throws {
        var watch = try self.watch()
        var time: Int64 = 1_000
        for outcome in refusal.outcomes {
            time = max(time, watch.memory.arming.notBefore)
            #expect(try watch.see("100", at: time) == "trail 0.6 from 102")
            time += 30
            try watch.settle(outcome, at: time)
        }
        #expect(try watch.see("100", at: time + refusal.pause - 1) == "-")
        #expect(watch.band.until == time + refusal.pause)
        #expect(try watch.see("100.5", at: time + refusal.pause - 1) == "stop 100")
        #expect(try watch.see("100.5", at: time + refusal.pause) == "trail 0.6 from 102")
        #expect(!watch.memory.isArmed)
    }

    @Test func whatWasImpossibleIsAskedForWhenTheRowChanges() throws {
        var watch = try self.watch()
        #expect(try watch.see("100.5", at: 1_000) == "trail 0.6 from 102")
        try watch.settle(.impossible, at: 1_010)
        #expect(try watch.see("100.5", at: 1_020) == "stop 100")
        try watch.settle(.impossible, at: 1_030)
        #expect(try watch.see("100.5", at: 1_040) == "-")
        watch.scene.updatedTime += 1
        #expect(try watch.see("100.5", at: 1_050) == "trail 0.6 from 102")
        try watch.settle(.accepted, at: 1_060)
        #expect(try watch.see("100.5", at: 1_070) == "stop 100")
    }

    /// Once active it is said to trail, so it must: there is no waiting for a price that was reached before.
    @Test func whatHasBeenActiveIsArmedAtOnce() throws {
        var watch = try self.watch()
        #expect(try watch.see("103", at: 1_000) == "trail 0.6 from 0")
        try watch.settle(.refused(isRateLimit: false), at: 1_000)
        #expect(try watch.see("101", at: 2_000) == "trail 0.6 from 0")
    }

    @Test func saysWhatTriggersIt() throws {
        var watch = try self.watch { $0.triggerBy = .index }
        #expect(try watch.see("100") == "trail 0.6 from 102")
        let distance = try Scene.decimal("0.6")
        #expect(
            watch.last == .setTrailingStop(distance: distance, activation: FixedPoint(102), triggerBy: .index)
        )
    }

    private func watch(
        _ side: Side = .buy,
        _ change: (inout TrailingStopParameters) throws -> Void = { _ in }
    ) throws -> Watch<TrailingStop> {
        var parameters = TrailingStopParameters()
        parameters.execution = .exchange
        try change(&parameters)
        return try Watch(TrailingStop(parameters), Scene(side: side))
    }
}

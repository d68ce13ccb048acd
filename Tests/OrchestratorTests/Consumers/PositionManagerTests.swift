import HybridStream
import Testing

@testable import Orchestrator

@Suite struct PositionManagerTests {
    struct Stop: Sendable {
        var side = Side.buy
        var percent = "4"
        var entry = "100"
        var mark = "100"
        var tick = "0.1"
        var asked: String
    }

    @Test(
        arguments: [
            Stop(asked: "stop 96"), Stop(side: .sell, asked: "stop 104"),
            // Rounded away from the mark.
            Stop(entry: "100.03", asked: "stop 96"), Stop(side: .sell, entry: "100.03", asked: "stop 104.1"),
            Stop(entry: "101", tick: "0.5", asked: "stop 96.5"),
            Stop(side: .sell, entry: "101", tick: "0.5", asked: "stop 105.5"),
            Stop(percent: "0.001", entry: "60000", mark: "60000", asked: "stop 59999.4"),
            // On the mark is not on its right side; one tick beside it is.
            Stop(mark: "96.1", asked: "stop 96"), Stop(mark: "96", asked: "stop 92.1"),
            Stop(mark: "96.000", asked: "stop 92.1"), Stop(mark: "95", asked: "stop 91.2"),
            Stop(side: .sell, mark: "103.9", asked: "stop 104"), Stop(side: .sell, mark: "104", asked: "stop 108.2"),
            Stop(side: .sell, mark: "105", asked: "stop 109.2"),
            // It is the rounded price that has to be there.
            Stop(entry: "100.03", mark: "96.01", asked: "stop 96"),
            Stop(entry: "100.03", mark: "96.00", asked: "stop 92.1"),
            // The entry is not known.
            Stop(entry: "0", mark: "50", asked: "stop 48"), Stop(side: .sell, entry: "0", mark: "50", asked: "stop 52"),
            // Switched off, or no price to be asked for.
            Stop(percent: "0", asked: "-"), Stop(percent: "100", asked: "-"), Stop(percent: "150", asked: "-"),
            Stop(side: .sell, percent: "100", asked: "stop 200"),
            Stop(entry: "0.01", mark: "0.02", tick: "0.01", asked: "-"),
            Stop(entry: "0", mark: "0.01", tick: "0.01", asked: "-"),
        ]
    )
    func setsAStopWhereNoneStands(_ example: Stop) throws {
        var watch = try self.watch(example.percent)
        watch.scene.side = example.side
        watch.scene.entry = example.entry
        watch.scene.tickSize = example.tick
        #expect(try watch.see(example.mark) == example.asked)
        #expect(watch.memory == PositionManager.Memory())
        // A stop that stands is left alone, wherever it is.
        watch.scene.stop = "1"
        #expect(try watch.see(example.mark) == "-")
        #expect(watch.band == .everything())
    }

    @Test(arguments: TriggerPrice.allCases)
    func saysWhatTriggersIt(_ trigger: TriggerPrice) throws {
        var parameters = PositionManagerParameters()
        parameters.stopTriggerBy = trigger
        var watch = try Watch(PositionManager(parameters))
        #expect(try watch.see("100") == "stop 96")
        #expect(watch.last == .setStop(price: FixedPoint(96), triggerBy: trigger))
    }

    struct Answers: Sendable {
        var outcomes: [IntentOutcome]
        /// From the last answer to the next attempt, in milliseconds.
        var pause: Int64
    }

    @Test(
        arguments: [
            Answers(outcomes: [.refused(isRateLimit: false)], pause: 300),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 2), pause: 700),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 3), pause: 1_500),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 4), pause: 5_000),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 50), pause: 5_000),
            Answers(outcomes: [.refused(isRateLimit: true)], pause: 15_000),
            Answers(outcomes: [.refused(isRateLimit: true), .refused(isRateLimit: false)], pause: 700),
            Answers(outcomes: [.impossible], pause: 60_000),
            Answers(outcomes: [.impossible, .impossible], pause: 60_000),
            Answers(outcomes: [.accepted], pause: 2_000),
            Answers(outcomes: [.refused(isRateLimit: false), .accepted, .refused(isRateLimit: false)], pause: 300),
            Answers(outcomes: [.impossible, .accepted, .refused(isRateLimit: false)], pause: 300),
        ]
    )
    func waitsAfterAnAnswer(_ answers: Answers) throws {
        var watch = try self.watch("4")
        var time: Int64 = 2_000_000
        for outcome in answers.outcomes {
            time = max(time, watch.memory.retry.notBefore)
            #expect(try watch.see("100", at: time) == "stop 96")
            time += 40
            try watch.settle(outcome, at: time)
        }
        for instant in [time, time + 1, time + answers.pause - 1] {
            #expect(try watch.see("101", at: instant) == "-")
            #expect(watch.band == .everything(until: time + answers.pause))
        }
        #expect(try watch.see("101", at: time + answers.pause) == "stop 96")
    }

    @Test func asksAgainWhenTheStopIsGone() throws {
        var watch = try self.watch("4")
        #expect(try watch.see("100", at: 10_000) == "stop 96")
        try watch.settle(.accepted, at: 10_100)
        watch.scene.stop = "96"
        #expect(try watch.see("100", at: 10_200) == "-")
        watch.scene.stop = nil
        #expect(try watch.see("100", at: 12_099) == "-")
        #expect(try watch.see("100", at: 12_100) == "stop 96")
    }

    @Test func aClockThatIsSetBackLeavesNoPositionUnprotected() throws {
        var watch = try self.watch("4")
        #expect(try watch.see("100", at: 50_000_000) == "stop 96")
        try watch.settle(.refused(isRateLimit: true), at: 50_000_000)
        // A little behind is a clock that differs; an hour behind is another time.
        #expect(try watch.see("100", at: 49_999_990) == "-")
        #expect(try watch.see("100", at: 46_400_000) == "stop 96")
    }

    @Test func answersToOthersMeanNothing() throws {
        let manager = PositionManager(PositionManagerParameters())
        var memory = PositionManager.Memory()
        manager.settled(.closePosition(.market), .impossible, &memory, time: 5)
        #expect(memory == PositionManager.Memory())
    }

    @Test func anUnknownSideIsLeftAlone() throws {
        var watch = try self.watch("4")
        watch.scene.side = .none
        #expect(try watch.see("100") == "-")
    }

    @Test func aNumberThatDoesNotFitIsNamed() throws {
        var watch = try self.watch("4.00000000000001")
        watch.scene.entry = "123456789012345678901234567.89012345678"
        let error = #expect(throws: ConsumerError.self) { try watch.see("100") }
        #expect(error?.description.hasPrefix("the stop loss does not fit into 38 digits") == true)
    }

    @Test func memoryIsStoredAndRead() throws {
        var watch = try self.watch("4")
        _ = try watch.see("100")
        try watch.settle(.impossible, at: 77)
        let read: PositionManager.Memory = try StateText.decode(StateText.encode(watch.memory))
        #expect(read == watch.memory)
    }

    private func watch(_ percent: String) throws -> Watch<PositionManager> {
        var parameters = PositionManagerParameters()
        parameters.stopLossPercent = try Scene.decimal(percent)
        return try Watch(PositionManager(parameters))
    }
}

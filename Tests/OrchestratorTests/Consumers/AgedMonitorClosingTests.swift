import HybridStream
import Testing

@testable import Orchestrator

/// How it closes, and what follows on the exchange's word.
@Suite struct AgedMonitorClosingTests {
    private static let hour: Int64 = 3_600_000
    /// When the scene's position began, and the ages at which phases begin by default.
    private static let began: Int64 = 1_000_000
    private static let grace = 3 * AgedMonitorClosingTests.hour
    private static let progressive = 6 * AgedMonitorClosingTests.hour

    struct Limit: Sendable {
        var side = Side.buy
        var offset = "0.1"
        var tick = "0.1"
        var mark: String
        var asked: String
    }

    @Test(
        arguments: [
            // 109.89 and 89.09 a tick away from the mark; 50.05 for a short.
            Limit(mark: "110", asked: "close at 109.8"), Limit(tick: "0.01", mark: "110", asked: "close at 109.89"),
            Limit(offset: "0", mark: "110", asked: "close at 110"),
            Limit(offset: "10", mark: "110", asked: "close at 99"),
            Limit(offset: "0", mark: "110.07", asked: "close at 110"),
            Limit(side: .sell, mark: "50", asked: "close at 50.1"),
            Limit(side: .sell, tick: "0.01", mark: "50", asked: "close at 50.05"),
            Limit(side: .sell, offset: "0", mark: "50.07", asked: "close at 50.1"),
            // Less than a tick is no price.
            Limit(tick: "500", mark: "110", asked: "close"),
        ]
    )
    func aLimitOrderGoesALittleBeyondTheMark(_ example: Limit) throws {
        var watch = try Watch<AgedMonitor> {
            $0.closeWith = .limit
            $0.limitOffsetPercent = try Scene.decimal(example.offset)
        }
        watch.scene.side = example.side
        watch.scene.tickSize = example.tick
        #expect(try watch.see(example.mark, at: Self.began + Self.grace) == example.asked)
    }

    @Test(
        arguments: [
            [IntentOutcome.leftover, .leftover, .leftover],
            [.refused(isRateLimit: false), .leftover, .refused(isRateLimit: true)],
            [.accepted, .leftover, .refused(isRateLimit: false), .accepted, .accepted, .leftover],
        ]
    )
    func afterThreeRoundsAMarketOrderFollows(_ outcomes: [IntentOutcome]) throws {
        var watch = try Watch<AgedMonitor> { $0.closeWith = .limit }
        var time = Self.began + Self.grace
        for outcome in outcomes {
            // A leftover of an order that was accepted follows without another order.
            if outcome != .leftover || watch.memory.retry.notBefore <= time {
                time = max(time, watch.memory.retry.notBefore)
                #expect(try watch.see("110", at: time) == "close at 109.8")
            }
            try watch.settle(outcome, at: time)
        }
        time = max(time, watch.memory.retry.notBefore)
        #expect(try watch.see("110", at: time) == "close")
        try watch.settle(.leftover, at: time)
        #expect(watch.memory.limitRounds == 3)
        #expect(try watch.see("110", at: time) == "close")
    }

    // MARK: Answers

    struct Answers: Sendable {
        var outcomes: [IntentOutcome]
        var pause: Int64
    }

    @Test(
        arguments: [
            Answers(outcomes: [.refused(isRateLimit: false)], pause: 500),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 2), pause: 1_000),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 3), pause: 2_000),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 4), pause: 4_000),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 5), pause: 5_000),
            Answers(outcomes: Array(repeating: .refused(isRateLimit: false), count: 70), pause: 5_000),
            Answers(outcomes: [.refused(isRateLimit: true)], pause: 15_000),
            Answers(outcomes: [.accepted], pause: 30_000),
            Answers(outcomes: [.refused(isRateLimit: false), .accepted, .refused(isRateLimit: false)], pause: 1_000),
            Answers(outcomes: [.refused(isRateLimit: false), .leftover], pause: 0),
            Answers(outcomes: [.accepted, .leftover], pause: 0),
        ]
    )
    func waitsAfterAnAnswer(_ answers: Answers) throws {
        for method in AgedMonitorParameters.CloseWith.allCases {
            var watch = try Watch<AgedMonitor> { $0.closeWith = method }
            var time = Self.began + Self.grace
            for outcome in answers.outcomes {
                time = max(time, watch.memory.retry.notBefore)
                #expect(try watch.see("110", at: time).hasPrefix("close"))
                time += 30
                try watch.settle(outcome, at: time)
            }
            if answers.pause > 0 {
                #expect(try watch.see("110", at: time + answers.pause - 1) == "-")
                #expect(watch.band == .everything(until: time + answers.pause))
            }
            #expect(try watch.see("110", at: time + answers.pause).hasPrefix("close"))
        }
    }

    @Test func aPauseEndsNoLaterThanThePhase() throws {
        var watch = try Watch<AgedMonitor>()
        let time = Self.began + Self.progressive - 100
        #expect(try watch.see("110", at: time) == "close")
        try watch.settle(.refused(isRateLimit: true), at: time)
        #expect(try watch.see("110", at: time) == "-")
        #expect(watch.band == .everything(until: time + 100))
    }

    @Test func whatIsImpossibleIsGivenUp() throws {
        var watch = try Watch<AgedMonitor>()
        #expect(try watch.see("110", at: Self.began + Self.grace) == "close")
        #expect(!watch.memory.isGivenUp)
        try watch.settle(.impossible, at: Self.began + Self.grace)
        #expect(watch.memory.isGivenUp)
        watch.scene.size = "2"
        for late in [0, 3, 100, 1_000].map({ $0 * Self.hour }) {
            #expect(try watch.see("110", at: Self.began + Self.grace + late) == "-")
        }
        #expect(watch.memory.phase == .progressive)
    }

    @Test func answersToOthersMeanNothing() throws {
        let monitor = AgedMonitor(AgedMonitorParameters())
        var memory = AgedMonitor.Memory()
        monitor.settled(.setStop(price: FixedPoint(1), triggerBy: .mark), .impossible, &memory, time: 5)
        #expect(memory == AgedMonitor.Memory())
    }
}

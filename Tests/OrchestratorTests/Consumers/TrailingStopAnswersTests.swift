import HybridStream
import Testing

@testable import Orchestrator

/// What follows on the exchange's word: `triggered`, pauses, and what is impossible.
@Suite struct TrailingStopAnswersTests {
    @Test func isTriggeredWhenTheCloseIsAccepted() throws {
        var watch = try Watch<TrailingStop>()
        _ = try watch.see("110", at: 1_000)
        #expect(try watch.see("109", at: 1_100) == "close")
        #expect(watch.memory.state == .active)
        try watch.settle(.accepted, at: 1_200)
        #expect(watch.memory.state == .triggered)
        for (mark, time) in [("109", 1_300), ("111", 2_000), ("50", 31_199)] {
            #expect(try watch.see(mark, at: Int64(time)) == "-")
            #expect(watch.band.until == 31_200)
        }
        // Whatever the price is by then.
        #expect(try watch.see("111", at: 31_200) == "close")
        try watch.settle(.accepted, at: 31_300)
        #expect(try watch.see("111", at: 61_299) == "-")
        #expect(try watch.see("111", at: 61_300) == "close")
        try watch.settle(.leftover, at: 61_400)
        #expect(try watch.see("111", at: 61_400) == "close")
    }

    @Test func whatIsLeftOverIsClosedAtOnce() throws {
        var watch = try Watch<TrailingStop>()
        _ = try watch.see("110", at: 1_000)
        #expect(try watch.see("109", at: 1_100) == "close")
        try watch.settle(.leftover, at: 1_200)
        #expect(watch.memory.state == .triggered)
        #expect(try watch.see("112", at: 1_200) == "close")
    }

    struct Refusal: Sendable {
        var outcomes: [IntentOutcome]
        var pause: Int64
        /// The same for a close.
        var closing: Int64
    }

    static let refusals = [
        Refusal(outcomes: [.refused(isRateLimit: false)], pause: 300, closing: 300),
        Refusal(outcomes: Array(repeating: .refused(isRateLimit: false), count: 2), pause: 700, closing: 700),
        Refusal(outcomes: Array(repeating: .refused(isRateLimit: false), count: 3), pause: 1_500, closing: 1_500),
        Refusal(outcomes: Array(repeating: .refused(isRateLimit: false), count: 4), pause: 5_000, closing: 5_000),
        Refusal(outcomes: Array(repeating: .refused(isRateLimit: false), count: 9), pause: 5_000, closing: 5_000),
        Refusal(outcomes: [.refused(isRateLimit: true)], pause: 15_000, closing: 15_000),
        Refusal(outcomes: [.impossible], pause: 60_000, closing: 15_000),
    ]

    @Test(arguments: TrailingStopAnswersTests.refusals)
    func aRefusedCloseIsRepeated(_ refusal: Refusal) throws {
        var watch = try Watch<TrailingStop>()
        _ = try watch.see("110", at: 1_000)
        var time: Int64 = 1_000
        for outcome in refusal.outcomes {
            time = max(time, watch.memory.closing.notBefore)
            #expect(try watch.see("109", at: time) == "close")
            time += 30
            try watch.settle(outcome, at: time)
        }
        #expect(watch.memory.state == .active)
        #expect(try watch.see("109", at: time + refusal.closing - 1) == "-")
        #expect(watch.band.until == time + refusal.closing)
        // Where the mark has come back the stop is enough.
        #expect(watch.band.high == (try Scene.decimal("109.4")))
        #expect(try watch.see("109.5", at: time + refusal.closing - 1) == "stop 109.4")
        #expect(try watch.see("109", at: time + refusal.closing) == "close")
    }

    @Test(arguments: TrailingStopAnswersTests.refusals)
    func aRefusedStopIsRepeated(_ refusal: Refusal) throws {
        var watch = try Watch<TrailingStop>()
        var time: Int64 = 1_000
        for outcome in refusal.outcomes {
            time = max(time, watch.memory.amending.notBefore)
            #expect(try watch.see("110", at: time) == "stop 109.4")
            time += 30
            try watch.settle(outcome, at: time)
        }
        #expect(watch.memory.stop == nil && watch.memory.amended == nil)
        #expect(try watch.see("110", at: time + refusal.pause - 1) == "-")
        #expect(watch.band.until == time + refusal.pause)
        #expect(try watch.see("110", at: time + refusal.pause) == "stop 109.4")
        // A close does not wait for it.
        #expect(try watch.see("109", at: time + 1) == "close")
    }

    @Test(arguments: ["size", "entry", "time"])
    func anImpossibleStopIsAskedForWhenTheRowChanges(_ what: String) throws {
        var watch = try Watch<TrailingStop>()
        #expect(try watch.see("110", at: 1_000) == "stop 109.4")
        try watch.settle(.impossible, at: 1_030)
        #expect(try watch.see("110", at: 1_040) == "-")
        watch.scene.trailingStop = "3"
        #expect(try watch.see("110", at: 1_050) == "-")
        switch what {
        case "size": watch.scene.size = "2"
        case "entry": watch.scene.entry = "100.1"
        default: watch.scene.updatedTime += 1
        }
        #expect(try watch.see("110", at: 1_060) == "stop 109.4")
        #expect(watch.memory.heldRow == nil && !watch.memory.isAmendingHeld)
    }

    @Test func aRefusalLiftsWhatWasImpossible() throws {
        var watch = try Watch<TrailingStop>()
        #expect(try watch.see("110", at: 1_000) == "stop 109.4")
        try watch.settle(.impossible, at: 1_000)
        #expect(try watch.see("110", at: 61_000) == "stop 109.4")
        try watch.settle(.refused(isRateLimit: true), at: 61_000)
        watch.scene.size = "2"
        #expect(try watch.see("110", at: 61_100) == "-")
        #expect(try watch.see("110", at: 76_000) == "stop 109.4")
    }

    @Test func aClockThatIsSetBackIsNotWaitedFor() throws {
        var watch = try Watch<TrailingStop>()
        #expect(try watch.see("110", at: 50_000_000) == "stop 109.4")
        try watch.settle(.accepted, at: 50_000_000)
        watch.scene.stop = "109.4"
        #expect(try watch.see("110.3", at: 49_999_990) == "-")
        #expect(try watch.see("110.3", at: 46_400_000) == "stop 109.7")
        try watch.settle(.refused(isRateLimit: true), at: 50_000_000)
        #expect(try watch.see("110.3", at: 46_400_000) == "stop 109.7")
    }
}

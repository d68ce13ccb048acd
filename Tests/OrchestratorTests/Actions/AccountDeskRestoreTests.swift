import HybridStream
import Testing

@testable import Orchestrator

/// A desk whose process ended, and the one of the next process.
@Suite("AccountDesk, after a restart")
struct AccountDeskRestoreTests {
    private static let long = DeskRig.row(5)
    private static let key = PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 0)

    /// The next process: with what the store has of the former one.
    private static func restarted(
        _ former: DeskRig,
        isDryRun: Bool = false,
        held: Set<PositionKey> = [key],
        unfinished: [Action] = [],
        _ change: (inout Strategy) -> Void = { _ in }
    ) throws -> (DeskRig, effects: [String]) {
        var former = former
        let states = former.desk.takeDirtyStates()
        var rig = DeskRig(stop: false, aged: false, isDryRun: isDryRun, change)
        rig.wall = former.wall + 60_000
        rig.n = former.n + 100
        let time = rig.time
        try rig.desk.restore(states, held: held, unfinished: unfinished, at: time)
        let effects = rig.step { _, _ in }
        return (rig, effects)
    }

    /// Trailing, with a peak of 1030 and nothing but that on the way.
    private static func trailing(isDryRun: Bool = false, _ change: (inout Strategy) -> Void = { _ in }) -> DeskRig {
        var rig = DeskRig(stop: false, aged: false, isDryRun: isDryRun, change)
        _ = rig.event(.opened, Self.long)
        _ = rig.event(.mark, Self.long, mark: "1030")
        return rig
    }

    @Test("peak, state and attempts go on")
    func goesOn() throws {
        var former = Self.trailing()
        _ = former.commit()
        _ = former.answer(.accepted, code: 0)
        var (rig, effects) = try Self.restarted(former)
        #expect(effects == [])
        let row = DeskRig.row(5, stop: "1024.8")
        #expect(rig.event(.resync, row, mark: "1028") == [])
        #expect(rig.desk.report(Self.key, at: rig.time)?.trailing?.peak == FixedPoint(1_030))
        #expect(rig.event(.mark, row, mark: "1040") == ["journal t2 set_stop 1034.8"])
        #expect(rig.journalled[0].opening == former.journalled[0].opening)
    }

    /// Where rows come late, two stops may have been accepted that none has shown.
    @Test("of several stops that are looked up the newest holds the place", arguments: [true, false])
    func severalStops(isNewestFirst: Bool) throws {
        var former = Self.trailing()
        _ = former.commit()
        _ = former.answer(.accepted, code: 0)
        former.wall += 60_000
        #expect(former.event(.mark, Self.long, mark: "1040") == ["journal t2 set_stop 1034.8"])
        let stops = former.journalled
        var (rig, effects) = try Self.restarted(former, unfinished: isNewestFirst ? stops.reversed() : stops)
        #expect(effects == ["find position", "find position"])
        #expect(rig.event(.resync, Self.long, mark: "1050") == [], "it waits for what is found")
        let row = DeskRig.row(5, stop: "1034.8")
        _ = rig.step { $0.found(stops[1].id, .position(row), at: $1) }
        rig.wall += 60_000
        #expect(rig.event(.mark, Self.long, mark: "1060") == ["journal t3 set_stop 1054.7"])
    }

    @Test("what a dry run remembers as done was never done: the first mark of the live run closes nothing")
    func dryRunToLive() throws {
        let former = Self.trailing(isDryRun: true)
        var (rig, _) = try Self.restarted(former)
        #expect(rig.event(.resync, Self.long, mark: "970") == [])
        #expect(rig.desk.report(Self.key, at: rig.time)?.trailing?.state == "waiting")
        #expect(rig.event(.mark, Self.long, mark: "1021") == ["journal t2 set_stop 1015.8"], "under an id of its own")
        // And the other way round.
        let live = Self.trailing()
        var (dry, _) = try Self.restarted(live, isDryRun: true)
        #expect(dry.event(.resync, Self.long, mark: "970") == [])
    }

    @Test("a trailing stop that a dry run has armed is armed by the live run")
    func dryRunOfTheExchangesOwn() throws {
        let change: (inout Strategy) -> Void = {
            $0.trailingStop?.execution = .exchange
            $0.trailingStop?.breakevenPercent = .zero
        }
        let former = Self.trailing(isDryRun: true, change)
        #expect(former.journalled.count == 1)
        var (rig, _) = try Self.restarted(former, change)
        #expect(rig.event(.resync, Self.long, mark: "1001") == ["journal t2 set_trailing_stop 5.1 1020"])
    }

    @Test("what ended while nobody watched hands nothing on", arguments: [true, false])
    func endedMeanwhile(isHeldStill: Bool) throws {
        // The exchange need not tell when a position was opened: then nothing but its end tells two apart.
        var former = DeskRig(stop: false, aged: false)
        _ = former.event(.opened, DeskRig.row(5, open: 0))
        _ = former.event(.mark, DeskRig.row(5, open: 0), mark: "1030")
        var (rig, effects) = try Self.restarted(former, held: isHeldStill ? [Self.key] : [])
        #expect(effects == (isHeldStill ? [] : ["forget BTCUSDT"]))
        if isHeldStill { #expect(rig.event(.closed, DeskRig.row(0)) == ["forget BTCUSDT"]) }
        #expect(rig.event(.opened, DeskRig.row(7, entry: 900, open: 0), mark: "900") == [])
        #expect(rig.desk.report(Self.key, at: rig.time)?.trailing?.peak == FixedPoint(900))
    }

    @Test("an action without an end is looked up first, and blocks its kind until that is known")
    func unfinished() throws {
        var former = Self.trailing()
        _ = former.commit()
        _ = former.answer(.accepted, code: 0)
        let row = DeskRig.row(5, stop: "1024.8")
        _ = former.event(.amended, row, mark: "1030")
        former.wall += 1_000
        _ = former.event(.mark, row, mark: "1024.8")
        let close = try #require(former.journalled.last)
        #expect(close.intent == .closePosition(.market))
        var (rig, effects) = try Self.restarted(former, unfinished: [close])
        #expect(effects == ["find order"])
        #expect(rig.event(.resync, row, mark: "1020") == [], "one is under way")
        func found(_ finding: ActionFinding) -> [String] { rig.step { $0.found(close.id, finding, at: $1) } }
        #expect(found(.noOrder) == [], "it may still be on its way")
        #expect(rig.wait(7_000) == ["find order"])
        #expect(found(.noOrder) == ["note rejected: not sent before the process ended", "tell rejected"])
        rig.wall += 300
        #expect(rig.event(.mark, row, mark: "1020") == ["journal t3 close_position market Sell 5"])
    }

    @Test("an action without an end whose state was lost keeps its id for itself")
    func attemptsOfTheJournal() throws {
        let former = DeskRig(stop: false, aged: false)
        var lost = Self.trailing()
        let stop = try #require(lost.journalled.first)
        var (rig, _) = try Self.restarted(former, unfinished: [stop])
        _ = rig.event(.resync, Self.long, mark: "1030")
        _ = rig.step { $0.found(stop.id, .position(Self.long), at: $1) }
        rig.wall += 300
        #expect(rig.event(.mark, Self.long, mark: "1031") == ["journal t2 set_stop 1025.8"])
        lost.n = 0
    }

    @Test("a state that cannot be read begins anew; the others go on, and it is said")
    func unreadable() throws {
        var former = Self.trailing()
        var states = former.desk.takeDirtyStates()
        states[0].state = "{\"state\":\"dancing\"}"
        var rig = DeskRig(stop: false, aged: false)
        let time = rig.time
        let damaged = states
        #expect {
            try rig.desk.restore(damaged, held: [Self.key], unfinished: [], at: time)
        } throws: { error in
            "\(error)".contains("trailing_stop at")
        }
        #expect(rig.event(.resync, Self.long, mark: "970") == [])
    }

    @Test("what the exchange called impossible is tried again by the next process")
    func givenUp() throws {
        var former = DeskRig(stop: false, trailing: false)
        let old = DeskRig.row(5, open: former.wall - 4 * 3_600_000)
        #expect(former.event(.opened, old, mark: "1010") == ["journal a1 close_position market Sell 5"])
        _ = former.commit()
        _ = former.answer(.impossible, code: 110007, text: "no")
        #expect(former.event(.mark, old, mark: "1011") == [])
        var rig = DeskRig(stop: false, trailing: false)
        rig.wall = former.wall + 1_000
        let states = former.desk.takeDirtyStates()
        let time = rig.time
        try rig.desk.restore(states, held: [Self.key], unfinished: [], at: time)
        #expect(rig.event(.resync, old, mark: "1010") == ["journal a2 close_position market Sell 5"])
    }
}

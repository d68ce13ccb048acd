import HybridStream
import Testing

@testable import Orchestrator

@Suite("AccountDesk")
struct AccountDeskTests {
    private static let long = DeskRig.row(5)

    /// A trailing stop that is active, with its stop on the exchange.
    private static func trailing() -> DeskRig {
        var rig = DeskRig(stop: false, aged: false)
        _ = rig.event(.opened, Self.long)
        _ = rig.event(.mark, Self.long, mark: "1030")
        _ = rig.commit()
        _ = rig.answer(.accepted, code: 0)
        _ = rig.event(.amended, DeskRig.row(5, stop: "1024.8"), mark: "1030")
        return rig
    }

    /// The same with its close sent to the exchange.
    private static func closing() -> DeskRig {
        var rig = Self.trailing()
        rig.wall += 1_000
        _ = rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1024.8")
        _ = rig.commit()
        return rig
    }

    @Test("a stop: journal, then the exchange, then the row")
    func stop() {
        var rig = DeskRig()
        #expect(rig.event(.opened, Self.long) == ["journal p1 set_stop 960"])
        #expect(rig.event(.mark, Self.long, mark: "1001") == [], "one at a time")
        #expect(rig.commit() == ["tell journalled", "send p1 set_stop 960"])
        #expect(rig.event(.mark, Self.long, mark: "1002") == [])
        #expect(rig.answer(.accepted, code: 0) == ["note accepted 0", "tell accepted"])
        #expect(rig.event(.mark, Self.long, mark: "1001") == [], "the row may be late")
        #expect(rig.event(.amended, DeskRig.row(5, stop: "960")) == ["note done", "tell done"])
        #expect(rig.event(.mark, DeskRig.row(5, stop: "960"), mark: "1003") == [])
        #expect(rig.desk.actionsUnderWay.isEmpty)
    }

    @Test("nothing is sent that is not in the journal")
    func journalFails() {
        var rig = DeskRig()
        _ = rig.event(.opened, Self.long)
        let id = rig.journalled[0].id
        #expect(
            rig.step { $0.journalFailed(id, reason: "disk full", at: $1) } == [
                "note rejected: not sent: the journal cannot be written: disk full", "tell rejected",
            ]
        )
        #expect(rig.step { $0.journalled(id, at: $1) } == [], "too late")
        rig.wall += 299
        #expect(rig.event(.mark, Self.long, mark: "1001") == [])
        rig.wall += 1
        #expect(rig.event(.mark, Self.long, mark: "1001") == ["journal p2 set_stop 960"])
        #expect(rig.journalled[0].id != rig.journalled[1].id)
    }

    @Test("ids are the same for the same intent, and within the exchange's limits")
    func ids() {
        var first = DeskRig()
        var second = DeskRig()
        _ = first.event(.opened, Self.long)
        _ = second.event(.opened, Self.long)
        #expect(first.journalled.map(\.id) == second.journalled.map(\.id))
        let id = first.journalled[0].id
        #expect(id.utf8.count <= 36 && id.hasPrefix("bp-") && id.hasSuffix("-1"))
        #expect(id.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
        var seen: Set<String> = []
        for n in 0..<20_000 {
            let opening = Opening(Self.long, time: 1, n: Int64(n))
            seen.insert(OrderLink.make(account: "a", opening: opening, seat: .trailingStop, attempt: 1))
        }
        #expect(seen.count == 20_000)
    }

    @Test("nothing is decided on a stale mark, without a mark, or before the tick size is known")
    func unknown() {
        var rig = DeskRig()
        #expect(rig.event(.opened, Self.long, stale: true) == [])
        #expect(rig.event(.resync, Self.long, mark: nil) == [])
        #expect(rig.event(.fresh, Self.long) == ["journal p1 set_stop 960"])
        let other = DeskRig.row(5, symbol: "ETHUSDT")
        #expect(rig.event(.opened, other, slot: 1) == ["need ETHUSDT"])
        #expect(rig.event(.mark, other, mark: "999", slot: 1) == [])
        rig.desk.setTickSize(FixedPoint(mantissa: 1, scale: 2), of: "ETHUSDT")
        #expect(rig.event(.mark, other, mark: "999", slot: 1) == ["journal p1 set_stop 960"])
    }

    /// Marks, `stale` and `fresh` carry the newest row, also one that made no event: a recording does not have that one.
    @Test("what is said of the mark alone brings no row")
    func silentRows() {
        var rig = DeskRig(trailing: false, aged: false)
        _ = rig.event(.opened, Self.long, stale: true)
        _ = rig.event(.stale, DeskRig.row(5, stop: "970"), stale: true)
        #expect(rig.event(.fresh, DeskRig.row(5, stop: "970")) == ["journal p1 set_stop 960"])
    }

    /// By the exchange's clock, so that a recording decides the same.
    @Test("an accepted stop outlives older rows for two seconds of the exchange's clock")
    func acceptedStop() {
        var rig = DeskRig(trailing: false, aged: false)
        _ = rig.event(.opened, Self.long)
        _ = rig.commit()
        _ = rig.answer(.accepted, code: 0)
        rig.wall += 2_000
        _ = rig.event(.increased, DeskRig.row(6), mark: "1001")
        #expect(rig.desk.legs[0]?.acceptedStop == FixedPoint(960))
        rig.wall += 1
        _ = rig.event(.increased, DeskRig.row(7), mark: "1001")
        #expect(rig.desk.legs[0]?.acceptedStop == nil)
    }

    @Test("the trailing stop closes once, and everything goes with the position")
    func close() {
        var rig = Self.trailing()
        #expect(rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1025") == [])
        #expect(
            rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1024.8") == [
                "journal t2 close_position market Sell 5"
            ]
        )
        #expect(rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1020") == [], "one is under way")
        #expect(rig.commit() == ["tell journalled", "send t2 close_position market Sell 5"])
        #expect(rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1010") == [])
        #expect(rig.answer(.accepted, code: 0) == ["note accepted 0", "tell accepted"])
        #expect(rig.event(.closed, DeskRig.row(0)) == ["find order", "forget BTCUSDT"])
        #expect(
            rig.find(.orderEnded(executed: FixedPoint(5), reason: "Filled")) == ["note done 0: 5 closed", "tell done"]
        )
        #expect(rig.desk.actionsUnderWay.isEmpty)
        #expect(rig.event(.mark, DeskRig.row(0), mark: "900") == [])
    }

    @Test("the exchange's stop was faster: our order closed nothing, and the journal says so")
    func stopWasFaster() {
        var rig = Self.closing()
        #expect(rig.event(.closed, DeskRig.row(0)) == ["forget BTCUSDT"])
        #expect(
            rig.answer(.flat, code: 110017, text: "zero position") == [
                "sweep", "note done 110017: there was nothing left to close", "tell done",
            ]
        )
    }

    @Test("a lost reply: looked up, and found")
    func lostReply() {
        var rig = Self.closing()
        #expect(
            rig.answer(.ambiguous(wasAnswered: false, isRateLimit: false), text: "no reply") == [
                "note unknown: no reply", "tell unknown", "find order",
            ]
        )
        #expect(rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1000") == [], "nobody knows yet")
        #expect(rig.find(.failed("no connection")) == [])
        #expect(rig.wait(300) == ["find order"])
        #expect(
            rig.find(.orderEnded(executed: FixedPoint(5), reason: "Filled"))
                == [
                    "note accepted: ", "tell accepted", "sweep",
                ].map { $0 == "note accepted: " ? "note accepted" : $0 }
        )
        #expect(rig.event(.closed, DeskRig.row(0)) == ["note done: 5 closed", "tell done", "forget BTCUSDT"])
    }

    @Test("a request that never arrived is sent again under its own id, a few times at most")
    func neverArrived() {
        var rig = Self.closing()
        var sent = 1
        for _ in 0..<20 {
            _ = rig.answer(.ambiguous(wasAnswered: false, isRateLimit: false), text: "no reply")
            _ = rig.find(.noOrder)
            #expect(rig.wait(5_000).allSatisfy { $0 == "find position" }, "is it still the position it was meant for?")
            let effects = rig.find(.position(Self.long))
            if effects.contains(where: { $0.hasPrefix("send t2 ") }) { sent += 1 }
        }
        #expect(sent == Flight.mostSendings)
        #expect(rig.desk.actionsUnderWay.isEmpty)
        #expect(
            rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1000") == [
                "journal t3 close_position market Sell 5"
            ]
        )
    }

    @Test("an id that the exchange knows already is looked up, not sent again")
    func duplicate() {
        var rig = Self.closing()
        #expect(rig.answer(.duplicate, code: 110072) == ["find order"])
        #expect(rig.find(.orderIsOpen) == ["note accepted 110072", "tell accepted"])
        #expect(rig.wait(300) == ["find order"])
    }

    @Test("a rate limit: looked up, and asked for again by the consumer when it is over")
    func rateLimit() {
        var rig = Self.closing()
        _ = rig.answer(.ambiguous(wasAnswered: true, isRateLimit: true), code: 10006, text: "Too many visits")
        #expect(rig.find(.noOrder) == ["note rejected 10006: Too many visits", "tell rejected"])
        rig.wall += 14_999
        #expect(rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1000") == [])
        rig.wall += 1
        #expect(
            rig.event(.mark, DeskRig.row(5, stop: "1024.8"), mark: "1001") == [
                "journal t3 close_position market Sell 5"
            ]
        )
    }

    @Test("a position that is closed meanwhile: nothing is sent again, and nothing of it touches the next one")
    func closedMeanwhile() {
        var rig = Self.closing()
        _ = rig.answer(.ambiguous(wasAnswered: false, isRateLimit: false), text: "no reply")
        _ = rig.find(.noOrder)
        #expect(
            rig.event(.closed, DeskRig.row(0)) == [
                "note rejected: not sent again: the position is closed", "tell rejected", "forget BTCUSDT",
            ]
        )
        let next = DeskRig.row(5, entry: 1_010, open: 1_790_000_009_000)
        #expect(rig.event(.opened, next, mark: "1010") == [])
        #expect(rig.wait(60_000) == [])
        #expect(rig.event(.mark, next, mark: "1032") == ["journal t1 set_stop 1026.8"], "as for any other position")
        #expect(rig.journalled.last?.id != rig.journalled.first?.id)
    }

    @Test("a close that is to be sent again does not meet a position that was opened meanwhile")
    func reopenedUnseen() {
        var rig = Self.closing()
        _ = rig.answer(.ambiguous(wasAnswered: false, isRateLimit: false), text: "no reply")
        _ = rig.find(.noOrder)
        #expect(rig.wait(300) == ["find position"])
        #expect(
            rig.find(.position(DeskRig.row(5, open: 1_790_000_000_500))) == [
                "sweep", "note rejected: not sent: the position is closed", "tell rejected",
            ]
        )
        #expect(rig.wait(60_000) == [])
    }

    @Test("an order that closed a part only: the rest is asked for again")
    func leftover() {
        var rig = Self.closing()
        _ = rig.answer(.accepted, code: 0)
        let rest = DeskRig.row(2, stop: "1024.8")
        _ = rig.event(.reduced, rest, mark: "1020")
        #expect(rig.wait(2_000) == ["find order"])
        #expect(rig.find(.orderEnded(executed: FixedPoint(3), reason: "PartiallyFilledCanceled")) == ["sweep"])
        #expect(rig.event(.mark, rest, mark: "1019") == [], "the row may be late")
        #expect(rig.wait(700) == ["note done 0: 3 closed, something is left", "tell done"])
        #expect(rig.event(.mark, rest, mark: "1018") == ["journal t3 close_position market Sell 2"])
    }

    @Test("of two that want to close, the first one does")
    func oneClose() {
        var rig = DeskRig(stop: false) {
            $0.agedMonitor?.maxAge = .seconds(1)
            $0.agedMonitor?.gracePeriod = .seconds(0)
            $0.agedMonitor?.maxLossPercent = FixedPoint(0)
            $0.agedMonitor?.isSkippedWhileTrailing = false
        }
        _ = rig.event(.opened, Self.long, mark: "1000")
        #expect(rig.journalled.map(\.seat) == [.agedMonitor])
        #expect(rig.event(.mark, Self.long, mark: "1030") == [])
        #expect(rig.event(.mark, Self.long, mark: "1000") == [])
        #expect(rig.journalled.count == 1)
    }

    @Test("a flipped position is another one")
    func flipped() {
        var rig = DeskRig(aged: false)
        _ = rig.event(.opened, Self.long)
        _ = rig.commit()
        let short = DeskRig.row(-5, open: 1_790_000_000_000)
        #expect(rig.event(.flipped, short) == ["forget BTCUSDT", "journal p1 set_stop 1040"])
        let old = rig.journalled[0].id
        #expect(
            rig.step { $0.answered(old, ActionAnswer(.accepted, code: 0), at: $1) } == [
                "note accepted 0", "tell accepted", "note done 0: the position is closed",
            ],
            "the answer to the former one changes nothing of this"
        )
        #expect(rig.event(.mark, short, mark: "1001") == [])
        #expect(rig.commit() == ["tell journalled", "send p1 set_stop 1040"])
    }

    @Test("without a stop for long enough: critical, until there is one")
    func unprotected() {
        var rig = DeskRig(trailing: false, aged: false)
        _ = rig.event(.opened, Self.long)
        _ = rig.commit()
        #expect(
            rig.answer(.refused(isRateLimit: false), code: 10001, text: "no") == [
                "note rejected 10001: no", "tell rejected",
            ]
        )
        #expect(rig.desk.unprotected.isEmpty)
        #expect(rig.wait(29_999) == [])
        #expect(rig.wait(1) == ["alert position_unprotected opened"])
        #expect(rig.desk.unprotected == [Self.long.key])
        #expect(rig.wait(60_000) == [], "told once")
        #expect(rig.event(.amended, DeskRig.row(5, stop: "900")) == ["alert position_unprotected resolved"])
        #expect(rig.event(.amended, Self.long) == ["journal p2 set_stop 960"])
        #expect(rig.wait(30_000) == ["alert position_unprotected opened"])
        #expect(rig.event(.closed, DeskRig.row(0)) == ["alert position_unprotected resolved", "forget BTCUSDT"])
    }

    @Test("who fails again and again is told of, until it works")
    func failures() {
        var rig = DeskRig(trailing: false, aged: false)
        var alerts: [String] = []
        _ = rig.event(.opened, Self.long)
        for attempt in 1...6 {
            _ = rig.commit()
            if attempt < 6 {
                alerts += rig.answer(.refused(isRateLimit: false), code: 1, text: "no").filter { $0.hasPrefix("alert") }
                rig.wall += 5_000
                _ = rig.event(.mark, Self.long, mark: "\(1_000 + attempt)")
            } else {
                alerts += rig.answer(.accepted, code: 0).filter { $0.hasPrefix("alert") }
            }
        }
        #expect(alerts == ["alert position_manager_failed opened", "alert position_manager_failed resolved"])
    }

    @Test("dry run: the same actions under the same ids, nothing sent, and the position counts as closed at its stop")
    func dryRun() {
        var live = DeskRig(aged: false)
        var dry = DeskRig(aged: false, isDryRun: true)
        _ = live.event(.opened, Self.long)
        #expect(dry.event(.opened, Self.long) == ["journal p1 set_stop 960", "tell journalled"])
        #expect(dry.journalled.map(\.id) == live.journalled.map(\.id))
        #expect(dry.event(.mark, Self.long, mark: "1030") == ["journal t1 set_stop 1024.8", "tell journalled"])
        #expect(dry.event(.mark, Self.long, mark: "1026") == [])
        #expect(dry.event(.mark, Self.long, mark: "1024.8") == ["exit at 1024.8 by position_manager"])
        #expect(dry.event(.mark, Self.long, mark: "900") == [])
        #expect(dry.desk.actionsUnderWay.isEmpty)
    }
}

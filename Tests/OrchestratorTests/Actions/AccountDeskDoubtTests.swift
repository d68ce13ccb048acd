import HybridStream
import Testing

@testable import Orchestrator

/// What the desk does while it does not know.
@Suite("AccountDesk, in doubt")
struct AccountDeskDoubtTests {
    private static let long = DeskRig.row(5)
    private static let key = PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 0)
    private static let other = DeskRig.row(5, open: 1_790_000_000_500)

    /// An old position in profit: it is to be closed at market.
    private static func aged() -> (DeskRig, Position) {
        var rig = DeskRig(stop: false, trailing: false)
        let old = DeskRig.row(5, open: rig.wall - 4 * 3_600_000)
        _ = rig.event(.opened, old, mark: "1010")
        return (rig, old)
    }

    // MARK: The account is not heard

    @Test("while the account is not heard, the position is looked at before anything is sent")
    func verified() {
        var (rig, old) = Self.aged()
        rig.desk.isListening = false
        #expect(rig.commit() == ["tell journalled", "find position"])
        #expect(rig.find(.position(old)) == ["send a1 close_position market Sell 5"])
        (rig, old) = Self.aged()
        rig.desk.isListening = false
        _ = rig.commit()
        let closed = ["sweep", "note rejected: not sent: the position is closed", "tell rejected"]
        #expect(rig.find(.position(Self.other)) == closed)
        #expect(rig.event(.mark, old, mark: "1011") == [], "not at every mark")
        rig.wall += 500
        #expect(rig.event(.mark, old, mark: "1011") == ["journal a2 close_position market Sell 5"])
        _ = rig.commit()
        #expect(rig.find(.position(DeskRig.row(0))) == closed)
    }

    @Test("what a look showed seconds ago is not relied on")
    func lateLook() {
        var (rig, old) = Self.aged()
        rig.desk.isListening = false
        _ = rig.commit()
        rig.wall += 2_000
        #expect(rig.find(.position(old)) == [])
        #expect(rig.wait(300) == ["find position"])
        #expect(rig.find(.position(old)) == ["send a1 close_position market Sell 5"])
    }

    @Test("no tick size, no decision: an alert, until it is known")
    func unknownInstrument() {
        var rig = DeskRig(trailing: false, aged: false)
        let other = DeskRig.row(5, symbol: "ETHUSDT")
        #expect(rig.event(.opened, other) == ["need ETHUSDT"])
        for _ in 1...2 { #expect(rig.step { desk, _ in desk.instrumentMissing("ETHUSDT") } == []) }
        #expect(rig.step { desk, _ in desk.instrumentMissing("ETHUSDT") } == ["alert instrument_unknown opened"])
        let size = FixedPoint(mantissa: 1, scale: 2)
        #expect(rig.step { desk, _ in desk.setTickSize(size, of: "ETHUSDT") } == ["alert instrument_unknown resolved"])
        #expect(rig.event(.mark, other, mark: "999") == ["journal p1 set_stop 960"])
    }

    @Test("a position that cannot be looked at: decided anew after five attempts")
    func notVerified() {
        var (rig, old) = Self.aged()
        rig.desk.isListening = false
        _ = rig.commit()
        var waited: Int64 = 0
        for pause in [300, 700, 1_500, 5_000] as [Int64] {
            #expect(rig.find(.failed("HTTP 502")) == [])
            #expect(rig.wait(pause - 1) == [])
            #expect(rig.wait(1) == ["find position"])
            waited += pause
        }
        let why = "not sent: the exchange does not show whether the position is still the same: HTTP 502"
        #expect(rig.find(.failed("HTTP 502")) == ["note rejected: \(why)", "tell rejected"])
        #expect(rig.desk.actionsUnderWay.isEmpty)
        rig.wall += 500
        #expect(rig.event(.mark, old, mark: "1011") == ["journal a2 close_position market Sell 5"])
    }

    @Test("a stop that somebody has set meanwhile is not replaced by a worse one, and by the position manager by none")
    func superseded() {
        var rig = DeskRig(trailing: false, aged: false)
        _ = rig.event(.opened, Self.long)
        rig.desk.isListening = false
        _ = rig.commit()
        let rejected = ["sweep", "note rejected: not sent: another stop stands by now", "tell rejected"]
        #expect(rig.find(.position(DeskRig.row(5, stop: "950"))) == rejected)
        func trailing(_ stop: String) -> [String] {
            var rig = DeskRig(stop: false, aged: false)
            _ = rig.event(.opened, Self.long)
            _ = rig.event(.mark, Self.long, mark: "1030")
            rig.desk.isListening = false
            _ = rig.commit()
            return rig.find(.position(DeskRig.row(5, stop: stop)))
        }
        #expect(trailing("1025") == rejected)
        #expect(trailing("1024.8") == ["note accepted", "tell accepted"], "it stands already")
        #expect(trailing("1024.7") == ["send t1 set_stop 1024.8"])
    }

    // MARK: Replies that say little

    @Test("a gateway that answers for the exchange: sent again under the same id, and given up at last")
    func badGateway() {
        var (rig, old) = Self.aged()
        _ = rig.commit()
        var sent = 1
        while true {
            let doubt = rig.answer(.ambiguous(wasAnswered: true, isRateLimit: false), text: "HTTP 502")
            #expect(doubt == (sent == 1 ? ["note unknown: HTTP 502", "tell unknown", "find order"] : ["find order"]))
            let missing = rig.find(.noOrder)
            if sent == 5 {
                let text = "has not reached the exchange in 5 attempts: HTTP 502"
                #expect(missing == ["note rejected: \(text)", "tell rejected"])
                break
            }
            #expect(missing == [])
            #expect(rig.wait(5_000) == ["find position"])
            #expect(rig.find(.position(old)) == ["send a1 close_position market Sell 5"])
            sent += 1
        }
    }

    @Test("the exchange knows the id and does not show the order: it is there, and not sent again")
    func knownAndNotShown() {
        var (rig, _) = Self.aged()
        _ = rig.commit()
        _ = rig.answer(.duplicate, code: 110072, text: "duplicate")
        #expect(rig.find(.noOrder) == [])
        #expect(rig.wait(5_000) == ["find order"])
        let text = ["note done 110072: 5 closed", "tell done"]
        _ = rig.find(.orderEnded(executed: FixedPoint(5), reason: "Filled"))
        #expect(rig.event(.closed, DeskRig.row(0)) == text + ["forget BTCUSDT"])
    }

    @Test("a second sending that is refused says nothing of the first")
    func refusedAfterDoubt() {
        var (rig, old) = Self.aged()
        _ = rig.commit()
        _ = rig.answer(.ambiguous(wasAnswered: false, isRateLimit: false), text: "no reply")
        _ = rig.find(.noOrder)
        _ = rig.wait(300)
        _ = rig.find(.position(old))
        #expect(rig.answer(.refused(isRateLimit: true), text: "the request budget was used up") == ["find order"])
        #expect(rig.find(.orderIsOpen) == ["note accepted", "tell accepted"])
    }

    @Test("nothing to close, says the exchange, and the position stays: slower each time, and an alert")
    func flatAndStillThere() {
        var (rig, old) = Self.aged()
        var alerts: [String] = []
        for attempt in 1...4 {
            _ = rig.commit()
            #expect(rig.answer(.flat, code: 110017, text: "zero") == ["sweep"])
            let end = rig.wait(10_000)
            #expect(end.first == "note rejected 110017: it closed nothing: zero")
            alerts += end.filter { $0.hasPrefix("alert") }
            rig.wall += 5_000
            _ = rig.event(.mark, old, mark: attempt % 2 == 0 ? "1010" : "1011")
        }
        #expect(alerts == ["alert aged_monitor_failed opened"])
        #expect(rig.journalled.count == 5)
    }

    @Test("market orders that find no taker: slower each time, and an alert")
    func cancelledMarketOrders() {
        var (rig, old) = Self.aged()
        var alerts: [String] = []
        var times: [Int64] = []
        let start = rig.wall
        while rig.wall < start + 32_000 {
            if rig.desk.actionsUnderWay.isEmpty {
                rig.wall += 100
                let effects = rig.event(.mark, old, mark: rig.wall % 200 == 0 ? "1010" : "1011")
                if effects.isEmpty { continue }
            }
            times.append(rig.wall)
            _ = rig.commit()
            _ = rig.answer(.accepted, code: 0)
            _ = rig.wait(2_000)
            _ = rig.find(.orderEnded(executed: .zero, reason: "Cancelled"))
            alerts += rig.wait(700).filter { $0.hasPrefix("alert") }
        }
        #expect(alerts == ["alert aged_monitor_failed opened"])
        #expect((7...9).contains(times.count), "\(times.map { $0 - start })")
    }

    @Test("what became of an action cannot be learned: an alert, until it is")
    func lookUpsFail() {
        var (rig, _) = Self.aged()
        _ = rig.commit()
        _ = rig.answer(.ambiguous(wasAnswered: false, isRateLimit: false), text: "no reply")
        var alerts: [String] = []
        for _ in 1...7 {
            alerts += rig.find(.failed("HTTP 500"))
            #expect(rig.wait(5_000) == ["find order"])
        }
        #expect(alerts == ["alert action_unresolved opened"])
        _ = rig.find(.orderEnded(executed: FixedPoint(5), reason: "Filled"))
        let end = rig.event(.closed, DeskRig.row(0))
        #expect(end.contains("alert action_unresolved resolved"))
    }

    // MARK: Stops

    @Test("an accepted stop that no row shows protects for two seconds, and no longer")
    func neverShown() {
        var rig = DeskRig(trailing: false, aged: false)
        _ = rig.event(.opened, Self.long)
        _ = rig.commit()
        _ = rig.answer(.accepted, code: 0)
        #expect(rig.wait(1_999) == [])
        #expect(rig.wait(1) == ["sweep"])
        rig.wall += 1
        #expect(rig.event(.mark, Self.long, mark: "1001") == ["journal p2 set_stop 960"])
        _ = rig.commit()
        var effects: [String] = []
        for _ in 0..<40 { effects += rig.wait(1_000) }
        #expect(effects.contains("alert position_unprotected opened"))
    }

    @Test("a row that lags behind moves no stop against the position")
    func rowsLagBehind() {
        var rig = DeskRig(aged: false)
        _ = rig.event(.opened, Self.long)
        _ = rig.commit()
        _ = rig.answer(.accepted, code: 0)
        _ = rig.event(.mark, Self.long, mark: "1030")
        _ = rig.commit()
        _ = rig.find(.position(Self.long))
        #expect(rig.answer(.accepted, code: 0) == ["note accepted 0", "tell accepted"])
        rig.wall += 2_500
        let again = rig.event(.mark, Self.long, mark: "1029")
        #expect(again == ["journal p2 set_stop 1024.8"])
    }

    @Test("a position whose exchange's trailing stop is gone is not left alone by the aged monitor")
    func trailingGone() {
        var rig = DeskRig(stop: false) { $0.trailingStop?.execution = .exchange }
        let old = DeskRig.row(5, open: rig.wall - 40 * 3_600_000)
        _ = rig.event(.opened, old, mark: "1030", stale: true)
        let first = rig.event(.mark, old, mark: "1030")
        #expect(first == ["journal t1 set_trailing_stop 5.1 0", "journal a1 close_position market Sell 5"])
    }

    // MARK: Alerts

    @Test("what was a warning becomes critical; two legs of a symbol have one alert")
    func escalation() {
        var rig = DeskRig(trailing: false, aged: false)
        let legs = [DeskRig.row(5, index: 1), DeskRig.row(-5, index: 2)]
        var alerts: [String] = []
        func refuse(_ leg: Int, _ kind: ActionAnswer.Kind) {
            rig.wall += 70_000
            _ = rig.event(.mark, legs[leg], mark: rig.n % 2 == 0 ? "1000" : "1001", slot: leg)
            _ = rig.commit()
            alerts += rig.answer(kind, code: 10001, text: "no").filter { $0.contains("manager_failed") }
        }
        for leg in 0...1 { _ = rig.event(.opened, legs[leg], stale: true, slot: leg) }
        for _ in 1...4 { refuse(0, .refused(isRateLimit: false)) }
        #expect(alerts == ["alert position_manager_failed opened"])
        for _ in 1...4 { refuse(1, .refused(isRateLimit: false)) }
        #expect(alerts.count == 1)
        refuse(1, .impossible)
        #expect(
            alerts.dropFirst() == ["alert position_manager_failed resolved", "alert position_manager_failed opened"]
        )
        let first = rig.event(.closed, DeskRig.row(0, index: 1), slot: 0)
        #expect(!first.contains { $0.contains("manager_failed") }, "the other leg still has it")
        let second = rig.event(.closed, DeskRig.row(0, index: 2), slot: 1)
        #expect(second.contains("alert position_manager_failed resolved"))
    }

    // MARK: The end of the process

    @Test("who ends decides nothing new, and still hears that a position is closed")
    func finishing() {
        var rig = DeskRig(trailing: false, aged: false)
        rig.desk.isFinishing = true
        #expect(rig.event(.opened, Self.long) == [])
        #expect(rig.event(.mark, Self.long, mark: "1001") == [])
        #expect(rig.event(.closed, DeskRig.row(0)) == ["forget BTCUSDT"])
    }
}

import Foundation
import Testing

/// A few seconds in the life of one account, told right or wrong.
private struct Story {
    let audit = SoakAudit(accounts: ["a"], start: 0, limit: 25_000)
    let leg = Leg(symbol: "BTCUSDT", index: 0)
    private var rows: [Int64: (state: LegState, stamp: RowStamp)] = [:]
    private var n: Int64 = 0
    private var index = 0

    init() {
        self.fact(.socket(kind: "subscribed", account: "a", connection: 1, text: "position"), at: 10)
    }

    mutating func fact(_ fact: SoakFact, at time: Int64) {
        self.index += 1
        self.audit.apply(.init(index: self.index, time: time, fact: fact))
    }

    /// The exchange changes the position; `seq` is also the moment.
    mutating func row(_ seq: Int64, size: Int64, side: String = "Buy", stop: Int64 = 0, opened: Int64 = 100) {
        let state = LegState(side: size == 0 ? "" : side, size: size, entry: 7, stopLoss: stop, leverage: 10)
        let stamp = RowStamp(seq: seq, updated: seq)
        self.rows[seq] = (state.normalized, stamp)
        self.fact(.position(account: "a", self.leg, state, stamp, openTime: size == 0 ? 0 : opened), at: seq)
    }

    mutating func mark(_ time: Int64, price: Int64 = 5) {
        self.fact(.mark(symbol: "BTCUSDT", price: price, cs: time), at: time)
    }

    /// The reader is told of the row `seq`.
    mutating func tell(_ cause: String, _ seq: Int64, at time: Int64? = nil, n: Int64? = nil) {
        let row = self.rows[seq] ?? (.flat, RowStamp(seq: seq, updated: seq))
        var event = self.event(cause, at: time ?? seq + 1, n: n)
        event.kind = cause == "resync" ? .resync : .lifecycle
        event.state = row.state
        event.stamp = row.stamp
        self.judge(event)
    }

    /// A sweep did not list it: the stamps are those of the row before.
    mutating func tellGone(after seq: Int64, at time: Int64) {
        var event = self.event("closed", at: time)
        event.kind = .lifecycle
        event.stamp = RowStamp(seq: seq, updated: seq)
        self.judge(event)
    }

    mutating func tellMark(_ cs: Int64, price: Int64 = 5, at time: Int64? = nil) {
        var event = self.event("mark", at: time ?? cs + 1)
        event.kind = .price
        event.isFromSocket = true
        event.mark = price
        event.stamp = RowStamp(seq: cs, updated: cs)
        self.judge(event)
    }

    private mutating func event(_ cause: String, at time: Int64, n: Int64? = nil) -> SoakEvent {
        self.n = n ?? self.n + 1
        return SoakEvent(cause: cause, n: self.n, emitted: time, leg: self.leg)
    }

    private func judge(_ event: SoakEvent) {
        guard let account = self.audit.accounts["a"] else { return }
        self.audit.judge(event, of: account)
    }

    var problems: [SoakProblem.Kind] { self.audit.problems.map(\.kind) }
}

/// The audit of a soak finds what it is there to find, and nothing else.
@Suite struct SoakAuditTests {
    @Test func everythingToldIsNoProblem() {
        var story = Story()
        story.row(100, size: 1)
        story.tell("opened", 100)
        story.mark(150)
        story.tellMark(150)
        story.row(200, size: 3)
        story.tell("increased", 200)
        story.row(210, size: 3)
        story.row(300, size: 3, stop: 4)
        story.tell("amended", 300)
        story.row(400, size: 2, side: "Sell", opened: 400)
        story.tell("flipped", 400)
        story.row(500, size: 0)
        story.tell("closed", 500)
        story.audit.review(now: 100_000)
        story.audit.finish(upTo: 100_000)
        #expect(story.audit.problems.isEmpty, "\(story.audit.problems)")
        #expect(story.audit.lifecycleCount == 5 && story.audit.eventCount == 6)
    }

    @Test func whatIsLeftOutIsLostUnlessTheAccountWasDeaf() {
        for isDeaf in [false, true] {
            var story = Story()
            story.row(10_000, size: 1)
            story.tell("opened", 10_000)
            if isDeaf { story.fact(.fault(account: "", text: "half_open private"), at: 10_001) }
            story.row(10_100, size: 2)
            story.row(10_200, size: 4)
            story.fact(.socket(kind: "disconnected", account: "a", connection: 1, text: "private"), at: 14_000)
            story.fact(.socket(kind: "subscribed", account: "a", connection: 2, text: "position"), at: 14_100)
            story.tell("increased", 10_200, at: 14_200)
            #expect(story.problems == (isDeaf ? [] : [.lost]))
            // The new connection brings everything.
            story.row(15_000, size: 5)
            story.row(15_100, size: 6)
            story.tell("increased", 15_100)
            #expect(story.problems == (isDeaf ? [.lost] : [.lost, .lost]))
        }
    }

    @Test func whatOpenedUnheardMayCloseUntold() {
        var story = Story()
        story.fact(.socket(kind: "disconnected", account: "a", connection: 1, text: "private"), at: 10_000)
        story.row(10_100, size: 2)
        story.fact(.socket(kind: "subscribed", account: "a", connection: 2, text: "position"), at: 10_200)
        story.row(10_300, size: 0)
        story.row(11_000, size: 3, opened: 11_000)
        story.tell("opened", 11_000)
        #expect(story.problems.isEmpty)
        story.row(12_000, size: 0)
        story.row(13_000, size: 3, opened: 13_000)
        story.tell("opened", 13_000)
        #expect(story.problems == [.wrongCause, .lost])
    }

    @Test func rowsThatWereDroppedForAllAreExcused() {
        var story = Story()
        story.row(100, size: 1)
        story.tell("opened", 100)
        story.audit.disturbanceBegan(at: 150)
        story.row(200, size: 2)
        story.row(300, size: 3)
        story.audit.disturbanceEnded(at: 400)
        story.tell("increased", 300, at: 500)
        #expect(story.problems.isEmpty)
    }

    @Test func doubledDisorderedAndInventedEventsAreFound() {
        var story = Story()
        story.row(100, size: 1)
        story.row(200, size: 2)
        story.row(300, size: 1)
        story.tell("opened", 100, at: 310)
        story.tell("opened", 100, at: 311)
        #expect(story.problems == [.doubled])
        story.tell("increased", 200, at: 312)
        story.tell("reduced", 300, at: 313)
        story.tell("increased", 200, at: 314)
        #expect(story.problems == [.doubled, .outOfOrder])
        story.tell("amended", 999, at: 1_000)
        #expect(story.problems.last == .invented)
        story.row(2_000, size: 5)
        story.tell("reduced", 2_000)
        #expect(story.problems.last == .wrongCause)
        story.tellGone(after: 2_000, at: 3_000)
        #expect(story.problems == [.doubled, .outOfOrder, .invented, .wrongCause, .invented])
    }

    @Test func aLegThatTurnedRoundTwiceUnheardIsClosedAndOpened() {
        var story = Story()
        story.row(10_000, size: 1)
        story.tell("opened", 10_000)
        story.fact(.socket(kind: "disconnected", account: "a", connection: 1, text: "private"), at: 10_050)
        story.row(10_100, size: 1, side: "Sell", opened: 10_100)
        story.fact(.socket(kind: "subscribed", account: "a", connection: 2, text: "position"), at: 10_200)
        story.row(10_300, size: 3, opened: 10_300)
        story.row(10_400, size: 0)
        story.tellGone(after: 10_000, at: 10_500)
        story.tell("opened", 10_300, at: 10_500)
        story.tell("closed", 10_400, at: 10_500)
        story.audit.finish(upTo: 20_000)
        #expect(story.problems.isEmpty)
        story.row(11_000, size: 3, opened: 11_000)
        story.tell("opened", 11_000)
        story.row(11_100, size: 0)
        story.tellGone(after: 11_000, at: 11_200)
        story.tellGone(after: 11_000, at: 11_300)
        #expect(story.problems == [.doubled])
    }

    @Test func aReopeningInAGapIsToldAsTwo() {
        for isHidden in [false, true] {
            var story = Story()
            story.row(10_000, size: 1)
            story.tell("opened", 10_000)
            story.fact(.socket(kind: "disconnected", account: "a", connection: 1, text: "private"), at: 10_050)
            story.row(10_100, size: 0)
            story.row(10_200, size: 4, opened: 10_200)
            story.fact(.socket(kind: "subscribed", account: "a", connection: 2, text: "position"), at: 10_300)
            if isHidden {
                story.tell("increased", 10_200, at: 10_400)
                #expect(story.problems == [.wrongCause])
            } else {
                story.tellGone(after: 10_000, at: 10_400)
                story.tell("opened", 10_200, at: 10_400)
                #expect(story.problems == [])
            }
            story.tellMark(10_500)
            story.row(11_000, size: 0)
            story.tell("closed", 11_000)
            let known = story.problems
            story.tellMark(11_100)
            #expect(story.problems == known + [.afterClose])
        }
    }

    @Test func aCrashExcusesNothing() {
        var story = Story()
        story.row(10_000, size: 1)
        story.tell("opened", 10_000)
        story.row(19_000, size: 2)
        story.tell("increased", 19_000)
        story.audit.daemonEnded(at: 20_000, isCrash: true)
        story.fact(.socket(kind: "disconnected", account: "a", connection: 1, text: "private"), at: 20_001)
        // As if the store had not got it.
        story.tell("increased", 19_000, at: 21_000, n: 16_000_001)
        #expect(story.problems == [.doubled])
        story.audit.daemonEnded(at: 40_000, isCrash: true)
        story.row(39_999, size: 3)
        // The store had it, the reader never did.
        story.tell("resync", 39_999, at: 41_000, n: 48_000_001)
        #expect(story.problems == [.doubled, .lost])
        story.tell("resync", 39_999, at: 42_000)
        #expect(story.problems == [.doubled, .lost])
    }

    @Test func aPositionThatNobodyWatchesIsFound() {
        var story = Story()
        story.row(100, size: 1)
        story.tell("opened", 100)
        for time in stride(from: Int64(1_000), through: 40_000, by: 1_000) { story.mark(time) }
        story.audit.review(now: 20_000)
        #expect(story.problems.isEmpty)
        story.audit.review(now: 27_000)
        #expect(story.problems == [.unwatched])
        // The same gap is one problem.
        story.tellMark(40_000)
        #expect(story.problems == [.unwatched])
        #expect(story.audit.gaps.longest.first?.length == 39_001)
        // Flat, or without a mark that moved, there is nothing to tell.
        story.audit.review(now: 90_000)
        story.row(91_000, size: 0)
        story.tell("closed", 91_000)
        for time in stride(from: Int64(92_000), through: 140_000, by: 1_000) { story.mark(time) }
        story.audit.review(now: 140_000)
        #expect(story.problems == [.unwatched])
    }

    @Test func newsThatNeverComesIsFound() {
        var story = Story()
        story.row(100, size: 1)
        story.tell("opened", 100)
        story.row(200, size: 0)
        story.audit.review(now: 30_000)
        #expect(story.problems == [.late])
        story.audit.finish(upTo: 30_000)
        #expect(story.problems == [.late, .lost])
    }

    @Test func marksAndNumbersAreCompared() {
        var story = Story()
        story.row(100, size: 1)
        story.tell("opened", 100)
        story.mark(200, price: 5)
        story.mark(300, price: 6)
        story.tellMark(300, price: 6)
        story.tellMark(301, price: 6)
        #expect(story.problems.isEmpty)
        story.tellMark(302, price: 5)
        #expect(story.problems == [.wrongMark])
        story.tellMark(299, price: 5)
        #expect(story.problems == [.wrongMark, .wrongMark])
        story.row(400, size: 2)
        story.tell("increased", 400, n: 100)
        story.audit.finish(upTo: 1_000)
        #expect(story.problems.last == .numbers)
    }
}

@Suite struct SoakLineTests {
    @Test func aLineOfTheStreamIsRead() throws {
        let text =
            #"{"v":1,"event":"position.update","account":"sub-001","n":1042,"cause":"reduced","source":"hybrid","#
            + #""category":"linear","symbol":"BTCUSDT","position_idx":2,"side":"Sell","size":"0.5","position_amt":"-0.5","#
            + #""entry_price":"60000.25","mark_price":"60123.40","unrealized_pnl":"61.7","leverage":"10","liq_price":"","#
            + #""stop_loss":"58000.10","take_profit":"","trailing_stop":"0","position_value":"30000","stale":true,"#
            + #""conflated":3,"seq":814547789569,"exchange_ts":1790134712383,"received_ts":1,"emitted_ts":1790134712401}"#
        let event = try #require(text.withCString { SoakEvent.read($0) })
        #expect(event.kind == .lifecycle && event.n == 1042 && event.cause == "reduced" && event.isFromSocket)
        #expect(event.leg == Leg(symbol: "BTCUSDT", index: 2))
        let state = LegState(
            side: "Sell",
            size: 50_000_000,
            entry: 6_000_025_000_000,
            stopLoss: 5_800_010_000_000,
            leverage: 1_000_000_000
        )
        #expect(event.state == state && event.mark == 6_012_340_000_000)
        #expect(event.isStale && event.conflated == 3 && event.emitted == 1_790_134_712_401)
        #expect(event.stamp == RowStamp(seq: 814_547_789_569, updated: 1_790_134_712_383))
        #expect(text.dropLast(9).description.withCString { SoakEvent.read($0) } == nil)
        let other = #"{"v":1,"event":"recovery","account":"a","n":7,"gap_ms":12,"emitted_ts":99}"#
        let recovery = try #require(other.withCString { SoakEvent.read($0) })
        #expect(recovery.kind == .other && recovery.cause == "recovery" && recovery.n == 7 && recovery.emitted == 99)
    }

    @Test func aLineOfTheRecordIsRead() throws {
        let text =
            #"{"index":7,"time":99,"kind":"position","account":"sub-001","cause":"open","category":"linear","#
            + #""symbol":"XRPUSDT","position_idx":0,"side":"Buy","size":"20","entry_price":"2.4","stop_loss":"0","#
            + #""take_profit":"0","trailing_stop":"0","leverage":"10","mark":"2.4183","seq":5,"updated_time":6,"open_time":4}"#
        let placed = text.withCString { SoakFact.read($0) }
        guard let placed, case .position("sub-001", let leg, let state, let stamp, 4) = placed.fact else {
            Issue.record("not read: \(String(describing: placed))")
            return
        }
        #expect(placed.index == 7 && placed.time == 99 && leg.symbol == "XRPUSDT")
        #expect(state.size.unitsText == "20" && state.entry.unitsText == "2.4" && state.leverage.unitsText == "10")
        #expect(stamp == RowStamp(seq: 5, updated: 6))
    }

    @Test(arguments: [
        ("0.0182345", Int64(1_823_450)), ("-12.5", -1_250_000_000), ("", 0), ("97435.2", 9_743_520_000_000),
    ])
    func decimals(text: String, units: Int64) {
        #expect(text.withCString { LineFields.amount($0) } == units)
        if !text.isEmpty { #expect(units.unitsText == text) }
    }

    @Test func aRotatedFileIsFollowed() async throws {
        try await Workplace.with { place in
            let file = try place.write("one\ntwo\nthr", to: "lines")
            let tail = LineTail(file)
            func read() -> [String] {
                var lines: [String] = []
                tail.fill()
                tail.takeLines { lines.append(String(cString: $0)) }
                return lines
            }
            #expect(read() == ["one", "two"])
            #expect(read() == [])
            let handle = try FileHandle(forWritingTo: file)
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("ee\nfour\n".utf8))
            try FileManager.default.moveItem(at: file, to: place.file("lines.1"))
            try handle.write(contentsOf: Data("five\n".utf8))
            try place.write("six\n", to: "lines")
            #expect(read() == ["three", "four", "five", "six"])
            try place.write("seven\n", to: "later")
            #expect(LineTail(place.file("none")).bytes == 0)
        }
    }
}

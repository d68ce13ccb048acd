import Testing

@testable import HybridStream

/// A row in short: side and size as a signed number.
func row(
    _ amount: Double,
    symbol: String = "BTCUSDT",
    leg: Int = 0,
    entry: Int = 100,
    stop: String = "",
    liquidation: String = "",
    seq: Int64,
    time: Int64,
    open: Int64 = 0,
    created: Int64 = 0
) -> Position {
    let size = FixedPoint(mantissa: Int128((amount.magnitude * 10).rounded()), scale: 1)
    return Position(
        key: PositionKey(category: .linear, symbol: symbol, positionIndex: leg),
        side: amount > 0 ? .buy : (amount < 0 ? .sell : .none),
        size: size,
        entryPrice: amount == 0 ? .zero : FixedPoint(entry),
        rowMarkPrice: FixedPoint(entry),
        liquidationPrice: liquidation,
        stopLoss: stop,
        seq: seq,
        updatedTime: time,
        createdTime: created,
        openTime: open
    )
}

extension PositionBook.Change {
    var text: String {
        "\(self.cause) \(self.position.key.symbol)/\(self.position.key.positionIndex) \(self.position.amount.normalized)"
    }
}

/// A book with its log of changes.
struct BookRig {
    var book = PositionBook()
    var now = Uptime.seconds(1000)

    mutating func stream(_ row: Position) -> [String] {
        var log: [String] = []
        self.book.apply(row, from: .stream, now: self.now) { log.append($0.text) }
        return log
    }

    /// - Parameters:
    ///   - age: how many seconds ago the request left.
    ///   - listening: the private connection is up.
    ///   - at: the exchange's time.
    mutating func sweep(
        _ rows: [Position],
        complete: Bool = true,
        pages: Int = 1,
        age: Double = 0.2,
        listening: Bool = false,
        at serverTime: Int64 = 0
    ) -> [String] {
        let listing = PositionBook.Listing(
            rows: rows,
            coversAll: complete,
            isOneMoment: pages == 1,
            requested: Uptime(nanoseconds: self.now.nanoseconds - Int64(age * 1e9)),
            serverTime: serverTime
        )
        let result = self.book.reconcile(listing, isListening: listening, now: self.now)
        return result.changes.map(\.text) + (result.followUp != nil ? ["again"] : []) + (result.isDeaf ? ["deaf"] : [])
    }

    mutating func doubts() -> Bool { self.book.takeDoubt() }

    mutating func wait(_ seconds: Double) {
        self.now = Uptime(nanoseconds: self.now.nanoseconds + Int64(seconds * 1e9))
    }
}

@Suite("PositionBook")
struct PositionBookTests {
    @Test("every cause, from the stream")
    func causes() {
        var rig = BookRig()
        #expect(rig.stream(row(0, seq: 1, time: 1)) == [], "a flat row of something never held")
        #expect(rig.stream(row(1, seq: 2, time: 2)) == ["opened BTCUSDT/0 1"])
        #expect(rig.stream(row(1, seq: 2, time: 2)) == [])
        #expect(rig.stream(row(1, seq: 3, time: 3)) == [], "a row that changes nothing")
        #expect(rig.stream(row(1.5, seq: 4, time: 4)) == ["increased BTCUSDT/0 1.5"])
        #expect(rig.stream(row(0.5, seq: 5, time: 5)) == ["reduced BTCUSDT/0 0.5"])
        #expect(rig.stream(row(0.5, stop: "90", seq: 5, time: 6)) == ["amended BTCUSDT/0 0.5"])
        #expect(
            rig.stream(row(0.5, stop: "91", seq: 5, time: 6)) == ["amended BTCUSDT/0 0.5"],
            "same stamps, changed stop"
        )
        #expect(rig.stream(row(0.5, stop: "91", liquidation: "50", seq: 5, time: 7)) == ["amended BTCUSDT/0 0.5"])
        #expect(
            rig.stream(row(0.5, entry: 101, stop: "91", liquidation: "50", seq: 5, time: 8)) == [
                "amended BTCUSDT/0 0.5"
            ]
        )
        #expect(rig.stream(row(-2, seq: 6, time: 9)) == ["flipped BTCUSDT/0 -2"])
        #expect(rig.stream(row(0, seq: 7, time: 10)) == ["closed BTCUSDT/0 0"])
        #expect(rig.stream(row(0, seq: 8, time: 11)) == [])
        #expect(rig.stream(row(-1, seq: 9, time: 12)) == ["opened BTCUSDT/0 -1"])
        #expect(rig.book.openCount == 1 && rig.book.openPositions.map(\.seq) == [9])
    }

    @Test("older rows are dropped, also after a close: the tombstone stays")
    func outdated() {
        var rig = BookRig()
        _ = rig.stream(row(1, seq: 5, time: 50))
        #expect(rig.stream(row(2, seq: 4, time: 60)) == [])
        #expect(rig.stream(row(2, seq: 5, time: 49)) == [])
        #expect(rig.stream(row(0, seq: 6, time: 61)) == ["closed BTCUSDT/0 0"])
        #expect(rig.stream(row(1, seq: 5, time: 50)) == [])
        #expect(rig.sweep([row(1, seq: 5, time: 50)]) == [])
        #expect(rig.book.openCount == 0)
    }

    @Test("of two rows with the same stamps a sweep's counts once the listing cannot be from before the other")
    func tied() {
        var rig = BookRig()
        rig.book.restore([row(1, stop: "95", seq: 5, time: 5_000)])
        let older = row(1, stop: "90", seq: 5, time: 5_000)
        #expect(rig.sweep([older], at: 9_000) == ["resync BTCUSDT/0 1", "again"])
        #expect(rig.book.openPositions.map(\.stopLoss) == ["95"])
        #expect(rig.sweep([older], at: 9_999) == ["again"])
        #expect(rig.sweep([row(1, stop: "95", seq: 5, time: 5_000)], at: 9_999) == [])
        #expect(rig.sweep([older], at: 10_000) == ["amended BTCUSDT/0 1"], "the socket brought them swapped")
        #expect(rig.book.openPositions.map(\.stopLoss) == ["90"])
        #expect(rig.sweep([older], at: 11_000) == [])
    }

    @Test("a row of the socket with the stamps of one that came otherwise may be older: a sweep tells")
    func tiedStream() {
        var rig = BookRig()
        let older = row(1, stop: "90", seq: 5, time: 5_000)
        let newer = row(1, stop: "95", seq: 5, time: 5_000)
        #expect(rig.sweep([newer], at: 5_001) == ["opened BTCUSDT/0 1"])
        #expect(rig.stream(older) == [])
        #expect(rig.doubts() == true)
        #expect(rig.sweep([newer], at: 10_001) == [])
        #expect(rig.stream(newer) == [])
        #expect(rig.doubts() == false)
        #expect(rig.stream(older) == ["amended BTCUSDT/0 1"], "one connection keeps the order")
        rig.book.connectionLost()
        #expect(rig.stream(newer) == [])
        #expect(rig.doubts() == true)
        #expect(rig.sweep([newer], at: 10_002) == ["amended BTCUSDT/0 1"])
        rig.book.connectionLost()
        #expect(rig.stream(row(0, seq: 5, time: 5_000)) == ["closed BTCUSDT/0 0"], "a close is never held back")
    }

    @Test("a tombstone gives its slot to another leg once nothing of it can be on its way any more")
    func forgotten() {
        var rig = BookRig()
        _ = rig.stream(row(1, seq: 5, time: 50))
        _ = rig.stream(row(0, seq: 6, time: 60))
        rig.wait(59)
        #expect(rig.stream(row(1, symbol: "ETHUSDT", seq: 7, time: 70)) == ["opened ETHUSDT/0 1"])
        #expect(rig.stream(row(1, seq: 5, time: 50)) == [], "still remembered, and for another minute")
        rig.wait(60)
        #expect(rig.stream(row(2, symbol: "XRPUSDT", seq: 8, time: 80)) == ["opened XRPUSDT/0 2"])
        #expect(rig.book.cells.count == 2 && rig.book.slot(of: row(1, seq: 0, time: 0).key) == nil)
        #expect(rig.stream(row(-1, seq: 9, time: 90)) == ["opened BTCUSDT/0 -1"])
        #expect(rig.book.cells.count == 3)
        #expect(rig.stream(row(0, symbol: "XRPUSDT", seq: 10, time: 91)) == ["closed XRPUSDT/0 0"])
        rig.wait(30)
        #expect(rig.stream(row(0, symbol: "XRPUSDT", seq: 11, time: 92)) == [])
        rig.wait(35)
        #expect(rig.stream(row(1, symbol: "ADAUSDT", seq: 12, time: 93)) == ["opened ADAUSDT/0 1"])
        #expect(rig.book.cells.count == 4, "found flat again half a minute ago")
        rig.wait(59)
        #expect(rig.stream(row(2, symbol: "XRPUSDT", seq: 8, time: 80)) == [], "old rows still come")
        rig.wait(1)
        #expect(rig.stream(row(1, symbol: "DOTUSDT", seq: 13, time: 94)) == ["opened DOTUSDT/0 1"])
        #expect(rig.stream(row(2, symbol: "XRPUSDT", seq: 8, time: 80)) == [], "so it is still remembered")
    }

    @Test("a row whose sequence is missing is ordered by time: a close must not be lost for want of a number")
    func missingSequence() {
        var rig = BookRig()
        _ = rig.stream(row(1, seq: 500, time: 50))
        #expect(rig.stream(row(2, seq: -1, time: 49)) == [])
        #expect(rig.stream(row(0, seq: -1, time: 51)) == ["closed BTCUSDT/0 0"])
        #expect(rig.stream(row(1, seq: 499, time: 40)) == [])
        #expect(rig.stream(row(1, seq: 501, time: 52)) == ["opened BTCUSDT/0 1"])
    }

    @Test("the legs of a hedge are apart")
    func hedge() {
        var rig = BookRig()
        #expect(rig.stream(row(1, leg: 1, seq: 1, time: 1)) == ["opened BTCUSDT/1 1"])
        #expect(rig.stream(row(-2, leg: 2, seq: 2, time: 2)) == ["opened BTCUSDT/2 -2"])
        #expect(rig.stream(row(0, leg: 1, seq: 3, time: 3)) == ["closed BTCUSDT/1 0"])
        #expect(rig.stream(row(-3, leg: 2, seq: 3, time: 3)) == ["increased BTCUSDT/2 -3"])
        rig.wait(10)
        #expect(rig.sweep([row(-3, leg: 2, seq: 3, time: 3)]) == [])
        #expect(rig.book.openPositions.map(\.key.positionIndex) == [2])
    }

    @Test("absence from a complete sweep closes, once; from a partial one it means nothing")
    func absence() {
        var rig = BookRig()
        _ = rig.sweep([row(1, seq: 1, time: 1), row(2, symbol: "ETHUSDT", seq: 2, time: 2)])
        rig.wait(60)
        #expect(rig.sweep([row(1, seq: 1, time: 1)], complete: false) == [])
        #expect(rig.sweep([row(1, seq: 1, time: 1)]) == ["closed ETHUSDT/0 0"])
        #expect(rig.sweep([row(1, seq: 1, time: 1)]) == [])
        #expect(rig.sweep([row(1, seq: 1, time: 1), row(0, symbol: "ETHUSDT", seq: 3, time: 3)]) == [])
        #expect(rig.sweep([]) == ["again"], "an empty listing may be a broken one")
        #expect(rig.sweep([]) == ["closed BTCUSDT/0 0"])
    }

    @Test("what the stream mentioned about when the request left is not closed by absence; it is asked again")
    func freshAbsence() {
        var rig = BookRig()
        _ = rig.stream(row(1, seq: 1, time: 1))
        rig.wait(1)
        #expect(rig.sweep([], age: 2) == ["again"], "asked before it opened")
        rig.wait(3.9)
        #expect(rig.sweep([], age: 0) == ["again"], "REST may lag by seconds")
        rig.wait(0.2)
        #expect(rig.sweep([], age: 0.2) == ["again"])
        rig.wait(0.2)
        _ = rig.sweep([], age: 0.2)
        #expect(rig.sweep([], age: 0.2) == ["closed BTCUSDT/0 0"])
        #expect(rig.stream(row(0, seq: 2, time: 2)) == [], "the late word of the stream makes no second close")
    }

    @Test("what a listing of several pages does not show must be missing twice in a row")
    func slippedBetweenPages() {
        var rig = BookRig()
        let held = row(1, seq: 5, time: 5)
        _ = rig.sweep([held], pages: 2)
        #expect(rig.sweep([], pages: 2) == ["again"])
        #expect(rig.sweep([held], pages: 2) == [])
        #expect(rig.sweep([], pages: 2) == ["again"])
        #expect(rig.sweep([], pages: 2) == ["closed BTCUSDT/0 0"])
        // It opens again, and slips through the pages once: its earlier absences do not count.
        #expect(rig.stream(row(2, seq: 6, time: 6)) == ["opened BTCUSDT/0 2"])
        rig.wait(60)
        #expect(rig.sweep([], pages: 2) == ["again"])
        #expect(rig.stream(row(3, seq: 7, time: 7)) == ["increased BTCUSDT/0 3"])
        rig.wait(60)
        #expect(rig.sweep([], pages: 2) == ["again"])
        #expect(rig.sweep([]) == ["closed BTCUSDT/0 0"])
    }

    @Test("a sweep that was wrong about an absence is corrected by the next")
    func wrongAbsence() {
        var rig = BookRig()
        _ = rig.sweep([row(1, seq: 5, time: 5)])
        rig.wait(60)
        _ = rig.sweep([])
        #expect(rig.sweep([]) == ["closed BTCUSDT/0 0"])
        #expect(rig.sweep([row(1, seq: 5, time: 5)]) == ["opened BTCUSDT/0 1"])
    }

    @Test("an absence that the private connection has not told must be seen twice; so must an empty listing")
    func confirmedAbsence() {
        let other = row(5, symbol: "A", seq: 1, time: 1)
        var rig = BookRig()
        _ = rig.sweep([row(1, seq: 5, time: 5), other])
        rig.wait(60)
        #expect(rig.sweep([other], listening: true) == ["again"])
        #expect(rig.stream(row(0, seq: 6, time: 6)) == ["closed BTCUSDT/0 0"], "it was on its way")
        #expect(rig.sweep([other], listening: true) == [])
        rig.wait(60)
        #expect(rig.sweep([], listening: true) == ["again"])
        #expect(rig.sweep([], listening: true) == ["deaf"], "it should have told; a new connection will show")
        #expect(rig.sweep([other]) == [])
        rig.wait(60)
        #expect(rig.sweep([]) == ["again"])
        #expect(rig.sweep([other]) == [])
        #expect(rig.sweep([]) == ["again"])
        #expect(rig.sweep([]) == ["closed A/0 0"])
    }

    @Test("a connection that keeps a trade to itself after a sweep has shown it is deaf")
    func deaf() {
        var rig = BookRig()
        _ = rig.sweep([row(1, seq: 5, time: 5)])
        rig.wait(60)
        #expect(rig.sweep([row(2, seq: 6, time: 6)], listening: true) == ["increased BTCUSDT/0 2", "again"])
        rig.wait(4)
        #expect(rig.sweep([row(2, seq: 6, time: 6)], listening: true) == ["again"])
        rig.wait(2)
        #expect(rig.sweep([row(2, seq: 6, time: 6)], listening: true) == ["deaf"])
        rig.book.connectionLost()
        #expect(rig.sweep([row(2, seq: 6, time: 6)], listening: true) == [])
        // Late is not never.
        #expect(rig.sweep([row(3, seq: 7, time: 7)], listening: true) == ["increased BTCUSDT/0 3", "again"])
        #expect(rig.stream(row(3, seq: 7, time: 7)) == [])
        rig.wait(60)
        #expect(rig.sweep([row(3, seq: 7, time: 7)], listening: true) == [])
        // A setting may be written differently by REST and does not count.
        #expect(rig.sweep([row(3, stop: "9", seq: 7, time: 8)], listening: true) == ["amended BTCUSDT/0 3"])
    }

    @Test("a late row from before a sweep that did not list it brings nothing back; a second listing does")
    func doubtedAbsence() {
        let other = row(5, symbol: "A", seq: 1, time: 1)
        var rig = BookRig()
        _ = rig.sweep([row(1, seq: 5, time: 5), other])
        rig.wait(60)
        #expect(rig.sweep([other], at: 1_000) == ["closed BTCUSDT/0 0"])
        #expect(rig.stream(row(2, seq: 6, time: 900)) == [])
        let doubts = [rig.book.takeDoubt(), rig.book.takeDoubt()]
        #expect(doubts == [true, false])
        #expect(rig.sweep([other], at: 1_100) == [])
        #expect(rig.stream(row(0, seq: 7, time: 950)) == [], "flat as known")
        #expect(rig.stream(row(3, seq: 8, time: 1_200)) == ["opened BTCUSDT/0 3"])
        // The same, and this time the listing was behind.
        rig.wait(60)
        #expect(rig.sweep([other], at: 2_000) == ["closed BTCUSDT/0 0"])
        #expect(rig.stream(row(4, seq: 9, time: 1_990)) == [])
        _ = rig.book.takeDoubt()
        #expect(rig.sweep([other, row(4, seq: 9, time: 1_990)], at: 2_100) == ["opened BTCUSDT/0 4"])
        // A listing that is older than the absence alone is not believed.
        rig.wait(60)
        #expect(rig.sweep([other], at: 3_000) == ["closed BTCUSDT/0 0"])
        #expect(rig.sweep([other, row(4, seq: 10, time: 2_500)], at: 3_100) == ["again"])
        #expect(rig.sweep([other, row(4, seq: 10, time: 2_500)], at: 3_200) == ["opened BTCUSDT/0 4"])
    }

    @Test("a close that another book has concluded from the same absence proves no more than that")
    func sharedAbsence() {
        let other = row(5, symbol: "A", seq: 1, time: 1)
        var rig = BookRig()
        _ = rig.sweep([row(1, seq: 5, time: 5), other])
        rig.wait(60)
        #expect(rig.sweep([other], at: 1_000) == ["closed BTCUSDT/0 0"])
        #expect(rig.stream(row(0, seq: 5, time: 5)) == [], "flat as known")
        #expect(rig.stream(row(1, seq: 5, time: 5)) == [], "a late row from before the sweep")
        #expect(rig.stream(row(2, seq: 6, time: 1_200)) == ["opened BTCUSDT/0 2"])
    }

    @Test("a sweep delivers what was missed as what it is")
    func missed() {
        var rig = BookRig()
        _ = rig.sweep([
            row(1, seq: 5, time: 5), row(2, symbol: "A", seq: 5, time: 5), row(3, symbol: "B", seq: 5, time: 5),
        ])
        rig.wait(60)
        #expect(
            rig.sweep([
                row(1.5, seq: 6, time: 6), row(-1, symbol: "A", seq: 7, time: 7), row(4, symbol: "C", seq: 1, time: 1),
            ]) == ["increased BTCUSDT/0 1.5", "flipped A/0 -1", "opened C/0 4", "closed B/0 0"]
        )
        #expect(rig.sweep([row(1, seq: 5, time: 5)], complete: false) == [], "an answer that is older than the book")
        #expect(
            rig.sweep([row(0.5, seq: 3, time: 6 + 60_001)], complete: false) == ["reduced BTCUSDT/0 0.5"],
            "the sequence started anew"
        )
    }

    @Test("an estimate of the liquidation price in a sweep is no event")
    func liquidationEstimate() {
        var rig = BookRig()
        _ = rig.sweep([row(1, liquidation: "50", seq: 5, time: 5)])
        #expect(rig.sweep([row(1, liquidation: "51", seq: 5, time: 6)]) == [])
        #expect(rig.sweep([row(1, stop: "80", liquidation: "52", seq: 5, time: 7)]) == ["amended BTCUSDT/0 1"])
    }

    @Test("close and reopen inside a gap: both, if the opening time shows it")
    func reopened() {
        var rig = BookRig()
        _ = rig.stream(row(1, seq: 5, time: 5, open: 100, created: 1))
        #expect(
            rig.sweep([row(1, seq: 9, time: 9, open: 200, created: 1)]) == ["closed BTCUSDT/0 0", "opened BTCUSDT/0 1"]
        )
        #expect(rig.stream(row(1, seq: 10, time: 10, created: 1)) == [])
        #expect(rig.stream(row(2, seq: 11, time: 11, created: 2)) == ["closed BTCUSDT/0 0", "opened BTCUSDT/0 2"])
        #expect(rig.stream(row(1, seq: 12, time: 12, open: 300)) == ["reduced BTCUSDT/0 1"])
    }

    @Test("restored: resync if as stored, else what changed, closed if absent")
    func restored() {
        var rig = BookRig()
        rig.book.restore([
            row(1, symbol: "A", seq: 5, time: 5), row(1, symbol: "B", seq: 5, time: 5),
            row(1, symbol: "C", seq: 5, time: 5),
            row(1, symbol: "D", seq: 5, time: 5), row(1, symbol: "E", seq: 5, time: 5),
        ])
        #expect(rig.stream(row(1, symbol: "D", seq: 5, time: 5)) == ["resync D/0 1"])
        #expect(rig.stream(row(1, symbol: "D", seq: 5, time: 5)) == [])
        // E's row is older than what was stored, but it is there: it must not stay unwatched.
        #expect(
            rig.sweep([
                row(1, symbol: "A", seq: 5, time: 5), row(2, symbol: "B", seq: 6, time: 6),
                row(1, symbol: "D", seq: 5, time: 5),
                row(7, symbol: "E", seq: 4, time: 4),
            ]) == ["resync A/0 1", "increased B/0 2", "resync E/0 1", "closed C/0 0"]
        )
        #expect(
            rig.sweep([
                row(1, symbol: "A", seq: 5, time: 5), row(2, symbol: "B", seq: 6, time: 6),
                row(1, symbol: "D", seq: 5, time: 5),
                row(1, symbol: "E", seq: 5, time: 5),
            ]) == []
        )
    }

    @Test("what was stored seconds ago is not closed by a listing that may be from before")
    func restoredAndNotListedYet() {
        var rig = BookRig()
        let other = row(1, symbol: "ETHUSDT", seq: 5, time: 5)
        rig.book.restore([row(1, seq: 6, time: 10_000), other])
        #expect(rig.sweep([other], at: 14_999) == ["resync ETHUSDT/0 1", "again"])
        #expect(rig.sweep([other], at: 15_000) == ["closed BTCUSDT/0 0"])
    }
}

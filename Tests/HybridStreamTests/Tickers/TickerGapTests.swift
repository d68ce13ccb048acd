import Testing

@testable import HybridStream

@Suite("Gaps of the ticker feed")
struct TickerGapTests {
    @Test("a lost connection: one report, measured by data on the new one")
    func lostConnection() throws {
        var rig = FeedRig()
        rig.acquire(["S1", "S2", "S3"])
        rig.run(60)
        #expect(rig.recovered == [], "a start is no recovery")
        rig.isUp = false
        rig.lose("reset")
        rig.run(3)
        rig.isUp = true
        rig.run(10)
        let gap = try #require(rig.recovered.first)
        #expect(rig.recovered.count == 1 && rig.notRecovered == [])
        #expect(gap.reason == "reset" && gap.lost == [0, 1, 2] && gap.restored == [0, 1, 2] && gap.missing == [])
        #expect(gap.length >= .seconds(3) && gap.length < .seconds(13))
    }

    @Test("after fifteen seconds what is missing is said, once; the end is told as well")
    func longOutage() throws {
        var rig = FeedRig()
        rig.acquire(["S1", "S2"])
        rig.run(60)
        rig.isUp = false
        rig.lose("reset")
        rig.run(14)
        #expect(rig.notRecovered == [])
        rig.run(120)
        #expect(rig.notRecovered.map(\.missing) == [[0, 1]])
        rig.isUp = true
        rig.release("S2")
        rig.run(40)
        #expect(rig.recovered.count == 1)
        #expect(rig.recovered.first?.restored == [0], "nobody waits for a symbol that nobody holds")
    }

    @Test("one silent symbol is a gap of its own")
    func oneSilent() throws {
        var rig = FeedRig()
        rig.acquire(["S1", "S2", "S3"])
        rig.run(30)
        rig.exchange.active.remove("tickers.S2")
        rig.run(30)
        let gap = try #require(rig.recovered.first)
        #expect(rig.recovered.count == 1)
        #expect(gap.lost == [1] && gap.restored == [1])
        #expect((.seconds(10)...(.seconds(12))).contains(gap.length), "\(gap.length)")
        #expect(rig.closes == [], "the others never notice")
    }

    @Test("a refused symbol does not hold up the report")
    func quarantined() throws {
        var rig = FeedRig()
        rig.acquire(["S1", "S2"])
        rig.run(60)
        rig.exchange.known.remove("tickers.S2")
        rig.lose("reset")
        rig.run(5)
        let gap = try #require(rig.recovered.first)
        #expect(gap.restored == [0] && gap.missing == [1])
    }

    @Test("REST tells the mark of a silent symbol, every five seconds, until it speaks again")
    func polled() throws {
        var rig = FeedRig()
        rig.acquire(["S1", "S2"])
        rig.run(30)
        rig.mute = ["S2"]
        rig.quotes = ["S1": "777", "S2": "9.5"]
        rig.run(12)
        let slot = try #require(rig.machine.symbols.slot(of: "S2"))
        #expect(rig.stale == ["S2"])
        #expect(rig.polls.allSatisfy { $0 == ["S2"] })
        #expect(rig.polled == ["S2"])
        #expect(rig.machine.book.mark(slot)?.price == FixedPoint("9.5"))
        #expect(rig.machine.book.mark(slot)?.source == .rest)
        #expect(!rig.machine.isStale(slot), "it is seconds old, not older than allowed")
        #expect(!rig.receiving.contains("S2"))
        rig.run(20)
        #expect((3...6).contains(rig.polls.count))
        #expect(rig.stale == ["S2"])
        rig.mute = []
        rig.run(70)
        let polls = rig.polls.count
        #expect(rig.receiving == ["S1", "S2"])
        #expect(rig.machine.book.mark(slot)?.source == .hybrid)
        rig.run(60)
        #expect(rig.polls.count == polls)
    }

    @Test("a symbol that was given up and speaks again without its snapshot is subscribed anew, not a minute later")
    func withoutSnapshot() throws {
        var rig = FeedRig()
        rig.acquire(["S1", "S2"])
        rig.run(30)
        rig.mute = ["S2"]
        rig.run(45)
        #expect(rig.closes.count == 1, "it cost a connection, and then no other")
        let slot = try #require(rig.machine.symbols.slot(of: "S2"))
        rig.machine.book.subscriptionEnded(slot)
        rig.mute = []
        rig.run(12)
        #expect(rig.receiving == ["S1", "S2"])
        #expect(rig.machine.book.lastFrame(slot).map { rig.now - $0 < .seconds(2) } == true)
    }

    @Test("a refused symbol's mark comes over REST at once")
    func polledAtOnce() {
        var rig = FeedRig()
        rig.quotes = ["GONE": "3"]
        rig.acquire(["S1", "GONE"])
        rig.run(1)
        #expect(rig.polled == ["GONE"])
    }

    @Test("without an answer of REST a silent symbol stays stale")
    func noAnswer() {
        var rig = FeedRig()
        rig.acquire(["S1", "S2"])
        rig.run(30)
        rig.mute = ["S2"]
        rig.run(30)
        #expect(!rig.polls.isEmpty && rig.polled == [])
        #expect(rig.machine.symbols.slot(of: "S2").map { rig.machine.isStale($0) } == true)
    }

    @Test("a frame that is older than what REST told changes nothing")
    func olderFrame() {
        var book = TickerBook()
        let price = FixedPoint("5") ?? .zero
        let isTaken = [100, 99].map { (time: Int64) in
            book.merge(polled: price, exchangeTime: time, slot: 0, wallTime: 1, now: .seconds(2))
        }
        #expect(isTaken == [true, false])
        withBytes("S") { bytes in
            var frame = TickerFrame(symbol: bytes, isSnapshot: true, cs: 7, ts: 99)
            frame.markPrice = FixedPoint("4")
            #expect(book.merge(frame, slot: 0, wallTime: 1, now: .seconds(3)) == .refreshed)
            #expect(book.mark(0)?.price == price)
            frame = TickerFrame(symbol: bytes, isSnapshot: false, cs: 8, ts: 101)
            frame.markPrice = FixedPoint("6")
            #expect(book.merge(frame, slot: 0, wallTime: 1, now: .seconds(3)) == .newMark)
        }
        #expect(book.mark(0)?.price == FixedPoint("6"))
    }
}

import Testing

@testable import HybridStream

@Suite("SymbolTable and TickerBook")
struct TickerBookTests {
    @Test("symbols get their slots in order and are found again", arguments: 1...2)
    func symbols(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var table = SymbolTable()
        var slots: [String: Int] = [:]
        for _ in 0..<4000 {
            let symbol =
                random.pick(["BTC", "ETH", "1000PEPE", ""]) + String(random.below(900))
                + random.pick(["USDT", "PERP", ""])
            let expected = slots[symbol] ?? slots.count
            if random.chance(3) { #expect(table.slot(of: symbol) == slots[symbol]) }
            #expect(table.insert(symbol) == expected)
            slots[symbol] = expected
        }
        for (symbol, slot) in slots {
            #expect(table.slot(of: symbol) == slot)
            #expect(table.symbols[slot] == symbol)
        }
        #expect(table.slot(of: "btc1USDT") == nil && table.count == slots.count)
    }

    struct Step: Sendable {
        var frame: TickerFacts
        var outcome: TickerBook.Outcome
        var mark: String?
    }

    static func merge(_ facts: TickerFacts, into book: inout TickerBook, slot: Int = 0, at second: Double)
        -> TickerBook.Outcome
    {
        withBytes(facts.symbol) { symbol in
            var frame = TickerFrame(symbol: symbol, isSnapshot: facts.isSnapshot, cs: facts.cs, ts: facts.ts)
            frame.markPrice = facts.mark.flatMap { FixedPoint($0) }
            return book.merge(frame, slot: slot, wallTime: 5, now: .seconds(second))
        }
    }

    @Test("merges, refreshes, replaces and drops")
    func merging() {
        func snapshot(_ mark: String?, _ cs: Int64, _ ts: Int64) -> TickerFacts {
            TickerFacts("X", snapshot: true, mark: mark, cs: cs, ts: ts)
        }
        func delta(_ mark: String?, _ cs: Int64, _ ts: Int64) -> TickerFacts {
            TickerFacts("X", mark: mark, cs: cs, ts: ts)
        }
        let steps = [
            Step(frame: delta("1", 5, 5), outcome: .beforeSnapshot, mark: nil),
            Step(frame: snapshot("1.50", 10, 10), outcome: .newMark, mark: "1.50"),
            Step(frame: delta(nil, 11, 11), outcome: .refreshed, mark: "1.50"),
            Step(frame: delta("1.5", 12, 12), outcome: .refreshed, mark: "1.5"),
            Step(frame: delta("1.6", 12, 13), outcome: .newMark, mark: "1.6"),
            Step(frame: delta("1.7", 11, 14), outcome: .outdated, mark: "1.6"),
            Step(frame: snapshot("1.8", 20, 20), outcome: .newMark, mark: "1.8"),
            Step(frame: snapshot("1.1", 15, 15), outcome: .outdated, mark: "1.8"),
            // The sequence started anew: a later snapshot counts.
            Step(frame: snapshot("1.9", 3, 21), outcome: .newMark, mark: "1.9"),
            Step(frame: delta("2.0", 4, 22), outcome: .newMark, mark: "2.0"),
            Step(frame: snapshot(nil, 5, 23), outcome: .refreshed, mark: "2.0"),
            // A price of nothing is no price: positions must not be valued with it.
            Step(frame: delta("0", 6, 24), outcome: .refreshed, mark: "2.0"),
            Step(frame: delta("0.00", 7, 25), outcome: .refreshed, mark: "2.0"),
            Step(frame: delta("-1", 8, 26), outcome: .refreshed, mark: "2.0"),
            Step(frame: delta("2.1", 9, 27), outcome: .newMark, mark: "2.1"),
        ]
        var book = TickerBook()
        for (index, step) in steps.enumerated() {
            #expect(Self.merge(step.frame, into: &book, at: Double(index)) == step.outcome, "step \(index)")
            #expect(book.mark(0)?.price.description == step.mark, "step \(index)")
        }
        #expect(book.mark(0)?.cs == 9 && book.mark(0)?.exchangeTime == 27 && book.mark(0)?.receivedTime == 5)
        #expect(book.mark(7) == nil && book.lastFrame(7) == nil)
    }

    @Test("an older time in a newer delta does not let an older snapshot pass for a later one")
    func timesThatGoBack() {
        var book = TickerBook()
        #expect(
            Self.merge(TickerFacts("X", snapshot: true, mark: "5", cs: 100, ts: 100), into: &book, at: 1) == .newMark
        )
        #expect(Self.merge(TickerFacts("X", cs: 101, ts: 50), into: &book, at: 2) == .refreshed)
        #expect(
            Self.merge(TickerFacts("X", snapshot: true, mark: "4", cs: 99, ts: 90), into: &book, at: 3) == .outdated
        )
        #expect(book.mark(0)?.price.description == "5")
    }

    @Test("after a lost connection nothing but a snapshot counts; marks stay and never go back")
    func reconnection() {
        var book = TickerBook()
        #expect(
            Self.merge(TickerFacts("X", snapshot: true, mark: "5", cs: 100, ts: 100), into: &book, at: 1) == .newMark
        )
        book.connectionLost()
        #expect(Self.merge(TickerFacts("X", mark: "6", cs: 101, ts: 101), into: &book, at: 2) == .beforeSnapshot)
        #expect(book.mark(0)?.price.description == "5")
        #expect(book.lastFrame(0) == .seconds(1))
        // A server that lags behind: its snapshot is older, but the stream is alive.
        #expect(
            Self.merge(TickerFacts("X", snapshot: true, mark: "4", cs: 90, ts: 90), into: &book, at: 3) == .outdated
        )
        #expect(Self.merge(TickerFacts("X", mark: "4.5", cs: 95, ts: 95), into: &book, at: 4) == .outdated)
        #expect(book.mark(0)?.price.description == "5")
        #expect(Self.merge(TickerFacts("X", mark: "7", cs: 102, ts: 102), into: &book, at: 5) == .newMark)
        book.subscriptionEnded(0)
        book.subscriptionEnded(99)
        #expect(Self.merge(TickerFacts("X", mark: "8", cs: 103, ts: 103), into: &book, at: 6) == .beforeSnapshot)
    }
}

import Foundation
import Testing

extension EndToEnd {
    /// One public connection for everybody, and only edges go out on it.
    @Suite struct SharedConnection {}
}

extension EndToEnd.SharedConnection {
    private static let accounts = 50
    private static let symbols = 40
    private static let linger = Duration.seconds(1)
    /// A symbol, and an account that takes it up when it has long been held by others.
    private static let latecomers = [(0, 20), (7, 30), (8, 31), (15, 47), (39, 20), (39, 21)]

    /// The smallest size of anything the exchange lists, times a few: a step fits all of them.
    private static let size = "100"

    private func name(_ account: Int) -> String {
        let text = String(account + 1)
        return "sub-" + String(repeating: "0", count: 3 - text.count) + text
    }

    /// Each symbol is held by ten neighbours in the ring of accounts; the last one by every other account, which leaves
    /// one of two event loops without any.
    private func holders(of symbol: Int) -> [Int] {
        let distance = symbol == Self.symbols - 1 ? 2 : 1
        return (0..<10).map { (symbol + $0 * distance) % Self.accounts }
    }

    @Test(.timeLimit(.minutes(2)))
    func everyTopicOnceFromItsFirstHolderToItsLast() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: Self.accounts, symbols: Self.symbols)
            var file = AccountsFile(exchange)
            file.stream += ["ticker_linger: \(Self.linger.milliseconds)ms"]
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            #expect(try await exchange.record("connected").filter { $0.text != "private" }.isEmpty, "nothing is held")

            let symbols = try await exchange.marks().map(\.symbol)
            #expect(symbols.count == Self.symbols)
            for (number, symbol) in symbols.enumerated() {
                for account in self.holders(of: number) {
                    let side = account.isMultiple(of: 2) ? "Buy" : "Sell"
                    try await exchange.open(self.name(account), symbol, side, Self.size)
                }
            }
            let full = try await daemon.waitFor("all tickers") { $0.tickers.receiving == Self.symbols }
            #expect(full.tickers.desired == Self.symbols && full.tickers.active == Self.symbols)
            #expect(full.tickers.connects == 1)
            try await self.checkSubscriptions(exchange, symbols)
            try await self.joinLate(exchange, daemon, symbols)
            try await self.leave(exchange, daemon, symbols)
            #expect(try await exchange.record("connected").filter { $0.text == "public/linear" }.count == 1)
            #expect(try await exchange.record("rejected").isEmpty)
            #expect(try await daemon.stop() == 0)
        }
    }

    private func checkSubscriptions(_ exchange: Exchange, _ symbols: [String]) async throws {
        let connected = try await exchange.record("connected")
        #expect(connected.filter { $0.text == "public/linear" }.count == 1)
        #expect(connected.filter { $0.text == "private" }.count == Self.accounts)
        let subscribed = try await exchange.record("subscribed").filter { $0.text != "position" }
        #expect(subscribed.compactMap(\.text).sorted() == symbols.map { "tickers." + $0 }.sorted())
        let rows = try await exchange.record("position")
        for fact in subscribed {
            let holdings = rows.filter { fact.text == "tickers." + ($0.symbol ?? "") }
            let first = try #require(holdings.first)
            #expect(fact.index > first.index, "\(fact.text ?? "") before its first holder")
            #expect(fact.time - first.time < 2000, "\(fact.text ?? "") came late")
        }
        #expect(try await exchange.record("unsubscribed").isEmpty)
    }

    /// With the market standing still no frame could help: the mark must be the one that is known already.
    private func joinLate(_ exchange: Exchange, _ daemon: Daemon, _ symbols: [String]) async throws {
        try await exchange.post("/prices", ["running": .flag(false)])
        let before = try await exchange.state().nextIndex
        for (symbol, account) in Self.latecomers {
            let name = self.name(account)
            #expect(!self.holders(of: symbol).contains(account))
            try await exchange.open(name, symbols[symbol], "Buy", Self.size)
            let opened = try await daemon.event(name, "opened") {
                $0.symbol == symbols[symbol] && $0.cause == "opened"
            }
            let mark =
                opened.stale == false
                ? opened
                : try await daemon.event(name, "the mark of a late joiner") {
                    $0.symbol == symbols[symbol] && $0.cause == "mark" && $0.n > opened.n
                }
            #expect(mark.emittedTs - opened.emittedTs <= 100)
            let published = try await exchange.marks().first { $0.symbol == symbols[symbol] }
            #expect(mark.markPrice == published?.mark)
        }
        #expect(try await exchange.record("subscribed", since: before).isEmpty)
        for (symbol, account) in Self.latecomers {
            try await exchange.close(self.name(account), symbols[symbol])
        }
        try await exchange.post("/prices", ["running": .flag(true)])
    }

    /// Nine of ten holders leave and nothing happens; the last one does, and the topic ends after the linger. Who comes
    /// back in time keeps it.
    private func leave(_ exchange: Exchange, _ daemon: Daemon, _ symbols: [String]) async throws {
        let gone = 0..<20
        for number in gone {
            for account in self.holders(of: number).dropLast() {
                try await exchange.close(self.name(account), symbols[number])
            }
        }
        for number in gone { try await exchange.close(self.name(self.holders(of: number)[9]), symbols[number]) }
        let kept = symbols[19]
        try await exchange.open(self.name(0), kept, "Buy", Self.size)
        let expected = Set(symbols[gone].filter { $0 != kept }.map { "tickers." + $0 })
        let unsubscribed = try await eventually("the end of the topics") {
            let facts = try await exchange.record("unsubscribed")
            return facts.count >= expected.count ? facts : nil
        }
        #expect(unsubscribed.count == expected.count)
        #expect(Set(unsubscribed.compactMap(\.text)) == expected)
        let rows = try await exchange.record("position").filter { $0.cause == "close" }
        for fact in unsubscribed {
            let last = try #require(rows.last { fact.text == "tickers." + ($0.symbol ?? "") })
            let waited = fact.time - last.time
            #expect(waited >= Self.linger.milliseconds - 20, "\(fact.text ?? "") ended after \(waited) ms")
            #expect(waited < Self.linger.milliseconds + 2000, "\(fact.text ?? "") ended after \(waited) ms")
        }
        let rest = try await daemon.waitFor("the rest") { $0.tickers.desired == Self.symbols - expected.count }
        #expect(rest.tickers.receiving == rest.tickers.desired)
        #expect(rest.health == "healthy")
    }
}

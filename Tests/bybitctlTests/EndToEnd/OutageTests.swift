import Foundation
import Testing

extension EndToEnd {
    /// The exchange goes away and comes back.
    @Suite struct Outages {}
}

extension EndToEnd.Outages {
    private static let accounts = 50
    /// The ticker connection and all accounts that hold something fit into one window.
    private static let budget = 26
    private static let window = Duration.seconds(1)

    /// What takes ten minutes and a thousand accounts elsewhere, in small.
    @Test(.timeLimit(.minutes(1)))
    func fiftyAccountsComeBackWithinTheBudgetAndThoseWithPositionsFirst() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: Self.accounts, symbols: 5)
            let symbols = try await exchange.publishEveryMark()
            let names = exchange.ready.accounts.map(\.name)
            // Every other one holds something.
            let holders = Set(names.enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element))
            for (number, name) in names.enumerated() where holders.contains(name) {
                try await exchange.open(name, symbols[number % symbols.count], "Buy", "100")
            }
            var file = AccountsFile(exchange)
            file.stream = [
                "reconnect: { initial: 50ms, max: 100ms }",
                "connection_budget: { connections: \(Self.budget), per: \(Self.window.milliseconds)ms }",
            ]
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            // The start has used it up; from here on it is the outage's.
            let before = try await daemon.waitFor("an unused budget") { $0.budgets.connectionsUsed == 0 }
            #expect(Self.attempts(before) == Self.accounts + 1)
            let memory = try daemon.memory()
            let moment = try await exchange.state()
            let clock = ContinuousClock()
            let start = clock.now

            // Two windows pass in vain, those with positions have the third, the others the fourth.
            try await exchange.post("/outage", ["seconds": .string("1.7")])
            let down = try await daemon.waitFor("the loss") { document in
                document.accounts.allSatisfy { $0.state == "degraded" } && document.tickers.receiving == 0
            }
            #expect(down.health == "degraded")
            var used = 0
            let up = try await daemon.waitFor("all of them", within: .seconds(30)) { document in
                used = max(used, document.budgets.connectionsUsed)
                return document.health == "healthy" && document.accounts.allSatisfy { $0.state == "live" }
            }
            #expect(up.tickers.receiving == symbols.count && up.tickers.desired == symbols.count)
            #expect(used <= Self.budget)
            let windows = Int((clock.now - start) / Self.window) + 1
            let attempts = Self.attempts(up) - Self.attempts(before)
            #expect(attempts > Self.accounts + 1, "nobody tried during the outage")
            #expect(attempts <= windows * Self.budget, "\(attempts) attempts in \(windows) windows")
            try await self.checkRecord(exchange, since: moment.nextIndex, holders: holders)
            for name in holders {
                try await daemon.event(name, "a mark") { $0.isTickerMark && ($0.receivedTs ?? 0) > moment.now + 1700 }
            }
            let growth = try daemon.memory() - memory
            #expect(growth < 16_000_000 || Workplace.isSanitized, "\(growth) bytes more")
            #expect(try await daemon.stop() == 0)
            // Nobody's position was lost or found again.
            for name in names {
                let news = try daemon.events(name).filter(\.isNews).map(\.cause)
                #expect(news == (holders.contains(name) ? ["opened"] : []), "\(name)")
            }
        }
    }

    private static func attempts(_ document: StatusDocument) -> Int {
        document.accounts.reduce(document.tickers.connects) { $0 + $1.private.connects }
    }

    private func checkRecord(_ exchange: Exchange, since: Int, holders: Set<String>) async throws {
        let connected = try await exchange.record("connected", since: since)
        #expect(connected.count == Self.accounts + 1, "each came back once")
        let order = try await exchange.record("authenticated", since: since).compactMap(\.account)
        #expect(Set(order).count == Self.accounts && order.count == Self.accounts)
        // One after the other the mean places are 12 and 37; without an order both are about 24.
        let places = Dictionary(grouping: order.indices) { holders.contains(order[$0]) }
            .mapValues { Double($0.reduce(0, +)) / Double($0.count) }
        let (first, second) = (try #require(places[true]), try #require(places[false]))
        #expect(
            second - first > 20,
            "those with positions came back at place \(first) in the mean, others at \(second)"
        )
    }
}

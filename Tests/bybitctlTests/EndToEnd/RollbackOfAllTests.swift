import Foundation
import Testing

extension EndToEnd {
    /// The whole fleet back to REST, with one command.
    @Suite struct RollbackOfAll {}
}

extension EndToEnd.RollbackOfAll {
    private static let accounts = 500
    /// So many changes are under way at a time.
    private static let width = 16
    /// Requests per second.
    private static let budget = 100

    private func name(_ number: Int) -> String { String(format: "sub-%03d", number) }

    /// In the order in which they should be taken back; not that of the alphabet.
    private var worstFirst: [String] {
        let sick = (193...200).map(self.name)
        let holdingTwo = (161...176).map(self.name)
        let holdingOne = (177...192).map(self.name)
        return sick + holdingTwo + holdingOne + (1...160).map(self.name) + (201...Self.accounts).map(self.name)
    }

    @Test(.timeLimit(.minutes(2)))
    func worstFirstAndNeverMoreRequestsThanTheBudget() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: Self.accounts, symbols: 8)
            for number in 161...176 {
                for symbol in ["BTCUSDT", "ETHUSDT"] {
                    try await exchange.open(self.name(number), symbol, "Buy", "100")
                }
            }
            for number in 177...192 { try await exchange.open(self.name(number), "SOLUSDT", "Sell", "100") }
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(200)])
            var file = AccountsFile(exchange)
            file.stream += [
                "connection_budget: { connections: 100000, per: 5m }",
                "rest_budget: { requests: \(Self.budget), per: 1s }",
            ]
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            try await self.makeSick(193...200, exchange, daemon)

            let before = try await exchange.state()
            let clock = ContinuousClock()
            let start = clock.now
            let arguments = ["rollback", "--all", "--to", "rest", "--reason", "a drill", "--timeout", "60s"]
            let (code, accounts) = try await daemon.change(arguments)
            let time = start.duration(to: clock.now)
            #expect(code == 0)
            #expect(accounts.map(\.name) == self.worstFirst)
            let unlike = accounts.filter { $0.outcome != "done" || $0.from != "hybrid" || $0.to != "rest" }
            #expect(unlike.isEmpty, "\(unlike)")
            try await self.checkOrder(daemon)
            try await self.checkBudget(exchange, since: before.nextIndex, time)
            try await self.checkEnd(exchange, daemon)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Their private connections break, and they get no new ones.
    private func makeSick(_ numbers: ClosedRange<Int>, _ exchange: Exchange, _ daemon: Daemon) async throws {
        try await exchange.setFaults(["refuse_upgrades": .object(["status": .number(503)])])
        for number in numbers { try await exchange.kill("private", account: self.name(number)) }
        let sick = Set(numbers.map(self.name))
        try await daemon.waitFor("sick accounts") { document in
            Set(document.accounts.filter { $0.health == "degraded" }.map(\.name)) == sick
        }
    }

    /// Revisions count up in the order of the switches. An account's turn comes when all but fifteen before it are done.
    private func checkOrder(_ daemon: Daemon) async throws {
        let revisions = try await daemon.history().filter { $0.kind == "rollback" }
        #expect(revisions.count == Self.accounts)
        #expect(Set(revisions.map(\.reason)) == ["a drill"])
        let places = Dictionary(uniqueKeysWithValues: revisions.enumerated().map { ($1.accounts[0], $0) })
        for (place, name) in self.worstFirst.enumerated() {
            let rank = try #require(places[name])
            #expect(rank > place - Self.width, "\(name) was number \(rank) to go, and should be \(place)")
            // Who holds something is listed first.
            if place < 40 { #expect(rank < 60, "\(name) was number \(rank) to go, and should be \(place)") }
        }
    }

    private func checkBudget(_ exchange: Exchange, since: Int, _ time: Duration) async throws {
        let requests = try await exchange.record("rest", since: since)
        // The exchange sees requests a little later than they left, some more than others.
        let window: Int64 = 900
        var most = 0
        var first = 0
        for (place, request) in requests.enumerated() {
            while requests[first].time + window <= request.time { first += 1 }
            most = max(most, place - first + 1)
        }
        // A machine that is busy lets some of them arrive together.
        #expect(most <= Self.budget * 5 / 4, "\(most) requests within \(window) ms")
        #expect(requests.allSatisfy { $0.retCode == 0 || $0.retCode == nil })
        // Each account is listed by settle coin, and some are polled already; at a hundred a second that takes its time.
        #expect(requests.count >= 2 * Self.accounts)
        let needed = Duration.milliseconds(Int64(requests.count) * 1_000 / Int64(Self.budget))
        #expect(time < needed + .seconds(10), "\(requests.count) requests took \(time)")
        #expect(time < .seconds(40))
    }

    private func checkEnd(_ exchange: Exchange, _ daemon: Daemon) async throws {
        let (code, document) = try await daemon.status()
        #expect(code == 1, "taken back is not healthy")
        #expect(document.accounts.allSatisfy { $0.mode == "rest" && $0.driver == "rest" })
        try await eventually("the end of all private sockets") {
            try await exchange.state().connections.allSatisfy { $0.socket != "private" }
        }
        try await daemon.event(self.name(161), "a mark over REST") { $0.cause == "mark" && $0.source == "rest" }
        let lifecycle = try daemon.events(self.name(161)).filter(\.isLifecycle)
        #expect(lifecycle.map(\.cause) == ["opened", "opened"], "nothing is told twice")
    }
}

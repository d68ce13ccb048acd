import Foundation
import Testing

extension EndToEnd {
    /// What must hold when an account's private connection says nothing, is away, or is not let in.
    @Suite struct AccountFailures {}
}

extension EndToEnd.AccountFailures {
    @Test(.timeLimit(.minutes(1)))
    func withoutAWordFromThePrivateSocketEverythingIsKnownAndPriced() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 5)
            let symbols = try await exchange.publishEveryMark()
            for symbol in symbols { try await exchange.open("sub-001", symbol, "Sell", "100") }
            try await exchange.setFaults(["drop_rows": .flag(true)])
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            try await daemon.waitFor("all tickers") { $0.tickers.receiving == 5 && $0.health == "healthy" }
            let scene = Scene(place: place, exchange: exchange, daemon: daemon, symbols: symbols)
            try await scene.waitForMarks(symbols)
            let subscribed = try #require(try await exchange.record("subscribed").first { $0.text == "position" })
            for symbol in symbols {
                let mark = try #require(try scene.marks(of: symbol).first)
                #expect(mark.emittedTs - subscribed.time <= 2000, "\(symbol) was late")
            }
            let news = try scene.events().filter(\.isNews)
            #expect(news.map(\.cause) == Array(repeating: "opened", count: 5))
            #expect(try await daemon.stop() == 0)

            // The next start finds them as they were.
            try await daemon.restart()
            try await daemon.waitFor("all tickers") { $0.tickers.receiving == 5 && $0.health == "healthy" }
            try await scene.waitForMarks(symbols)
            let later = try scene.events().filter(\.isNews).dropFirst(5)
            #expect(later.map(\.cause) == Array(repeating: "resync", count: 5))
            #expect(Set(later.compactMap(\.symbol)) == Set(symbols))
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatClosedOrReopenedInAGapIsToldAsWhatItIs() async throws {
        try await Workplace.with { place in
            let stream = ["ticker_linger: 200ms", "reconcile_interval: 1s"]
            let scene = try await Scene.start(in: place, isHeldBefore: true, stream: stream)
            let (exchange, daemon, symbols) = (scene.exchange, scene.daemon, scene.symbols)
            let before = try await scene.moment()
            let told = try scene.events().filter(\.isNews).count
            try await scene.refuseUpgrades()
            try await exchange.kill("private")
            try await exchange.close("sub-001", symbols[0])
            try await exchange.close("sub-001", symbols[1])
            // As it was before: only its time of opening tells that it is another one.
            try await exchange.open("sub-001", symbols[1], "Buy", "200")
            try await scene.waitForRefusals(1, since: before)
            try await exchange.post("/faults/clear")
            let status = try await daemon.waitFor("three tickers") {
                $0.tickers.desired == 3 && $0.tickers.receiving == 3 && $0.health == "healthy"
            }
            #expect(status.holdings("sub-001") == (try await exchange.state().holdings("sub-001")))
            // The ticker of what was closed is let go, the others stay without a gap.
            let ended = try await eventually("the end of the topic") {
                let facts = try await exchange.record("unsubscribed", since: before)
                return facts.isEmpty ? nil : facts
            }
            #expect(ended.map(\.text) == ["tickers." + symbols[0]])
            try await scene.waitForSweeps(1)
            for symbol in symbols { try await scene.moveMark(symbol) }
            try await scene.waitForMarks(Array(symbols[1...]))
            #expect(try await exchange.record("subscribed", since: before).map(\.text) == ["position"])
            let news = Array(try scene.events().filter(\.isNews).dropFirst(told))
            #expect(news.filter { $0.symbol == symbols[0] }.map(\.cause) == ["closed"])
            #expect(news.filter { $0.symbol == symbols[1] }.map(\.cause) == ["closed", "opened"])
            #expect(news.count == 3)
            #expect(try scene.events().last { $0.symbol == symbols[0] }?.cause == "closed")
            #expect(try await daemon.stop() == 0)
        }
    }

    /// The listing is empty then, which alone would be no proof.
    @Test(.timeLimit(.minutes(1)))
    func theLastPositionThatClosedWhileNobodyLookedIsToldOnce() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, held: 1, stream: ["reconcile_interval: 1s"])
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            #expect(try await daemon.stop() == 0)
            try await exchange.close("sub-001", scene.symbols[0])
            try await daemon.restart()
            let closed = try await scene.event("closed") { $0.cause == "closed" }
            #expect(closed.symbol == scene.symbols[0])
            let status = try await daemon.waitUntilHealthy()
            #expect(status.tickers.desired == 0 && status.account("sub-001")?.private.connects == 1)
            #expect(try await daemon.stop() == 0)
            #expect(try scene.events().filter(\.isNews).map(\.cause) == ["opened", "closed"])
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func legsCloseApartAndAQuickReopeningKeepsTheTicker() async throws {
        try await Workplace.with { place in
            let stream = ["ticker_linger: 1s", "reconcile_interval: 1s"]
            let scene = try await Scene.start(in: place, accounts: 2, held: 0, stream: stream)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let (hedge, symbol) = ("sub-002", scene.symbols[0])
            let topic = "tickers." + symbol
            try await exchange.post("/accounts/hedge", ["account": .string(hedge), "on": .flag(true)])
            try await exchange.open(hedge, symbol, "Buy", "3", index: 1)
            try await exchange.open(hedge, symbol, "Sell", "2", index: 2)
            try await scene.waitForMarks([symbol], count: 4, hedge)
            try await self.close(exchange, hedge, symbol, 1)
            let closed = try await daemon.event(hedge, "closed") { $0.cause == "closed" }
            #expect(closed.positionIdx == 1)
            try await scene.waitForMarks([symbol], count: 3, hedge)
            #expect(try scene.marks(of: symbol, hedge).filter { $0.n > closed.n }.allSatisfy { $0.positionIdx == 2 })

            // The last leg goes and comes back at once, and once more.
            for _ in 0..<2 {
                try await self.close(exchange, hedge, symbol, 2)
                try await exchange.open(hedge, symbol, "Sell", "5", index: 2)
            }
            try await exchange.open(hedge, symbol, "Buy", "1", index: 1)
            try await scene.waitForMarks([symbol], count: 3, hedge)
            let states = try await daemon.status().document
            #expect(states.tickers.receiving == 1 && states.health == "healthy")
            #expect(states.holdings(hedge) == (try await exchange.state().holdings(hedge)))
            #expect(try await exchange.record("subscribed").filter { $0.text == topic }.count == 1)
            #expect(try await exchange.record("unsubscribed").isEmpty)

            // At the end of all legs the ticker goes on for a while, and nobody is told.
            try await self.close(exchange, hedge, symbol, 1)
            try await self.close(exchange, hedge, symbol, 2)
            try await eventually("the last close") {
                try daemon.events(hedge).filter { $0.cause == "closed" }.count == 5
            }
            try await scene.moveMark(symbol)
            try await eventually("the end of the topic") {
                try await exchange.record("unsubscribed").contains { $0.text == topic }
            }
            #expect(try daemon.events(hedge).last { $0.event == "position.update" }?.cause == "closed")
            try await scene.finish(hedge, isInterrupted: false)
        }
    }

    private func close(_ exchange: Exchange, _ account: String, _ symbol: String, _ index: Int) async throws {
        try await exchange.post(
            "/positions/close",
            ["account": .string(account), "symbol": .string(symbol), "position_idx": .number(index)]
        )
    }

    /// The socket's own answer is the same for every cause; REST knows which it is.
    @Test(.timeLimit(.minutes(1)))
    func refusedKeysAreNamedByTheirCauseAndHurtNobodyElse() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 6, symbols: 2)
            for number in 1...6 { try await exchange.open("sub-00\(number)", "BTCUSDT", "Buy", "0.5") }
            let states = ["sub-002": "expired", "sub-003": "ip", "sub-004": "wrong_env", "sub-005": "read_only"]
            try await exchange.setFaults(["key_state": .object(states.mapValues { .string($0) })])
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            try await daemon.waitFor("three verdicts") { document in
                document.accounts.filter { $0.state == "failed" }.count == 3
                    && document.accounts.filter { $0.state == "live" }.count == 3
            }
            // One key runs out while all is well; its connection does not know until it breaks.
            try await exchange.setFaults(["key_state": .object(["sub-006": .string("expired")])])
            try await exchange.kill("private", account: "sub-006")
            let status = try await daemon.waitFor("the fourth") { $0.account("sub-006")?.state == "failed" }
            let causes = [
                ("sub-002", "expired", "33004"), ("sub-003", "address", "10010"),
                ("sub-004", "environment", "10003"), ("sub-006", "expired", "33004"),
            ]
            for (name, word, code) in causes {
                let account = try #require(status.account(name))
                #expect(account.state == "failed" && account.health == "critical", "\(name)")
                let reason = account.lastError ?? ""
                #expect(reason.contains(word) && reason.contains(code), "\(name): \(reason)")
                let alert = try await daemon.event(name, "the alert") { $0.code == "account_failed" }
                #expect(alert.severity == "critical" && alert.state == "opened")
                #expect(alert.text?.contains(word) == true, "\(alert.text ?? "nil")")
            }
            #expect(try await daemon.ask(["status", "--quiet"]).code == 2)
            #expect(try await daemon.ask(["status", "sub-001", "sub-005", "--quiet"]).code == 0)
            let scene = Scene(place: place, exchange: exchange, daemon: daemon, symbols: ["BTCUSDT"])
            for name in ["sub-001", "sub-005"] {
                #expect(status.account(name)?.private.connects == 1)
                try await scene.waitForMarks(["BTCUSDT"], count: 2, name)
            }
            // Nobody goes on knocking with a key that is refused.
            let before = try await scene.moment()
            try await scene.waitForMarks(["BTCUSDT"], count: 5)
            #expect(try await exchange.record("connected", "auth_failed", "rest", since: before).isEmpty)
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func anAuthenticationMayBeLateOrNeverAnsweredAndNothingIsSubscribedBefore() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            for name in ["sub-001", "sub-002"] { try await exchange.open(name, "BTCUSDT", "Buy", "0.5") }
            var file = AccountsFile(exchange)
            file.stream += ["auth_timeout: 400ms"]
            try await exchange.setFaults(["auth": Self.fault("never", .flag(true))])
            let daemon = try await Daemon.start(file, in: place, waits: false)
            let waiting = try await daemon.waitFor("the reason") { $0.account("sub-001")?.lastError != nil }
            #expect(waiting.account("sub-001")?.state == "starting")
            let reason = waiting.account("sub-001")?.lastError ?? ""
            #expect(reason.contains("auth"), "\(reason)")
            try await daemon.waitFor("the other account") { $0.account("sub-002")?.health == "healthy" }
            // An answer that comes after the client has given up means nothing any more; one in time does.
            try await exchange.setFaults(["auth": Self.fault("delay_ms", .number(800), count: 1)])
            let before = try await exchange.state().nextIndex
            try await eventually("the attempt after the late one") {
                try await exchange.record("connected", since: before).count >= 2
            }
            try await exchange.setFaults(["auth": Self.fault("delay_ms", .number(100))])
            try await daemon.waitUntilHealthy()
            try await daemon.event("sub-001", "a mark") { $0.cause == "mark" }

            let facts = try await exchange.record("connected", "authenticated", "subscribed")
            let sockets = Set(facts.filter { $0.kind == "connected" && $0.text == "private" }.compactMap(\.connection))
            #expect(sockets.count >= 4)
            for subscribed in facts where subscribed.kind == "subscribed" && subscribed.text == "position" {
                let authenticated = facts.first {
                    $0.kind == "authenticated" && $0.connection == subscribed.connection
                }
                #expect((authenticated?.index ?? .max) < subscribed.index)
            }
            #expect(try await exchange.record("rejected").isEmpty)
            #expect(try await daemon.status().document.account("sub-002")?.private.connects == 1)
            #expect(try await daemon.stop() == 0)
        }
    }

    private static func fault(_ kind: String, _ value: JSONField, count: Int? = nil) -> JSONField {
        var fields: [String: JSONField] = [kind: value, "account": .string("sub-001")]
        if let count { fields["count"] = .number(count) }
        return .object(fields)
    }
}

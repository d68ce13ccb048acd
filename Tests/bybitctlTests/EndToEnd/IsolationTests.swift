import Foundation
import Testing

extension EndToEnd {
    /// What is wrong with one symbol or one account stays with it.
    @Suite struct Isolation {}
}

extension EndToEnd.Isolation {
    @Test(.timeLimit(.minutes(1)))
    func oneRefusedSymbolOfForty() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 40)
            let symbols = try await exchange.marks().map(\.symbol)
            let bad = symbols[23]
            try await exchange.setFaults(["reject_topics": .list(["tickers." + bad])])
            // Held before the start, so that all forty go out together.
            for symbol in symbols { try await exchange.open("sub-001", symbol, "Buy", "100") }
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            let status = try await daemon.waitFor("39 tickers") { $0.tickers.receiving == 39 }
            #expect(status.tickers.quarantined == [bad])
            #expect(status.tickers.active == 39)
            #expect(status.health == "degraded")
            let account = try #require(status.account("sub-001"))
            #expect(account.state == "live")
            // Its marks come over REST meanwhile, and nobody calls that healthy.
            try await daemon.event("sub-001", "its mark") { $0.symbol == bad && $0.source == "rest" }
            #expect(try await daemon.ask(["status", "--quiet"]).code == 1)
            let alert = try await daemon.event("sub-001", "the alert") { $0.event == "alert" }
            #expect(alert.code == "ticker_quarantined" && alert.state == "opened" && alert.symbol == bad)
            try await eventually("a mark of each other symbol") {
                let marked = Set(try daemon.events("sub-001").filter(\.isTickerMark).compactMap(\.symbol))
                return marked.count >= 39
            }
            let events = try daemon.events("sub-001")
            #expect(!events.contains { $0.symbol == bad && $0.isTickerMark })
            #expect(events.filter { $0.event == "alert" }.count == 1)
            // All on one connection, and no topic was refused twice.
            #expect(try await exchange.record("connected").filter { $0.text == "public/linear" }.count == 1)
            #expect(try await exchange.record("rejected").count == 1)
            #expect(try await exchange.record("subscribed").filter { $0.text != "position" }.count == 39)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func oneWrongSecretOfThree() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 4, symbols: 4)
            for name in ["sub-001", "sub-002", "sub-003", "sub-004"] {
                try await exchange.open(name, "BTCUSDT", "Buy", "0.01")
            }
            var file = AccountsFile(exchange)
            file.accounts[1].apiSecret = "wrongwrongwrongwrongwrongwrongwrong0"
            try await exchange.setFaults(["key_state": .object(["sub-004": .string("expired")])])
            let daemon = try await Daemon.start(file, in: place)
            let status = try await daemon.waitFor("the verdict") { document in
                document.accounts.filter { $0.state == "failed" }.count == 2
                    && document.accounts.filter { $0.state == "live" }.count == 2
            }
            #expect(status.health == "critical")
            let failed = try #require(status.account("sub-002"))
            #expect(failed.state == "failed" && failed.health == "critical")
            #expect(failed.lastError?.lowercased().contains("sign") == true, "\(failed.lastError ?? "nil")")
            let expired = try #require(status.account("sub-004"))
            #expect(expired.lastError?.lowercased().contains("expired") == true, "\(expired.lastError ?? "nil")")
            #expect(status.accounts.map(\.state) == ["failed", "failed", "live", "live"], "worst first")
            #expect(try await daemon.ask(["status", "--quiet"]).code == 2)
            #expect(try await daemon.ask(["status", "--nagios"]).code == 2)
            #expect(try await daemon.ask(["status", "sub-001", "sub-003", "--quiet"]).code == 0)
            try await daemon.event("sub-002", "the alert") { $0.event == "alert" && $0.code == "account_failed" }
            try await daemon.event("sub-002", "the state") { $0.event == "account.state" && $0.new == "failed" }
            for name in ["sub-001", "sub-003"] { try await daemon.event(name, "a mark") { $0.cause == "mark" } }
            #expect(try daemon.events("sub-002").allSatisfy { $0.event != "position.update" })
            #expect(try await daemon.stop() == 0)
        }
    }
}

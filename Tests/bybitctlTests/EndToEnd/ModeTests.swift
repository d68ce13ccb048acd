import Foundation
import Testing

extension EndToEnd {
    /// The modes an account can run in.
    @Suite struct Modes {}
}

extension EndToEnd.Modes {
    @Test(.timeLimit(.minutes(1)))
    func restPollsAndOpensNoSocket() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 4)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            var file = AccountsFile(exchange)
            file.mode = "rest"
            file.stream += ["rest_poll_interval: 200ms"]
            let daemon = try await Daemon.start(file, in: place)
            let status = try await daemon.waitUntilHealthy()
            #expect(status.accounts.map(\.mode) == ["rest"])
            #expect(status.accounts.map(\.driver) == ["rest"])
            try await daemon.event("sub-001", "opened") { $0.cause == "opened" && $0.size == "0.5" }
            try await daemon.event("sub-001", "a mark") { $0.cause == "mark" }
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.1")
            try await daemon.event("sub-001", "increased") { $0.cause == "increased" && $0.size == "0.6" }
            try await exchange.close("sub-001", "BTCUSDT")
            try await daemon.event("sub-001", "closed") { $0.cause == "closed" }
            #expect(try await daemon.stop() == 0)
            let updates = try daemon.events("sub-001").filter { $0.event == "position.update" }
            #expect(Set(updates.compactMap(\.source)) == ["rest"])
            #expect(updates.filter(\.isLifecycle).map(\.cause) == ["opened", "increased", "closed"])
            #expect(updates.last?.cause == "closed")
            for event in updates where Profit.text(of: event) != nil {
                #expect(event.unrealizedPnl == Profit.text(of: event))
            }
            #expect(try await exchange.record("connected", "refused").isEmpty)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [("canary", "rest"), ("parallel", "rest"), ("cutover", "mixed")])
    func theStreamRunsBesideREST(mode: String, driver: String) async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 4)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            var file = AccountsFile(exchange)
            file.mode = mode
            file.stream += ["rest_poll_interval: 200ms"]
            let daemon = try await Daemon.start(file, in: place)
            let status = try await daemon.waitUntilHealthy()
            #expect(status.accounts.map(\.mode) == [mode, mode])
            #expect(status.accounts.map(\.driver) == [driver, driver])
            try await daemon.event("sub-001", "opened") { $0.cause == "opened" && $0.size == "0.5" }
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.1")
            try await daemon.event("sub-001", "increased") { $0.cause == "increased" && $0.size == "0.6" }
            try await exchange.close("sub-001", "BTCUSDT")
            try await daemon.event("sub-001", "closed") { $0.cause == "closed" }
            #expect(try await daemon.stop() == 0)
            let updates = try daemon.events("sub-001").filter { $0.event == "position.update" }
            if mode != "cutover" { #expect(Set(updates.compactMap(\.source)) == ["rest"]) }
            #expect(updates.filter(\.isLifecycle).map(\.cause) == ["opened", "increased", "closed"])
            // One private connection each and one for all tickers.
            #expect(try await exchange.record("connected").count == 3)
        }
    }
}

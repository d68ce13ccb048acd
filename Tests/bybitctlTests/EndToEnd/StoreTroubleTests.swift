import Foundation
import GRDB
import Testing

extension EndToEnd {
    /// Changes while the store cannot write.
    @Suite struct StoreTrouble {}
}

extension EndToEnd.StoreTrouble {
    /// The store has no such table while the body runs.
    private func without(_ table: String, _ daemon: Daemon, _ body: () async throws -> Void) async throws {
        let path = try #require(
            FileManager.default.enumerator(atPath: daemon.stateFolder)?.compactMap { $0 as? String }
                .first { $0.hasSuffix("store.sqlite") }
        )
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(10)
        let store = try DatabaseQueue(path: daemon.stateFolder + "/" + path, configuration: configuration)
        try await store.write { try $0.execute(sql: "ALTER TABLE \(table) RENAME TO away") }
        do {
            try await body()
        } catch {
            try await store.write { try $0.execute(sql: "ALTER TABLE away RENAME TO \(table)") }
            throw error
        }
        try await store.write { try $0.execute(sql: "ALTER TABLE away RENAME TO \(table)") }
        try store.close()
    }

    /// The way back is the safe one: it does not wait for a disk, and is written down as soon as that is possible. The way up
    /// waits.
    @Test(.timeLimit(.minutes(1)))
    func theWayBackDoesNotWaitForTheDisk() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            try await daemon.waitUntilHealthy()
            try await self.without("account_override", daemon) {
                let back = try await daemon.change(["rollback", "sub-001", "--to", "rest"])
                #expect(back.code == 0)
                #expect(back.accounts.map(\.to) == ["rest"])
                #expect(back.accounts.map(\.revision) == [nil])
                #expect(back.accounts[0].text.contains("could not be written down"), "\(back.accounts)")
                let account = try #require(try await daemon.status().document.account("sub-001"))
                #expect(account.mode == "rest" && account.driver == "rest" && account.health == "degraded")
                let up = try await daemon.change(["promote", "sub-001", "--force"])
                #expect(up.code == 1)
                #expect(up.accounts.map(\.outcome) == ["failed"])
            }
            try await eventually("the revision") { try await daemon.history().map(\.kind) == ["start", "rollback"] }
            #expect(try await daemon.stop() == 0)
            try await daemon.restart()
            #expect(try await daemon.status().document.accounts.map(\.mode).sorted() == ["hybrid", "rest"])
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Nothing is let go before it is stored.
    @Test(.timeLimit(.minutes(1)))
    func aDrainWaitsForTheStore() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            var file = AccountsFile(exchange)
            let child = "while [ ! -e \"$1/go\" ]; do sleep 0.05; done; exec cat > /dev/null"
            file.accounts[0].extra = try EndToEnd.ExecSinks.sinks(place, child, stopTimeout: "60s")
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            for _ in 0..<150 {
                try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.1")
                try await exchange.open("sub-001", "BTCUSDT", "Sell", "0.05")
            }
            try await daemon.event("sub-001", "the last change") { $0.size == "7.5" }
            #expect(try await daemon.change(["drain", "sub-001", "--timeout", "500ms"]).code == 124)
            try await self.without("position_book", daemon) {
                // What another account has to store is enough.
                try await exchange.open("sub-002", "BTCUSDT", "Buy", "0.1")
                try place.write("", to: "go")
                try await daemon.waitFor("the reason") { document in
                    document.account("sub-001")?.drain?.blockers.contains { $0.contains("the store cannot write") }
                        ?? false
                }
                #expect(try await daemon.status(["sub-001"]).document.account("sub-001")?.state == "draining")
            }
            try await daemon.waitFor("the end of the drain") { $0.account("sub-001")?.state == "drained" }
            #expect(try await daemon.change(["resume", "sub-001"]).code == 0)
            #expect(try await daemon.stop() == 0)
            let events = try daemon.events("sub-001")
            #expect(events.map(\.n) == Array(1...Int64(events.count)))
        }
    }
}

import Foundation
import Testing

extension EndToEnd {
    /// Keys and secrets are nowhere but in the file that holds them.
    @Suite struct Secrets {}
}

extension EndToEnd.Secrets {
    @Test(.timeLimit(.minutes(1)))
    func noOutputAndNoFileHoldsAKeyOrASecret() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 4)
            var file = AccountsFile(exchange)
            file.logLevel = "trace"
            file.accounts[1].apiSecret = "WrongSecretOfTheSecondAccount123456"
            file.accounts[2].apiKey = "KeyThatNobodyKnows"
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitFor("two refusals") { document in
                document.accounts.filter { $0.state == "failed" }.count == 2
                    && document.account("sub-001")?.state == "live"
            }
            let follower = try place.start(["events", "--state-dir", daemon.stateFolder])
            // Damage everything that could be quoted in a message.
            try await exchange.setFaults([
                "garble": .number(2),
                "rest": .object(["path": .string("/v5/position"), "ret_code": .number(10004), "count": .number(2)]),
                "auth": .object(["reject": .flag(true), "count": .number(1)]),
            ])
            try await exchange.open("sub-001", "ETHUSDT", "Buy", "1")
            try await exchange.kill("all")
            try await exchange.open("sub-001", "ETHUSDT", "Buy", "1")
            try await exchange.post("/faults/clear")
            try await daemon.event("sub-001", "what was missed") { $0.symbol == "ETHUSDT" && $0.size == "2" }
            for output in ["json", "table", "wide"] {
                #expect(try await daemon.ask(["status", "--output", output]).code == 2)
            }
            try await self.breakAFile(place, file)
            #expect(try await daemon.stop() == 0)
            _ = try await follower.exitCode()
            try self.search(place, except: [daemon.fileName, "broken.yaml"], exchange, file)
        }
    }

    /// Errors quote the line they are about.
    private func breakAFile(_ place: Workplace, _ file: AccountsFile) async throws {
        let text = file.text(stateFolder: place.file("other").path)
            .replacingOccurrences(of: "credentials: { api_key:", with: "credentials: { api_kez:")
        let path = try place.write(text, to: "broken.yaml").path
        let result = try await place.run(["validate", path])
        #expect(result.code == 78)
        #expect(result.output.contains("api_kez"))
        #expect(try await place.run(["validate", path, "--output", "json"]).code == 78)
        #expect(try await place.run(["start", path]).code == 78)
    }

    private func search(_ place: Workplace, except: [String], _ exchange: Exchange, _ file: AccountsFile) throws {
        var words = exchange.ready.accounts.flatMap { [$0.apiKey, $0.apiSecret] }
        words += file.accounts.flatMap { [$0.apiKey, $0.apiSecret] }
        // The exchange itself prints its keys when it is ready: the first process.
        let innocent = Set((except + ["process-0.out"]).map { place.file($0).path })
        let files = try place.files().filter { !innocent.contains($0.path) }
        #expect(files.contains { $0.lastPathComponent == "store.sqlite" })
        #expect(files.contains { $0.pathExtension == "jsonl" })
        #expect(files.filter { $0.pathExtension == "err" }.count > 3)
        for file in files {
            let data = try Data(contentsOf: file)
            for word in Set(words) {
                #expect(data.range(of: Data(word.utf8)) == nil, "\(file.path) holds a key or a secret")
            }
        }
        // The search finds what is there.
        let own = try Data(contentsOf: place.file(except[0]))
        #expect(Set(words).contains { own.range(of: Data($0.utf8)) != nil })
    }
}

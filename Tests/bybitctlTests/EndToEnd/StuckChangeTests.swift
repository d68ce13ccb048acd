import Foundation
import Testing

extension EndToEnd {
    /// A change that does not come to its end, and everybody who has nothing to do with it.
    @Suite struct StuckChanges {}
}

extension EndToEnd.StuckChanges {
    private func write(_ file: AccountsFile, _ daemon: Daemon) throws {
        try daemon.place.write(file.text(stateFolder: daemon.stateFolder), to: daemon.fileName)
    }

    /// A restart that a child's full pipe holds up is no other account's business: they go back, and the file can be changed
    /// again. The account itself says what it waits for, and counts as degraded.
    @Test(.timeLimit(.minutes(3)))
    func aHangingRestartHoldsUpNobodyElse() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 4)
            var file = AccountsFile(exchange)
            let sinks = try EndToEnd.ExecSinks.sinks(
                place,
                "while [ ! -e \"$1/go\" ]; do sleep 0.05; done; exec cat > \"$1/received\"",
                stopTimeout: "60s"
            )
            file.accounts[0].extra = sinks
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            for _ in 0..<150 {
                try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.1")
                try await exchange.open("sub-001", "BTCUSDT", "Sell", "0.05")
            }
            try await daemon.event("sub-001", "the last change") { $0.size == "7.5" }

            file.accounts[0].extra = sinks + "\n    dry_run: false"
            try self.write(file, daemon)
            let late = try await daemon.change(["apply", "--timeout", "1s"])
            #expect(late.code == 124)
            #expect(late.accounts.map(\.name) == ["sub-001"])
            #expect(late.accounts.map(\.outcome) == ["timed_out"])
            #expect(late.accounts.map(\.to) == ["draining"])
            let status = try await daemon.status(["sub-001"])
            #expect(status.code == 1)
            #expect(status.document.account("sub-001")?.state == "draining")
            #expect(status.document.account("sub-001")?.health == "degraded")

            #expect(try await daemon.change(["rollback", "sub-002", "--to", "rest"]).code == 0)
            file.accounts[2].extra = "mode: parallel"
            try self.write(file, daemon)
            let second = try await daemon.change(["apply"])
            #expect(second.code == 0)
            #expect(second.accounts.map(\.name) == ["sub-003"])
            #expect(second.accounts.map(\.to) == ["parallel"])
            // What the account itself is to become waits for what it is about to be.
            file.accounts[0].extra = sinks
            try self.write(file, daemon)
            let refused = try await daemon.ask(["apply", "--timeout", "500ms"])
            #expect(refused.code == 124 && refused.errors.contains("nothing was changed"), "\(refused.errors)")
            #expect(refused.errors.contains("sub-001"), "\(refused.errors)")

            try place.write("", to: "go")
            try await daemon.waitFor("the restart's end") { $0.account("sub-001")?.state == "live" }
            #expect(try await daemon.change(["apply"]).code == 0)
            #expect(try await daemon.stop() == 0)
            let events = try daemon.events("sub-001")
            #expect(events.map(\.n) == Array(1...Int64(events.count)), "numbers go on without a hole")
        }
    }

    /// What a file has not changed yet when the time is over is named, and changed later.
    @Test(.timeLimit(.minutes(2)))
    func aFileThatIsLateSaysWhatIsUnderWay() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 2)
            var file = AccountsFile(exchange)
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            try await exchange.setRESTFaults([["path": .string("/v5/position/list"), "delay_ms": .number(4_000)]])
            for place in [0, 1] { file.accounts[place].extra = "mode: rest" }
            try self.write(file, daemon)
            let late = try await daemon.change(["apply", "--timeout", "500ms"])
            #expect(late.code == 124)
            #expect(late.accounts.map(\.name) == ["sub-001", "sub-002"])
            #expect(late.accounts.map(\.outcome) == ["timed_out", "timed_out"])
            #expect(late.accounts.map(\.to) == ["hybrid", "hybrid"])
            try await daemon.waitFor("the end of the switches") { document in
                document.accounts.map(\.mode) == ["rest", "rest", "hybrid"]
            }
            #expect(try await daemon.history().map(\.kind) == ["start", "apply"])
            #expect(try await daemon.stop() == 0)
        }
    }

    private func waves(_ exchange: Exchange, gate: String) -> AccountsFile {
        var file = AccountsFile(exchange)
        file.mode = "rest"
        file.rollout = [
            "waves: { sizes: [\"1\", \"100%\"], soak: 1s, max_unhealthy: 3 }", "gates: { canary: { soak: \(gate) } }",
        ]
        return file
    }

    /// The command may be over long before the last wave is.
    @Test(.timeLimit(.minutes(2)))
    func wavesGoOnWithoutWhoeverHasBegunThem() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 2)
            let daemon = try await Daemon.start(self.waves(exchange, gate: "10m"), in: place)
            try await daemon.waitUntilHealthy()
            let late = try await daemon.ask(["promote", "--waves", "--timeout", "300ms"])
            #expect(late.code == 124, "\(late.output) \(late.errors)")
            #expect(late.errors.contains("it goes on without this command"), "\(late.errors)")
            let second = try await daemon.ask(["promote", "--waves"])
            #expect(second.code == 1 && second.errors.contains("under way"), "\(second.errors)")
            try await daemon.waitFor("all waves") { document in
                document.accounts.map(\.mode) == ["canary", "canary", "canary"]
            }
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Whoever takes an account back while a promotion waits for gates does not find it promoted again.
    @Test(.timeLimit(.minutes(2)))
    func aRollbackEndsAPromotionThatWaits() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 2)
            var file = self.waves(exchange, gate: "10m")
            file.mode = "canary"
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            let waves = try daemon.begin(["promote", "--waves"])
            try await eventually("the wait for gates") { daemon.process.errors.contains("waiting for the gates of") }
            #expect(try await daemon.change(["rollback", "sub-003", "--to", "rest"]).code == 0)
            #expect(try await waves.exitCode(within: .seconds(20)) == 1)
            #expect(try waves.report().text.contains("sub-003 was taken back to rest"))
            #expect(try await daemon.status().document.accounts.map(\.mode).sorted() == ["canary", "canary", "rest"])
            #expect(try await daemon.history().map(\.kind) == ["start", "rollback"])
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Without a daemon `plan` says what the next start does, also where that is not what the file says.
    @Test(.timeLimit(.minutes(2)))
    func aPlanWithoutADaemonIsWhatTheNextStartDoes() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            var file = AccountsFile(exchange)
            // A former file is kept without its secrets: they must be somewhere else.
            for account in exchange.ready.accounts {
                try place.write(account.apiKey, to: "d/keys/\(account.name).key")
                try place.write(account.apiSecret, to: "d/keys/\(account.name).secret")
            }
            for place in file.accounts.indices { file.accounts[place].secretFolder = "keys" }
            file.mode = "canary"
            let daemon = try await Daemon.start(file, in: place)
            try await daemon.waitUntilHealthy()
            #expect(try await daemon.change(["rollback", "sub-001", "--to", "rest"]).code == 0)
            #expect(try await daemon.stop() == 0)
            #expect(try await self.plan(daemon) == ["sub-001": "rest", "sub-002": "canary"])

            // What the file changes ends what was set beside it.
            for place in file.accounts.indices { file.accounts[place].extra = "mode: parallel" }
            try self.write(file, daemon)
            #expect(try await self.plan(daemon) == ["sub-001": "parallel", "sub-002": "parallel"])
            try await daemon.restart()
            try await daemon.waitFor("the file's mode") { $0.accounts.allSatisfy { $0.mode == "parallel" } }

            // What was brought back runs until somebody edits the file.
            #expect(try await daemon.change(["rollback", "--revision", "1"]).code == 0)
            #expect(try await daemon.stop() == 0)
            let path = place.file(daemon.fileName).path
            let words = try await daemon.ask(["plan", path])
            #expect(words.errors.contains("a start runs revision 4"), "\(words.output) \(words.errors)")
            #expect(try await self.plan(daemon) == ["sub-001": "canary", "sub-002": "canary"])
            try await daemon.restart()
            #expect(try await daemon.status().document.accounts.map(\.mode) == ["canary", "canary"])
            #expect(try await daemon.stop() == 0)

            let nobody = try await daemon.ask(["history", "sub-01"])
            #expect(nobody.code == 64 && nobody.errors.contains("sub-001"), "\(nobody.errors)")
        }
    }

    private struct Plan: Decodable {
        struct Account: Decodable {
            let name: String
            let to: String?
        }

        let accounts: [Account]
    }

    /// What each account would be.
    private func plan(_ daemon: Daemon) async throws -> [String: String] {
        let path = daemon.place.file(daemon.fileName).path
        let answer = try await daemon.ask(["plan", path, "--output", "json"])
        let plan = try JSONLines.decoder.decode(Plan.self, from: Data(answer.output.utf8))
        return Dictionary(uniqueKeysWithValues: plan.accounts.map { ($0.name, $0.to ?? "absent") })
    }
}

import Foundation
import Testing

extension EndToEnd {
    /// What cron and scripts see of `status`: it is found without a login session, and its exit code is the answer.
    @Suite struct StatusCodes {}
}

extension EndToEnd.StatusCodes {
    @Test(.timeLimit(.minutes(1)))
    func theInstanceIsFoundWithAnEmptyEnvironment() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            try await daemon.waitUntilHealthy()
            // Whoever asks need not have the secrets, nor a home.
            var file = AccountsFile(exchange)
            for place in file.accounts.indices {
                file.accounts[place].apiKey = "${NOT_IN_CRON_KEY_\(place)}"
                file.accounts[place].apiSecret = "${NOT_IN_CRON_SECRET_\(place)}"
            }
            let config = try place.write(file.text(stateFolder: daemon.stateFolder), to: "cron/accounts.yaml").path
            let ways: [(arguments: [String], environment: [String: String])] = [
                (["--config", config], [:]),
                (["--state-dir", daemon.stateFolder], [:]),
                ([], ["BYBITCTL_STATE_DIR": daemon.stateFolder]),
            ]
            for (arguments, environment) in ways {
                let answer = try await place.run(
                    ["status", "--output", "json"] + arguments,
                    environment: environment,
                    isEmpty: true
                )
                #expect(answer.code == 0 && answer.errors.isEmpty, "\(arguments): \(answer.errors)")
                let document = try JSONLines.decoder.decode(StatusDocument.self, from: Data(answer.output.utf8))
                #expect(document.pid == daemon.process.pid)
                let line = try await place.run(
                    ["status", "--nagios"] + arguments,
                    environment: environment,
                    isEmpty: true
                )
                #expect(line.code == 0 && line.errors.isEmpty, "\(arguments): \(line.errors)")
            }
            // Another folder holds another instance, or none.
            let elsewhere = ["BYBITCTL_STATE_DIR": place.file("nowhere").path]
            let none = try await place.run(["status"], environment: elsewhere, isEmpty: true)
            #expect(none.code == 3 && none.errors.contains(place.file("nowhere").path), "\(none.errors)")
            #expect(try await daemon.stop() == 0)
            for (arguments, environment) in ways {
                let answer = try await place.run(["status"] + arguments, environment: environment, isEmpty: true)
                #expect(answer.code == 3 && answer.output.isEmpty, "\(arguments): \(answer.errors)")
            }
        }
    }

    /// An account in each state, and what `status` says of it.
    private struct Expectation {
        var name: String
        var state: String
        var health: String
        var code: Int32
        /// `--nagios`
        var plugin: Int32 { self.code }
    }

    @Test(.timeLimit(.minutes(2)))
    func everyStateHasItsExitCode() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 9, symbols: 2)
            try await exchange.setFaults([
                "key_state": .object([
                    "sub-002": .string("expired"), "sub-005": .string("expired"), "sub-008": .string("expired"),
                ])
            ])
            var file = AccountsFile(exchange)
            file.stream += ["fallback_after: 2s", "rest_poll_interval: 200ms"]
            file.consumers = ["position_manager: { stop_loss_percent: 4, unprotected_alert_after: 500ms }"]
            file.accounts[1].extra = "enabled: false"
            // Flat, and so unprotected in nothing, but for one.
            try await exchange.open("sub-006", "BTCUSDT", "Buy", "0.5")
            let daemon = try await Daemon.start(file, in: place)
            #expect(try await daemon.change(["rollback", "sub-004", "--to", "rest"]).code == 0)
            #expect(try await daemon.change(["drain", "sub-007"]).code == 0)
            #expect(try await daemon.change(["drain", "sub-008"]).code == 0)
            #expect(try await daemon.change(["disable", "sub-009"]).code == 0)
            try await self.cut("sub-003", exchange)
            try await daemon.waitFor("all states") { document in
                document.account("sub-003")?.state == "fallback" && document.account("sub-006")?.health == "critical"
                    && document.account("sub-005")?.state == "failed"
            }
            let expected = [
                Expectation(name: "sub-001", state: "live", health: "healthy", code: 0),
                Expectation(name: "sub-002", state: "disabled", health: "healthy", code: 0),
                Expectation(name: "sub-003", state: "fallback", health: "degraded", code: 1),
                Expectation(name: "sub-004", state: "live", health: "degraded", code: 1),
                Expectation(name: "sub-005", state: "failed", health: "critical", code: 2),
                Expectation(name: "sub-006", state: "live", health: "critical", code: 2),
                Expectation(name: "sub-007", state: "drained", health: "healthy", code: 0),
                Expectation(name: "sub-008", state: "drained", health: "healthy", code: 0),
                Expectation(name: "sub-009", state: "disabled", health: "healthy", code: 0),
            ]
            for expectation in expected { try await self.check(expectation, daemon) }
            try await self.checkTogether(exchange, daemon)
        }
    }

    private func cut(_ name: String, _ exchange: Exchange) async throws {
        try await exchange.setFaults(["auth": .object(["never": .flag(true), "account": .string(name)])])
        try await exchange.kill("private", account: name)
    }

    private func check(_ expected: Expectation, _ daemon: Daemon) async throws {
        let (code, document) = try await daemon.status([expected.name])
        let account = try #require(document.account(expected.name))
        #expect(account.state == expected.state, "\(expected)")
        #expect(account.health == expected.health, "\(expected)")
        #expect(document.health == expected.health && code == expected.code, "\(expected): \(code)")
        let quiet = try await daemon.ask(["status", expected.name, "--quiet"])
        #expect(quiet.code == expected.code && quiet.output.isEmpty && quiet.errors.isEmpty, "\(expected)")
        #expect(try await daemon.ask(["status", expected.name, "--nagios"]).code == expected.plugin, "\(expected)")
        #expect(try await daemon.ask(["status", expected.name, "--quiet", "--exit-zero"]).code == 0)
    }

    /// The worst one that counts decides; what is drained or disabled never does.
    private func checkTogether(_ exchange: Exchange, _ daemon: Daemon) async throws {
        func code(_ names: String...) async throws -> Int32 {
            try await daemon.ask(["status", "--quiet"] + names).code
        }
        #expect(try await code() == 2)
        #expect(try await code("sub-001", "sub-002", "sub-007", "sub-008", "sub-009") == 0)
        #expect(try await code("sub-001", "sub-003") == 1)
        #expect(try await code("sub-003", "sub-006") == 2)
        // Reconnecting, before REST takes over.
        try await exchange.post("/faults/clear")
        try await exchange.close("sub-006", "BTCUSDT")
        try await daemon.waitFor("the stream again") { $0.account("sub-003")?.private.state == "live" }
        try await self.cut("sub-001", exchange)
        let degraded = try await eventually("a degraded account") {
            let answer = try await daemon.status(["sub-001"])
            return answer.document.account("sub-001")?.state == "degraded" ? answer : nil
        }
        #expect(degraded.code == 1 && degraded.document.health == "degraded")
        for name in ["sub-001", "sub-003", "sub-004"] {
            #expect(try await code() != 0)
            #expect(try await daemon.change(["drain", name]).code == 0)
        }
        #expect(try await daemon.change(["disable", "sub-005"]).code == 0)
        // What is left is well, and that is all that counts.
        try await daemon.waitFor("the flat one") { $0.account("sub-006")?.health == "healthy" }
        #expect(try await code() == 0)
        #expect(try await daemon.change(["drain", "--all"]).code == 0)
        #expect(try await code() == 0)
        daemon.process.send(SIGSTOP)
        #expect(try await code() == 4)
        #expect(try await daemon.ask(["status", "--nagios"]).code == 3)
        daemon.process.send(SIGCONT)
        #expect(try await daemon.stop() == 0)
        #expect(try await code() == 3)
        #expect(try await daemon.ask(["status", "--nagios"]).code == 2)
        #expect(try await daemon.ask(["status", "--quiet", "--exit-zero"]).code == 3)
    }
}

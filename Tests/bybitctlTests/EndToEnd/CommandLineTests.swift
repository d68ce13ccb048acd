import Foundation
import Testing

extension EndToEnd {
    /// What scripts rely on: exit codes and output of the commands.
    @Suite struct CommandLineUse {}
}

extension EndToEnd.CommandLineUse {
    @Test(.timeLimit(.minutes(1)))
    func statusInEveryFormatAndExitCode() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 4)
            try await exchange.open("sub-002", "BTCUSDT", "Sell", "0.5")
            var file = AccountsFile(exchange)
            file.accounts[2].extra = "enabled: false"
            let daemon = try await Daemon.start(file, in: place)
            let waited = try await daemon.ask(["status", "--for", "healthy", "--timeout", "20s", "--output", "name"])
            #expect(waited.code == 0, "\(waited.errors)")
            #expect(waited.output == "sub-001\nsub-002\nsub-003\n")
            try await daemon.event("sub-002", "a mark") { $0.cause == "mark" }

            let (code, document) = try await daemon.status()
            #expect(code == 0)
            #expect(document.schemaVersion == 1)
            #expect(document.pid == daemon.process.pid)
            #expect(document.health == "healthy")
            #expect(document.accounts.map(\.name) == ["sub-001", "sub-002", "sub-003"])
            #expect(document.accounts.map(\.state) == ["live", "live", "disabled"])
            let position = try #require(document.account("sub-002")?.positions?.first)
            #expect(
                position.symbol == "BTCUSDT" && position.side == "Sell" && position.size == "0.5" && !position.stale
            )
            #expect(document.tickers.receiving == 1 && document.tickers.desired == 1)

            let table = try await daemon.ask(["status"])
            #expect(table.code == 0)
            let rows = table.output.split(separator: "\n")
            let heading = try #require(rows.first { $0.hasPrefix("NAME") }, "\(table.output)")
            for name in ["sub-001", "sub-002", "sub-003"] { #expect(rows.contains { $0.hasPrefix(name) }) }
            #expect(!table.output.contains("\u{1B}"))
            let wide = try await daemon.ask(["status", "sub-002", "--output", "wide"])
            #expect(wide.code == 0 && wide.output.contains("BTCUSDT"), "\(wide.output)")
            let wideHeading = try #require(wide.output.split(separator: "\n").first { $0.hasPrefix("NAME") })
            #expect(wideHeading.count > heading.count)

            let quiet = try await daemon.ask(["status", "--quiet"])
            #expect(quiet.code == 0 && quiet.output.isEmpty && quiet.errors.isEmpty)
            let nagios = try await daemon.ask(["status", "--nagios"])
            #expect(nagios.code == 0)
            #expect(nagios.output.split(separator: "\n").count == 1 && nagios.output.contains("|"), "\(nagios.output)")

            let unknown = try await daemon.ask(["status", "sub-02"])
            #expect(unknown.code == 64)
            #expect(unknown.errors.contains("sub-002"), "near names are shown: \(unknown.errors)")
            #expect(try await daemon.ask(["status", "--outptu", "json"]).code == 64)
            let never = try await daemon.ask(["status", "sub-001", "--for", "failed", "--timeout", "500ms"])
            #expect(never.code == 124)
            #expect(never.errors.contains("sub-001: live"), "what is pending is shown: \(never.errors)")

            try await self.whatTheWorldLooksLikeWhenItIsSick(exchange, daemon)
        }
    }

    private func whatTheWorldLooksLikeWhenItIsSick(_ exchange: Exchange, _ daemon: Daemon) async throws {
        // Upgrades are refused, so an account that loses its socket stays without.
        try await exchange.setFaults(["refuse_upgrades": .object(["status": .number(502)])])
        try await exchange.kill("private", account: "sub-001")
        let degraded = try await daemon.waitFor("degradation") { $0.health == "degraded" }
        #expect(degraded.accounts.first?.name == "sub-001", "worst first")
        #expect(try await daemon.ask(["status", "--quiet"]).code == 1)
        #expect(try await daemon.ask(["status", "--quiet", "--exit-zero"]).code == 0)
        #expect(try await daemon.ask(["status", "sub-002", "--quiet"]).code == 0)
        #expect(try await daemon.ask(["status", "--nagios"]).code == 1)
        try await exchange.post("/faults/clear")
        #expect(try await daemon.ask(["status", "--for", "healthy", "--timeout", "20s", "--quiet"]).code == 0)
        // A daemon that does not answer is neither healthy nor gone.
        daemon.process.send(SIGSTOP)
        let silent = try await daemon.ask(["status"])
        #expect(silent.code == 4, "\(silent.errors)")
        daemon.process.send(SIGCONT)
        #expect(try await daemon.stop() == 0)
        #expect(try await daemon.ask(["status"]).code == 3)
        #expect(try await daemon.ask(["status", "--nagios"]).code == 2)
        #expect(try await daemon.ask(["events"]).code == 3)
    }

    @Test(
        .timeLimit(.minutes(1)),
        arguments: [
            ["--help"], ["-h"], ["help"], [], ["help", "drain"], ["start", "--help"], ["status", "-h"],
            ["promote", "--help"], ["history", "--help"],
        ]
    )
    func helpIsShown(arguments: [String]) async throws {
        try await Workplace.with { place in
            let answer = try await place.run(arguments)
            #expect(answer.code == 0 && answer.errors.isEmpty, "\(answer.errors)")
            #expect(answer.output.contains("USAGE: bybitctl"), "\(answer.output)")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func eventsFollowFilterAndEnd() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 4)
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            try await daemon.waitUntilHealthy()
            let base = ["--state-dir", daemon.stateFolder]
            let lifecycle = try place.start(
                ["events", "--account", "sub-001", "--cause", "opened", "--count", "2"] + base
            )
            let table = try place.start(["events", "--symbol", "ETHUSDT", "--output", "table", "--count", "3"] + base)
            let endless = try place.start(["events"] + base)
            // A follower sees what happens after it came; so trade until each has come.
            for size in 1...200 {
                try await exchange.open("sub-001", "ETHUSDT", "Buy", "\(size)")
                try await exchange.close("sub-001", "ETHUSDT")
                try await exchange.open("sub-002", "BTCUSDT", "Sell", "0.001")
                let isDone = try await eventually("followers") {
                    let hasCome = !lifecycle.isRunning && !table.isRunning && endless.lines.count > 5
                    let isTold = daemon.eventText("sub-001").components(separatedBy: "\"closed\"").count > size
                    return hasCome || isTold ? hasCome : nil
                }
                if isDone { break }
            }
            #expect(try await lifecycle.exitCode() == 0)
            let opened = try JSONLines.decode(EventLine.self, from: Data(lifecycle.output.utf8))
            #expect(opened.map(\.cause) == ["opened", "opened"])
            #expect(opened.map(\.account) == ["sub-001", "sub-001"])
            #expect(opened[0].n < opened[1].n)
            #expect(try await table.exitCode() == 0)
            #expect(table.lines.count >= 3 && table.lines.last?.contains("ETHUSDT") == true, "\(table.output)")
            #expect(!table.output.contains("{"))

            // Recorded events come again on demand, as the file has them; only marks are not kept.
            let again = try await daemon.ask(["events", "--account", "sub-001", "--since", "10m", "--count", "3"])
            #expect(again.code == 0)
            let kept = daemon.eventText("sub-001").split(separator: "\n").filter { !$0.contains("\"cause\":\"mark\"") }
            #expect(again.output.split(separator: "\n") == Array(kept.prefix(3)))
            #expect(try await daemon.ask(["events", "--cause", "openend"]).code == 64)

            endless.send(SIGINT)
            #expect(try await endless.exitCode() == 128 + SIGINT)
            let last = try place.start(["events"] + base)
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(20)])
            try await eventually("the follower's first line") { !last.lines.isEmpty }
            #expect(try await daemon.stop() == 0)
            #expect(try await last.exitCode() == 0)
            #expect(last.output.hasSuffix("\n"))
            #expect(last.errors.contains("the instance stopped"))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func brokenFilesAreRefusedAtTheirPlaceAndNothingStarts() async throws {
        try await Workplace.with { place in
            let broken: [(name: String, text: String, place: String, words: String)] = [
                ("key", "version: 1\nexchange: { environment: simulator }\nacounts: []\n", "3:1", "accounts"),
                (
                    "duration",
                    "version: 1\nexchange: { environment: simulator }\nstream:\n  ping_interval: 20\n"
                        + "accounts:\n  - name: a\n",
                    "4:18", "unit"
                ),
                (
                    "twice",
                    "version: 1\nexchange: { environment: simulator }\naccounts:\n  - name: a\n  - name: a\n",
                    "5:11", "a"
                ),
                (
                    "plain",
                    "version: 1\nexchange:\n  environment: custom\n  endpoints:\n    public_ws: ws://203.0.113.1/v5\n"
                        + "accounts:\n  - name: a\n",
                    "5:16", "encrypted"
                ),
                ("yaml", "version: 1\nexchange: { environment: simulator\naccounts: []\n", "3:9", "YAML"),
            ]
            for (name, text, location, words) in broken {
                let file = try place.write(text, to: "\(name).yaml").path
                let result = try await place.run(["validate", file])
                #expect(result.code == 78, "\(name)")
                #expect(result.output.contains("\(name).yaml:\(location)"), "\(name): \(result.output)")
                #expect(result.output.contains(words), "\(name): \(result.output)")
                let start = try await place.run(["start", file, "--state-dir", place.file("state").path])
                #expect(start.code == 78, "\(name)")
                #expect(start.errors.contains("\(name).yaml:\(location)"), "\(name): \(start.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: place.file("state/default/control.sock").path))

            // A secret that others may read is a matter of permissions alone.
            try place.write("k", to: "a.key")
            try place.write("s", to: "a.secret", mode: 0o644)
            let open = try place.write(
                "version: 1\nexchange:\n  environment: custom\n  endpoints:\n    public_ws: ws://127.0.0.1:9\n"
                    + "    private_ws: ws://127.0.0.1:9\n    rest: http://127.0.0.1:9\n"
                    + "strategies: { plain: { aged_monitor: { max_age: 3h } } }\naccounts:\n"
                    + "  - name: a\n    enabled: true\n    mode: hybrid\n    strategy: plain\n"
                    + "    credentials: { api_key_file: a.key, api_secret_file: a.secret }\n",
                to: "open.yaml"
            ).path
            #expect(try await place.run(["validate", open]).code == 77)
            #expect(try await place.run(["start", open, "--state-dir", place.file("state").path]).code == 77)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func twoThousandAccountsAreAValidFile() async throws {
        try await Workplace.with { place in
            var text =
                "version: 1\nexchange: { environment: testnet }\nstrategies: { plain: { aged_monitor: { max_age: 3h } } }\n"
            text += "defaults: { strategy: plain }\naccounts:\n"
            for number in 1...2000 {
                text +=
                    "  - { name: sub-\(number), credentials: { api_key: key\(number), api_secret: secret\(number) } }\n"
            }
            let file = try place.write(text, to: "accounts.yaml").path
            let result = try await place.run(["validate", file])
            #expect(result.code == 0, "\(result.output.prefix(500))")
            #expect(result.output.contains("2000") || result.output.contains("2,000"), "\(result.output.suffix(200))")
        }
    }
}

import ArgumentParser
import Orchestrator
import Testing

@testable import bybitctl

@Suite struct ParsingTests {
    private func parse<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws -> Command {
        let command = try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments))
        return try #require(command as? Command)
    }

    private func exitCode(_ arguments: String...) -> Int32 {
        do {
            _ = try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments))
            return 0
        } catch {
            return Bybitctl.exitCode(for: error).rawValue
        }
    }

    @Test func watchMayStandAlone() throws {
        #expect(try self.parse(StatusCommand.self, "status", "--watch").watch == 2)
        #expect(try self.parse(StatusCommand.self, "status", "--watch", "0.5").watch == 0.5)
        let named = try self.parse(StatusCommand.self, "status", "--watch", "sub-001")
        #expect(named.watch == 2)
        #expect(named.names == ["sub-001"])
        #expect(try self.parse(StatusCommand.self, "status", "--watch=5", "a").watch == 5)
        #expect(CommandLineText.normalized(["status", "--", "--watch"]) == ["status", "--", "--watch"])
    }

    @Test func statusGoals() throws {
        #expect(try self.parse(StatusCommand.self, "status", "--for", "healthy").goal == .healthy)
        let command = try self.parse(StatusCommand.self, "status", "a", "--for", "live", "--timeout", "90s")
        #expect(command.goal == .state(.live))
        #expect(command.timeout?.duration == .seconds(90))
        #expect(command.names == ["a"])
    }

    @Test(arguments: [
        ["status", "--for", "happy"], ["status", "--timeout", "5s"], ["status", "--watch", "--for", "live"],
        ["status", "--output", "yaml"], ["status", "--nagios", "--watch"], ["status", "--watch=0"],
        ["status", "--bogus"],
        ["events", "--cause", "opend"], ["events", "--count", "0"], ["events", "--tail", "-1"],
        ["events", "--since", "yesterday"], ["start"], ["start", "--mode", "turbo", "a.yaml"],
        ["simulate", "--tls", "x"],
        ["simulate", "--port", "70000"], ["completions", "tcsh"], ["validate"], ["nonsense"],
    ])
    func usageErrors(arguments: [String]) {
        do {
            _ = try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments))
            Issue.record("accepted")
        } catch {
            #expect(Bybitctl.exitCode(for: error).rawValue == 64)
        }
    }

    @Test func helpIsNoError() {
        #expect(self.exitCode("--help") == 0)
        #expect(self.exitCode("--version") == 0)
        #expect(self.exitCode("status", "--help") == 0)
    }

    @Test func aCauseThatIsNearlyRight() {
        do {
            _ = try Bybitctl.parseAsRoot(["events", "--cause", "opend"])
            Issue.record("accepted")
        } catch {
            #expect(Bybitctl.fullMessage(for: error).contains("did you mean opened?"))
        }
    }

    @Test func followRequest() throws {
        let command = try self.parse(
            EventsCommand.self,
            "events",
            "--account",
            "a",
            "--account",
            "b",
            "--symbol",
            "btcusdt",
            "--cause",
            "mark",
            "--shadow",
            "--since",
            "10m",
            "-n",
            "3",
            "--count",
            "7"
        )
        #expect(
            command.request(now: Timestamp(milliseconds: 1_000_000))
                == FollowRequest(
                    accounts: ["a", "b"],
                    symbols: ["BTCUSDT"],
                    causes: ["mark"],
                    shadow: true,
                    sinceMilliseconds: 400_000,
                    tail: 3
                )
        )
        #expect(command.count == 7)
    }

    @Test func startTakesItsFileAnywhere() throws {
        let first = try self.parse(StartCommand.self, "start", "accounts.yaml", "--account", "a", "b", "--dry-run")
        #expect(first.file == "accounts.yaml")
        #expect(first.account == ["a", "b"])
        let last = try self.parse(StartCommand.self, "start", "--mode", "rest", "--account", "a", "b", "accounts.yaml")
        #expect(last.file == "accounts.yaml")
        #expect(last.account == ["a", "b"])
        #expect(
            first.childArguments("accounts.yaml") == [
                "start", "accounts.yaml", "--ready-descriptor", "3", "--account", "a", "--account", "b", "--dry-run",
            ]
        )
        #expect(last.statusCommand("my accounts.yaml") == "bybitctl status --config 'my accounts.yaml'")
    }

    @Test func simulateOptions() throws {
        let command = try self.parse(
            SimulateCommand.self,
            "simulate",
            "--accounts",
            "3",
            "--symbols",
            "5",
            "--seed",
            "9",
            "--activity",
            "none",
            "--port",
            "8100",
            "--tls",
            "cert.pem",
            "key.pem"
        )
        let options = command.options()
        #expect(options.accounts == ["sub-001", "sub-002", "sub-003"])
        #expect(options.symbols == 5)
        #expect(options.seed == 9)
        #expect(options.activity == .none)
        #expect(options.port == 8100)
        #expect(options.tls?.certificate == "cert.pem")
        #expect(SimulateCommand.names(1000).last == "sub-1000")
        #expect(SimulateCommand.names(1000).first == "sub-0001")
    }

    @Test(
        arguments: [
            ("250ms", 250), ("5s", 5000), ("10m", 600_000), ("3h", 10_800_000), ("2d", 172_800_000), ("5", nil),
            ("", nil),
            ("s", nil), ("5 s", nil), ("-5s", nil), ("99999999999999999999d", nil), ("5S", nil),
        ] as [(String, Int64?)]
    )
    func durations(text: String, milliseconds: Int64?) {
        #expect(DurationText(argument: text)?.milliseconds == milliseconds)
    }

    @Test(
        arguments: [
            ("10m", 400_000), ("1970-01-01T00:00:01Z", 1000), ("1234", 1234), ("x", nil),
        ] as [(String, Int64?)]
    )
    func since(text: String, milliseconds: Int64?) {
        #expect(Since(argument: text)?.milliseconds(now: 1_000_000) == milliseconds)
    }

    @Test func completionsExist() {
        #expect(Bybitctl.completionScript(for: .bash).contains("_bybitctl"))
    }
}

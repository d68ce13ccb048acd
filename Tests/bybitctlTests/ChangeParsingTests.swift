import ArgumentParser
import Orchestrator
import Testing

@testable import bybitctl

/// The command lines of everything that changes what runs.
@Suite struct ChangeParsingTests {
    private func parse<Command: ParsableCommand>(_ type: Command.Type, _ arguments: String...) throws -> Command {
        try #require(try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments)) as? Command)
    }

    @Test func promote() throws {
        let one = try self.parse(PromoteCommand.self, "promote", "a", "b", "a", "--force", "--reason", "why").request
        #expect(one.command == .promote && one.accounts == ["a", "b"] && one.isForced && one.reason == "why")
        #expect(one.timeoutMilliseconds == 60_000 && !one.isForAll && !one.isInWaves)
        let all = try self.parse(PromoteCommand.self, "promote", "--all", "--timeout", "5m").request
        #expect(all.isForAll && all.accounts.isEmpty && all.timeoutMilliseconds == 300_000)
        let waves = try self.parse(PromoteCommand.self, "promote", "--waves").request
        #expect(waves.isInWaves && !waves.isForAll && waves.timeoutMilliseconds == 86_400_000)
        #expect(
            try self.parse(PromoteCommand.self, "promote", "--waves", "--timeout", "1h").request.timeoutMilliseconds
                == 3_600_000
        )
    }

    @Test func rollback() throws {
        let one = try self.parse(RollbackCommand.self, "rollback", "a", "--to", "rest").request
        #expect(one.command == .rollback && one.accounts == ["a"] && one.mode == .rest && one.revision == nil)
        let whole = try self.parse(RollbackCommand.self, "rollback", "--revision", "7").request
        #expect(whole.revision == 7 && whole.accounts.isEmpty && !whole.isForAll)
    }

    @Test func drain() throws {
        let usual = try self.parse(DrainCommand.self, "drain", "a")
        #expect(usual.wait && usual.request.timeoutMilliseconds == 30_000 && usual.request.command == .drain)
        let begun = try self.parse(DrainCommand.self, "drain", "--all", "--no-wait")
        #expect(!begun.wait && begun.request.timeoutMilliseconds == 0 && begun.request.isForAll)
        #expect(
            try self.parse(DrainCommand.self, "drain", "a", "--wait", "--timeout", "2s").request.timeoutMilliseconds
                == 2_000
        )
    }

    @Test func theOthers() throws {
        #expect(try self.parse(ResumeCommand.self, "resume", "a").request.command == .resume)
        #expect(try self.parse(EnableCommand.self, "enable", "a").request.command == .enable)
        let disable = try self.parse(DisableCommand.self, "disable", "--all", "--output", "json", "--reason", "r")
        #expect(disable.request.command == .disable && disable.request.isForAll && disable.request.reason == "r")
        #expect(disable.options.output == .json)
        let apply = try self.parse(ApplyCommand.self, "apply", "a.yaml", "--instance", "night")
        #expect(apply.file == "a.yaml" && apply.request.command == .apply && apply.request.file == nil)
        #expect(apply.options.instance.instance == "night")
        #expect(try self.parse(ApplyCommand.self, "apply").file == nil)
        let plan = try self.parse(PlanCommand.self, "plan", "--output", "json", "--config", "b.yaml")
        #expect(plan.file == nil && plan.output == .json && plan.instance.config == "b.yaml")
    }

    @Test func aFileSaysWhereItsInstanceIsUnlessAnotherIsNamed() throws {
        let place = ["--state-dir", "/s", "--instance"]
        let plan = try #require(try Bybitctl.parseAsRoot(["plan", "/no/such.yaml"] + place + ["n"]) as? PlanCommand)
        // Both are given, so the file is not even read.
        #expect(try plan.instance.location(of: plan.file).controlSocket == "/s/n/control.sock")
        let unsure = try self.parse(PlanCommand.self, "plan", "/no/such.yaml")
        #expect(throws: InstanceError.self) { try unsure.instance.location(of: unsure.file) }
    }

    @Test(arguments: [
        ["promote"], ["rollback"], ["drain"], ["resume"], ["enable"], ["disable"], ["promote", "a", "--all"],
        ["drain", "a", "--all"], ["promote", "a", "--waves"], ["promote", "a", "--to", "rest"],
        ["rollback", "a", "--force"], ["rollback", "a", "--to", "turbo"], ["rollback", "a", "--to", "hybrid"],
        ["rollback", "a", "--revision", "3"], ["rollback", "--all", "--revision", "3"],
        ["rollback", "--revision", "0"],
        ["rollback", "--revision", "3", "--to", "rest"], ["rollback", "--to", "rest"],
        ["drain", "a", "--timeout", "30"], ["drain", "a", "--timeout", "2d"],
        ["drain", "a", "--no-wait", "--timeout", "3s"], ["resume", "a", "--wait"],
        ["enable", "a", "--output", "table"],
        ["apply", "a.yaml", "b.yaml"], ["apply", "--all"], ["plan", "a", "b"], ["plan", "--output", "yaml"],
        ["disable", "a", "--reason", "one\ntwo"],
    ])
    func usageErrors(arguments: [String]) {
        do {
            _ = try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments))
            Issue.record("accepted")
        } catch {
            #expect(Bybitctl.exitCode(for: error).rawValue == 64)
        }
    }

    @Test(arguments: [
        "promote", "rollback", "drain", "resume", "enable", "disable", "apply", "plan", "history",
    ])
    func helpSaysTheExitCodesAndCompletionsKnowIt(command: String) throws {
        let type = try #require(Bybitctl.configuration.subcommands.first { $0.configuration.commandName == command })
        #expect(Bybitctl.helpMessage(for: type).contains("Exit codes: 0"))
        for shell in [CompletionShell.bash, .zsh, .fish] {
            #expect(Bybitctl.completionScript(for: shell).contains(command))
        }
    }
}

import ArgumentParser
import Orchestrator

/// The program's commands.
struct Bybitctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bybitctl",
        abstract: "Keeps a hybrid stream of positions and prices alive for every Bybit account of a file.",
        discussion: """
            Exit codes: 0 done or healthy, 1 failed, refused, degraded, or differences found, 2 critical, 3 not running, 4 no answer in time, \
            64 usage, 75 another instance runs, 77 permission, 78 configuration, 124 a wait timed out, \
            128+n ended by signal n.
            """,
        version: "bybitctl \(BybitctlVersion.current)",
        subcommands: [
            StartCommand.self, StatusCommand.self, EventsCommand.self, HistoryCommand.self, PlanCommand.self,
            ApplyCommand.self, PromoteCommand.self, RollbackCommand.self, DrainCommand.self, ResumeCommand.self,
            EnableCommand.self, DisableCommand.self, ReplayCommand.self, ValidateCommand.self, SchemaCommand.self,
            SimulateCommand.self, VersionCommand.self, CompletionsCommand.self,
        ]
    )
}

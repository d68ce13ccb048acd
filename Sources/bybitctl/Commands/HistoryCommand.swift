import ArgumentParser
import NIOCore
import Orchestrator

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Shows who changed what, when and why; with --actions what consumers did at the exchange.",
        discussion: """
            Every applied file and every promote, rollback, drain, resume, enable and disable is a revision; so is what \
            the daemon does by itself (auto-rollback). From the running instance; if it does not run, from the store \
            that it has left. The newest comes last. `rollback --revision N` brings a former file back.

            Exit codes: 0 done (also if there is nothing to show), 3 not running and no store, 4 no answer in time, \
            64 no such account or revision.
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json
    }

    /// So many without `-n` and `--since`.
    static let usualCount = 50

    @Argument(help: "Only these accounts.")
    var names: [String] = []

    @Flag(help: "Actions of consumers instead: stops, trailing stops, closes.")
    var actions = false

    @Option(help: ArgumentHelp("Only this revision, with every changed key.", valueName: "number"))
    var revision: Int?

    @Option(
        help: ArgumentHelp(
            "Only what happened since then: 2h, 2026-01-02T03:04:05Z, or milliseconds.",
            valueName: "when"
        )
    )
    var since: Since?

    @Option(
        name: [.customShort("n"), .customLong("count")],
        help: ArgumentHelp(
            "At most so many, the newest (default: \(HistoryCommand.usualCount); with --since all).",
            valueName: "number"
        )
    )
    var count: Int?

    @Option(name: .shortAndLong, help: "table or json.")
    var output: Format = .table

    @OptionGroup var instance: InstanceOptions

    private var most: Int { self.actions ? ControlClient.mostActions : ControlClient.mostRevisions }

    func validate() throws {
        if let count = self.count, !(1...self.most).contains(count) {
            throw ValidationError("-n takes 1 to \(self.most)")
        }
        guard let revision = self.revision else { return }
        guard revision >= 1 else { throw ValidationError("--revision takes a number from 1 on") }
        guard !self.actions, self.names.isEmpty, self.since == nil, self.count == nil else {
            throw ValidationError("--revision shows one revision; it goes with no names, --actions, --since or -n")
        }
    }

    private var limit: Int {
        self.count ?? (self.since == nil ? HistoryCommand.usualCount : self.most)
    }

    func actionsRequest(now: Timestamp) -> ActionsRequest {
        ActionsRequest(
            accounts: self.names,
            sinceMilliseconds: self.since?.milliseconds(now: now.milliseconds),
            limit: self.limit
        )
    }

    func revisionsRequest(now: Timestamp) -> RevisionsRequest {
        RevisionsRequest(
            accounts: self.names,
            sinceMilliseconds: self.since?.milliseconds(now: now.milliseconds),
            limit: self.limit,
            number: self.revision
        )
    }

    func run() async throws {
        let location = try self.instance.location()
        let source = HistorySource(location: location, offline: .current)
        if self.actions {
            try self.show(actions: try await source.actions(self.actionsRequest(now: .current)))
        } else {
            try self.show(revisions: try await source.revisions(self.revisionsRequest(now: .current)))
        }
    }

    private func show(actions json: ByteBuffer) throws {
        switch self.output {
        case .json:
            try StandardOutput.write(String(buffer: json) + "\n")
        case .table:
            let report = try HistorySource.read { try ActionsReport(json: json) }
            try StandardOutput.write(ActionTable(report: report, terminal: .standardOutput).text())
            if report.actions.isEmpty { StandardError.write("bybitctl: no action is recorded\n") }
        }
    }

    private func show(revisions json: ByteBuffer) throws {
        let report = try HistorySource.read { try RevisionsReport(json: json) }
        if let revision = self.revision, report.revisions.isEmpty {
            throw CommandError(.usage, "there is no revision \(revision); bybitctl history lists those there are")
        }
        switch self.output {
        case .json:
            try StandardOutput.write(String(buffer: json) + "\n")
        case .table:
            let table = RevisionTable(report: report, terminal: .standardOutput)
            try StandardOutput.write(self.revision == nil ? table.text() : table.details())
            if report.revisions.isEmpty { StandardError.write("bybitctl: no revision is recorded\n") }
        }
    }
}

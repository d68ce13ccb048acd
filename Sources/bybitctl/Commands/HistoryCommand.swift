import ArgumentParser
import NIOCore
import Orchestrator

struct HistoryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Shows what consumers have asked the exchange for, and what became of it.",
        discussion: """
            From the running instance; if it does not run, from the store that it has left. The newest comes last. \
            Exit codes: 0 done (also if there is nothing to show), 3 not running and no store, 4 no answer in time, \
            64 no such account.
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json
    }

    /// So many without `-n` and `--since`.
    static let usualCount = 50

    @Argument(help: "Only these accounts.")
    var names: [String] = []

    @Flag(help: "Actions of consumers: stops, trailing stops, closes.")
    var actions = false

    @Option(
        help: ArgumentHelp(
            "Only those decided since then: 2h, 2026-01-02T03:04:05Z, or milliseconds.",
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

    func validate() throws {
        guard self.actions else {
            throw ValidationError(
                "only `history --actions` is there in this version: revisions of the accounts file are not recorded yet"
            )
        }
        if let count = self.count, !(1...ControlClient.mostActions).contains(count) {
            throw ValidationError("-n takes 1 to \(ControlClient.mostActions)")
        }
    }

    func request(now: Timestamp) -> ActionsRequest {
        ActionsRequest(
            accounts: self.names,
            sinceMilliseconds: self.since?.milliseconds(now: now.milliseconds),
            limit: self.count ?? (self.since == nil ? HistoryCommand.usualCount : ControlClient.mostActions)
        )
    }

    func run() async throws {
        let json = try await self.answer(try self.instance.location(), self.request(now: .current))
        switch self.output {
        case .json:
            try StandardOutput.write(String(buffer: json) + "\n")
        case .table:
            let report: ActionsReport
            do {
                report = try ActionsReport(json: json)
            } catch {
                throw CommandError(.failed, "the instance's answer cannot be read: \(error)")
            }
            try StandardOutput.write(ActionTable(report: report, terminal: .standardOutput).text())
            if report.actions.isEmpty { StandardError.write("bybitctl: no action is recorded\n") }
        }
    }

    /// The bytes of a report.
    private func answer(_ location: InstanceLocation, _ request: ActionsRequest) async throws -> ByteBuffer {
        do {
            return try await ControlClient.with(location) { try await $0.actions(request) }
        } catch let error as ControlClientError where error.code == .notRunning {
            guard let report = try location.storedActions(request) else {
                throw CommandError(.notRunning, "\(error.message), and it has left no store at \(location.storeFile)")
            }
            return report.json()
        }
    }
}

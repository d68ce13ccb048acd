import ArgumentParser
import HybridStream
import NIOCore
import Orchestrator

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Follows the merged events of a running instance.",
        discussion: "One event per line until interrupted, --count is reached, or the instance stops."
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case jsonl, table
    }

    @Option(help: ArgumentHelp("Only this account; may be repeated.", valueName: "name"))
    var account: [String] = []

    @Option(help: ArgumentHelp("Only this symbol; may be repeated.", valueName: "symbol"))
    var symbol: [String] = []

    @Option(
        help: ArgumentHelp(
            "Only this cause, such as opened or mark, or this other event, such as action or alert; may be repeated.",
            valueName: "cause"
        )
    )
    var cause: [String] = []

    @Option(name: .shortAndLong, help: "jsonl or table.")
    var output: Format = .jsonl

    @Flag(help: "Also events that no consumer sees (mode canary).")
    var shadow = false

    @Option(
        help: ArgumentHelp(
            "Begin with recorded events since then: 10m, 2026-01-02T03:04:05Z, or milliseconds.",
            valueName: "when"
        )
    )
    var since: Since?

    @Option(
        name: [.long, .customShort("n")],
        help: ArgumentHelp("Begin with so many recent recorded events.", valueName: "number")
    )
    var tail: Int?

    @Option(help: ArgumentHelp("Exit after so many events.", valueName: "number"))
    var count: Int?

    @OptionGroup var instance: InstanceOptions

    func validate() throws {
        if let tail = self.tail, !(0...100_000).contains(tail) { throw ValidationError("--tail takes 0 to 100000") }
        if let count = self.count, count < 1 { throw ValidationError("--count takes a number from 1 on") }
        let causes = EventKinds.names
        for cause in self.cause where !causes.contains(cause) {
            let near = NearNames.of(cause, among: causes)
            let hint =
                near.isEmpty
                ? "one of \(causes.joined(separator: ", "))" : "did you mean \(near.joined(separator: ", "))?"
            throw ValidationError("no event has the cause '\(cause)'; \(hint)")
        }
    }

    func request(now: Timestamp) -> FollowRequest {
        FollowRequest(
            accounts: self.account,
            symbols: self.symbol.map { $0.uppercased() },
            causes: self.cause,
            shadow: self.shadow,
            sinceMilliseconds: self.since?.milliseconds(now: now.milliseconds),
            tail: self.tail
        )
    }

    func run() async throws {
        let location = try self.instance.location()
        let request = self.request(now: .current)
        var printer = EventPrinter(
            table: self.output == .table ? EventTable(terminal: .standardOutput) : nil,
            limit: self.count
        )
        try StandardOutput.write(printer.heading())
        let isEnded = try await ControlClient.with(location) { [printer] client in
            var printer = printer
            return try await client.events(request) { chunk in
                let (text, isDone) = printer.take(chunk)
                try StandardOutput.write(text)
                return !isDone
            }
        }
        guard isEnded else { return }
        guard self.count == nil else {
            throw CommandError(.notRunning, "the instance stopped before --count was reached")
        }
        StandardError.write("bybitctl: the instance stopped; its stream of events has ended\n")
    }
}

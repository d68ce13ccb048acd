import ArgumentParser
import Foundation
import NIOCore
import Orchestrator

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows how the accounts of a running instance are, worst first.",
        discussion: """
            The exit code is the answer for scripts: 0 all enabled accounts healthy, 1 degraded, 2 critical, \
            3 not running, 4 no answer in time, 64 no such account, 124 --for was not reached in time.
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case json, table, wide, name
    }

    @Argument(help: "Only these accounts.")
    var names: [String] = []

    @Option(name: .shortAndLong, help: "table, wide (every figure), json, or name (names only).")
    var output: Format = .table

    @Option(help: ArgumentHelp("Repeats every so many seconds (alone: 2).", valueName: "seconds"))
    var watch: Double?

    @Flag(name: .shortAndLong, help: "Prints nothing; the exit code says it.")
    var quiet = false

    @Option(
        name: .customLong("for"),
        help: ArgumentHelp(
            "Waits until all are in this state: healthy, or one of \(StatusGoal.stateNames).",
            valueName: "state"
        )
    )
    var goal: StatusGoal?

    @Option(help: ArgumentHelp("How long --for waits, such as 30s.", valueName: "duration"))
    var timeout: DurationText?

    @Flag(help: "Prints one line with performance data, and exits as a Nagios plugin does.")
    var nagios = false

    @Flag(help: "Exits 0 whatever the health, if the question could be asked.")
    var exitZero = false

    @OptionGroup var instance: InstanceOptions

    func validate() throws {
        if let watch = self.watch, !(0.1...86_400).contains(watch) {
            throw ValidationError("--watch takes 0.1 to 86400 seconds")
        }
        if self.timeout != nil, self.goal == nil { throw ValidationError("--timeout belongs to --for") }
        if self.watch != nil, self.goal != nil { throw ValidationError("--watch and --for exclude each other") }
        if self.nagios, self.watch != nil || self.goal != nil {
            throw ValidationError("--nagios asks once; it goes with neither --watch nor --for")
        }
    }

    func run() async throws {
        if self.nagios {
            try await self.runNagios()
            return
        }
        let location = try self.instance.location()
        if let goal = self.goal {
            let waiter = StatusWaiter(location: location, names: self.names, goal: goal)
            let status = try await waiter.wait(timeout: self.timeout?.duration ?? StatusWaiter.defaultTimeout)
            if !self.quiet { try StandardOutput.write(try self.render(status, .standardOutput)) }
            return
        }
        if let seconds = self.watch {
            try await self.repeatedly(location, every: .milliseconds(Int64(seconds * 1000)))
            return
        }
        let status = try await self.fetch(location)
        if !self.quiet { try StandardOutput.write(try self.render(status, .standardOutput)) }
        throw self.exitZero ? .done : ExitStatus(status.health)
    }

    private func fetch(_ location: InstanceLocation) async throws -> ControlClient.Status {
        // A table of the whole fleet needs counts only; positions are most of the bytes.
        let includePositions = self.output == .json || (!self.names.isEmpty && self.output != .name && !self.quiet)
        return try await ControlClient.with(location) { client in
            try await client.status(includePositions: includePositions, accounts: self.names)
        }
    }

    /// What goes to standard output.
    func render(_ status: ControlClient.Status, _ terminal: Terminal) throws -> String {
        switch self.output {
        case .json:
            return String(buffer: status.bytes) + "\n"
        case .name:
            return try status.report().accounts.map { $0.name + "\n" }.joined()
        case .table, .wide:
            let table = StatusTable(report: try status.report(), terminal: terminal, now: .current)
            // Of a whole fleet the gates would be a page.
            let parts = [table.drains(), table.positions(), self.names.isEmpty ? "" : table.gates()]
            return table.text(isWide: self.output == .wide) + parts.filter { !$0.isEmpty }.map { "\n" + $0 }.joined()
        }
    }

    /// Until a signal ends the process. An instance that goes away is shown as such, and found again.
    private func repeatedly(_ location: InstanceLocation, every pause: Duration) async throws {
        let terminal = Terminal.standardOutput
        while true {
            var text: String
            do {
                text = try self.render(try await self.fetch(location), terminal)
            } catch let error as ControlClientError where error.code != .refused {
                if !terminal.isInteractive {
                    StandardError.write(CommandError(error).text)
                    text = ""
                } else {
                    text = CommandError(error).text
                }
            }
            if !self.quiet {
                // Home, the text with each line's old rest erased, then everything below it erased.
                let isRedrawn = terminal.isInteractive && self.output != .json
                try StandardOutput.write(
                    isRedrawn ? "\u{1B}[H" + text.replacing("\n", with: "\u{1B}[K\n") + "\u{1B}[J" : text
                )
            }
            try await Task.sleep(for: pause)
        }
    }

    private func runNagios() async throws {
        do {
            let location = try self.instance.location()
            let status = try await ControlClient.with(location) { client in
                try await client.status(includePositions: false, accounts: self.names)
            }
            try StandardOutput.write(NagiosLine.text(try status.report()))
            throw self.exitZero ? .done : ExitStatus(status.health).nagios
        } catch let status as ExitStatus {
            throw status
        } catch let closed as OutputClosed {
            throw closed
        } catch {
            let failure = CommandError(error)
            try StandardOutput.write(NagiosLine.text(failure))
            throw failure.status.nagios
        }
    }
}

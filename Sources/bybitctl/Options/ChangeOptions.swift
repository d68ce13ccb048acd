import ArgumentParser
import Orchestrator

/// What every command that changes something takes.
struct ChangeOptions: ParsableArguments {
    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    @Option(help: ArgumentHelp("Why; kept in the history.", valueName: "text"))
    var reason = ""

    @Option(
        help: ArgumentHelp(
            """
            How long to wait for the outcome, such as 5m (default: 1m, of a drain 30s); after it the exit code is 124, \
            and the change goes on.
            """,
            valueName: "duration"
        )
    )
    var timeout: DurationText?

    @Option(name: .shortAndLong, help: "text (a line per account) or json.")
    var output: Format = .text

    @OptionGroup var instance: InstanceOptions

    /// - Parameter time: how long to wait if nobody says.
    func complete(_ request: ChangeRequest, time: DurationText) -> ChangeRequest {
        var request = request
        request.reason = self.reason
        request.timeoutMilliseconds = (self.timeout ?? time).milliseconds
        return request
    }

    /// Twice the time in which a new source of prices has to prove itself.
    static let usualTime = DurationText(milliseconds: 60_000)
}

extension ChangeRequest {
    /// - Throws: a usage error if nobody could carry it out.
    func validate() throws {
        if let problem = self.problem { throw ValidationError(problem) }
    }
}

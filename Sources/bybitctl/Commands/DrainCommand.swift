import ArgumentParser
import Orchestrator

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Lets accounts finish what is under way, and stops them.",
        discussion: """
            A draining account takes no new events; what is queued and what was sent to the exchange comes to its end, \
            its state is stored, and its connection is closed. Nothing is thrown away, and stops that are set stay on \
            the exchange. Other accounts notice nothing. It stays drained after a restart; `resume` is the way back.

            Exit codes: 0 drained (or with --no-wait: begun), 1 refused or failed, 3 not running, 4 no answer, 64 no \
            such account, 124 not done in time: what is pending is printed, and the drain goes on.
            """
    )

    @OptionGroup var targets: ChangeTargets

    @Flag(inversion: .prefixedNo, help: "Waits until it is done.")
    var wait = true

    @OptionGroup var options: ChangeOptions

    var request: ChangeRequest {
        var request = self.options.complete(self.targets.request(.drain), time: DurationText(milliseconds: 30_000))
        if !self.wait { request.timeoutMilliseconds = 0 }
        return request
    }

    func validate() throws {
        if !self.wait, self.options.timeout != nil {
            throw ValidationError("--no-wait and --timeout exclude each other")
        }
        try self.request.validate()
    }

    func run() async throws {
        let location = try self.options.instance.location()
        var run = ChangeRun(request: self.request, location: location, output: self.options.output)
        run.waits = self.wait
        try await run.run()
    }
}

import ArgumentParser
import Orchestrator

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Starts drained accounts again.",
        discussion: """
            The account connects, reads its positions anew from the exchange, and goes on in the mode that it had, with \
            what its consumers remember. A drain that is still under way comes to its end first.

            Exit codes: 0 done or already so, 1 refused or failed, 3 not running, 4 no answer, 64 no such account, \
            124 not done in time (it goes on).
            """
    )

    @OptionGroup var targets: ChangeTargets

    @OptionGroup var options: ChangeOptions

    var request: ChangeRequest {
        self.options.complete(self.targets.request(.resume), time: ChangeOptions.usualTime)
    }

    func validate() throws {
        try self.request.validate()
    }

    func run() async throws {
        let location = try self.options.instance.location()
        try await ChangeRun(request: self.request, location: location, output: self.options.output).run()
    }
}

import ArgumentParser
import Orchestrator

struct DisableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Stops accounts without editing the file.",
        discussion: """
            The account is drained first. It stays disabled after a restart, until `enable`, or until an `apply` changes \
            the key enabled of that account. Disabled accounts never count against the health of the fleet.

            Exit codes: 0 done or already so, 1 refused or failed, 3 not running, 4 no answer, 64 no such account, \
            124 not done in time (it goes on).
            """
    )

    @OptionGroup var targets: ChangeTargets

    @OptionGroup var options: ChangeOptions

    var request: ChangeRequest {
        self.options.complete(self.targets.request(.disable), time: ChangeOptions.usualTime)
    }

    func validate() throws {
        try self.request.validate()
    }

    func run() async throws {
        let location = try self.options.instance.location()
        try await ChangeRun(request: self.request, location: location, output: self.options.output).run()
    }
}

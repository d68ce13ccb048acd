import ArgumentParser
import Orchestrator

struct EnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable",
        abstract: "Runs accounts that the file has disabled.",
        discussion: """
            Without editing the file: the change is kept beside it and survives restarts, until `disable`, or until an \
            `apply` changes the key enabled of that account. The account starts in the mode that holds for it: the file's, \
            or one that a promotion or a rollback has set over it.

            Exit codes: 0 done or already so, 1 refused or failed, 3 not running, 4 no answer, 64 no such account, \
            124 not done in time (it goes on).
            """
    )

    @OptionGroup var targets: ChangeTargets

    @OptionGroup var options: ChangeOptions

    var request: ChangeRequest {
        self.options.complete(self.targets.request(.enable), time: ChangeOptions.usualTime)
    }

    func validate() throws {
        try self.request.validate()
    }

    func run() async throws {
        let location = try self.options.instance.location()
        try await ChangeRun(request: self.request, location: location, output: self.options.output).run()
    }
}

import ArgumentParser
import Orchestrator

struct RollbackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback",
        abstract: "Takes accounts one mode down at once, or the whole file back to a former revision.",
        discussion: """
            No gate is asked. The old source of prices is loaded and verified before the new one lets go, so no event is \
            lost or doubled. What is rolled back stays so after a restart, until `promote` takes it up again or an \
            `apply` changes its mode in the file. `history` lists the revisions.

            Exit codes: 0 done, 1 refused or failed, 3 not running, 4 no answer, 64 no such account or revision, \
            78 the former file cannot run, 124 not done in time (it goes on).
            """
    )

    @OptionGroup var targets: ChangeTargets

    @Option(help: ArgumentHelp("Down to this mode: rest, canary, parallel or cutover.", valueName: "mode"))
    var to: Mode?

    @Option(help: ArgumentHelp("The whole file as it was in this revision.", valueName: "number"))
    var revision: Int?

    @OptionGroup var options: ChangeOptions

    var request: ChangeRequest {
        var request = self.targets.request(.rollback)
        request.mode = self.to
        request.revision = self.revision
        return self.options.complete(request, time: ChangeOptions.usualTime)
    }

    func validate() throws {
        try self.request.validate()
    }

    func run() async throws {
        let location = try self.options.instance.location()
        try await ChangeRun(request: self.request, location: location, output: self.options.output).run()
    }
}

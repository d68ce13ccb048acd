import ArgumentParser
import Orchestrator

struct PromoteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote",
        abstract: "Takes accounts one mode up, if their gates hold.",
        discussion: """
            The modes are \(Mode.names); cutover has steps of its own. Each mode has gates in the file (rollout.gates), \
            and `status NAME` shows how they stand. An account whose gates do not all hold is refused, and stays where \
            it is. The new source of prices is loaded and verified before the old one lets go. What is promoted stays \
            so after a restart; `rollback` is the way back.

            Exit codes: 0 done or already at hybrid, 1 a gate does not hold or it failed, 3 not running, 4 no answer, \
            64 no such account, 124 not done in time (it goes on).
            """
    )

    @OptionGroup var targets: ChangeTargets

    @Flag(help: "Also past gates that do not hold; says which.")
    var force = false

    @Flag(
        help: """
            Takes the whole fleet up wave by wave (rollout.waves in the file), and stops at the first gate that breaks. \
            Follows it for up to a day; it goes on without this command.
            """
    )
    var waves = false

    @OptionGroup var options: ChangeOptions

    var request: ChangeRequest {
        var request = self.targets.request(.promote)
        request.isForced = self.force
        request.isInWaves = self.waves
        let day = DurationText(milliseconds: ChangeRequest.longestTimeoutMilliseconds)
        return self.options.complete(request, time: self.waves ? day : ChangeOptions.usualTime)
    }

    func validate() throws {
        try self.request.validate()
    }

    func run() async throws {
        let location = try self.options.instance.location()
        try await ChangeRun(request: self.request, location: location, output: self.options.output).run()
    }
}

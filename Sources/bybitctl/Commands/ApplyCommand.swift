import ArgumentParser
import Foundation
import Orchestrator

struct ApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Brings a changed accounts file to the running instance.",
        discussion: """
            Starts what is new, drains what is gone, and touches only accounts that have changed: all others keep their \
            connections. A file that is not valid changes nothing. `plan` shows beforehand what would happen. Without a \
            file the one that the instance was started with is read again, as on SIGHUP.

            Exit codes: 0 done, 1 refused or failed, 3 not running, 4 no answer, 77 permissions of a secret file, \
            78 the file has errors, 124 not done in time (it goes on).
            """
    )

    @Argument(
        help: "The accounts file; without it the one of the start.",
        completion: .file(extensions: ["yaml", "yml"])
    )
    var file: String?

    @OptionGroup var options: ChangeOptions

    var request: ChangeRequest {
        self.options.complete(ChangeRequest(.apply), time: ChangeOptions.usualTime)
    }

    func validate() throws {
        try self.request.validate()
    }

    func run() async throws {
        var request = self.request
        if let file = self.file {
            let environment = ProcessInfo.processInfo.environment
            let user = SystemUser.current(environment: environment)
            try ConfigurationFile.check(file, environment: environment, user: user)
            request.file = user.absolute(file)
        }
        let location = try self.options.instance.location(of: self.file)
        try await ChangeRun(request: request, location: location, output: self.options.output).run()
    }
}

import ArgumentParser
import Foundation
import Orchestrator

/// Which instance is meant.
struct InstanceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Folder that holds the instances' state.", valueName: "folder"), completion: .directory)
    var stateDir: String?

    @Option(help: ArgumentHelp("Name of the instance (default: default).", valueName: "name"))
    var instance: String?

    @Option(
        help: ArgumentHelp("Accounts file that says where its instance is.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"])
    )
    var config: String?

    /// - Parameter file: an accounts file that the command is about; it says where its instance is unless `--config`
    ///   names another one.
    func location(of file: String? = nil) throws -> InstanceLocation {
        let environment = ProcessInfo.processInfo.environment
        let user = SystemUser.current(environment: environment)
        return try InstanceLocation.resolve(
            InstanceLocation.Request(
                stateDirectory: self.stateDir,
                instance: self.instance,
                configurationFile: self.config ?? file
            ),
            environment: environment,
            user: user,
            settings: { try InstanceLocation.Settings.read($0, environment: environment, user: user) }
        )
    }
}

import ArgumentParser
import Foundation
import Orchestrator

struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Runs the daemon for an accounts file.",
        discussion: """
            In the foreground until SIGINT or SIGTERM; then every account is drained, and the exit code is 0. A second \
            signal exits at once. With --detach the command returns when the daemon is ready, or fails with its error.
            """
    )

    @Argument(help: "The accounts file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String?

    @Flag(help: "Returns when the daemon is ready; it goes on in the background.")
    var detach = false

    @Option(parsing: .upToNextOption, help: ArgumentHelp("Runs only these accounts.", valueName: "name"))
    var account: [String] = []

    @Option(help: ArgumentHelp("Caps every account's mode: \(Mode.names).", valueName: "mode"))
    var mode: Mode?

    @Flag(help: "Sends no order, whatever the file says.")
    var dryRun = false

    @Option(help: ArgumentHelp("Folder that holds the instances' state.", valueName: "folder"), completion: .directory)
    var stateDir: String?

    @Option(help: ArgumentHelp("Name of the instance, instead of the file's.", valueName: "name"))
    var instance: String?

    /// How a detached daemon tells its parent that it is ready.
    @Option(help: .private)
    var readyDescriptor: Int32?

    mutating func validate() throws {
        // `--account a b accounts.yaml`: the list of names has swallowed the file.
        if self.file == nil, let last = self.account.last, last.hasSuffix(".yaml") || last.hasSuffix(".yml") {
            self.account.removeLast()
            self.file = last
        }
        guard self.file != nil else { throw ValidationError("Missing expected argument '<file>': the accounts file") }
    }

    func run() async throws {
        let readiness = self.readyDescriptor.map(ReadinessPipe.init(descriptor:))
        do {
            try await self.start(readiness)
        } catch {
            readiness?.failed(CommandError(error))
            throw error
        }
    }

    private func start(_ readiness: ReadinessPipe?) async throws {
        guard let file = self.file else { throw CommandError(.usage, "no accounts file is named") }
        let environment = ProcessInfo.processInfo.environment
        let user = SystemUser.current(environment: environment)
        let (configuration, sources) = try ConfigurationFile.loadWithSources(
            file,
            environment: environment,
            user: user,
            // The command that started a detached daemon has shown them.
            showsWarnings: readiness == nil
        )
        let location = try InstanceLocation.resolve(
            InstanceLocation.Request(
                stateDirectory: self.stateDir,
                instance: self.instance,
                configurationFile: file
            ),
            environment: environment,
            user: user,
            settings: { _ in configuration.instanceSettings }
        )
        let known = configuration.accounts.map(\.name)
        if let refusal = ControlRefusal.unknownAccounts(asked: self.account, existing: known) {
            throw CommandError(.usage, refusal.error)
        }
        if self.detach {
            try DetachedDaemon.start(self.childArguments(file), location: location)
            return
        }
        let daemon = DaemonRun(
            configuration: configuration,
            location: location,
            accounts: self.account,
            modeCap: self.mode,
            dryRun: self.dryRun,
            readiness: readiness,
            statusCommand: self.statusCommand(file),
            origin: ConfigurationOrigin(
                path: user.absolute(file),
                loader: ConfigurationFile.loader(environment: environment, user: user),
                sources: sources,
                of: configuration
            )
        )
        try await daemon.run()
    }

    /// The same command, for a process that stays in the foreground.
    func childArguments(_ file: String) -> [String] {
        var arguments = ["start", file, "--ready-descriptor", String(DetachedDaemon.readyDescriptor)]
        for name in self.account { arguments += ["--account", name] }
        if let mode = self.mode { arguments += ["--mode", mode.rawValue] }
        if self.dryRun { arguments.append("--dry-run") }
        if let stateDir = self.stateDir { arguments += ["--state-dir", stateDir] }
        if let instance = self.instance { arguments += ["--instance", instance] }
        return arguments
    }

    /// What asks this instance how it is.
    func statusCommand(_ file: String) -> String {
        var words = ["bybitctl", "status", "--config", file]
        if let stateDir = self.stateDir { words += ["--state-dir", stateDir] }
        if let instance = self.instance { words += ["--instance", instance] }
        return words.map { $0.contains(" ") ? "'\($0)'" : $0 }.joined(separator: " ")
    }
}

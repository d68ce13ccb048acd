import ArgumentParser
import Foundation
import NIOCore
import Orchestrator

struct PlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Shows what an apply would do, account by account; changes nothing.",
        discussion: """
            The running instance is asked: what would it start, drain, switch or restart, and what does that need of the \
            exchange's limits? If none runs, the answer is what a start with this file would do. Without a file the one \
            that the instance was started with is compared with what is running: overrides show as drift.

            Exit codes: 0 nothing would change and nothing differs from the file, 1 something would or does, 3 not running (and no file to plan with), 4 no \
            answer, 77 permissions of a secret file, 78 the file has errors.
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    @Argument(
        help: "The accounts file; without it the one of the start.",
        completion: .file(extensions: ["yaml", "yml"])
    )
    var file: String?

    @Option(name: .shortAndLong, help: "text or json.")
    var output: Format = .text

    @OptionGroup var instance: InstanceOptions

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let user = SystemUser.current(environment: environment)
        if let file = self.file { try ConfigurationFile.check(file, environment: environment, user: user) }
        let location = try self.instance.location(of: self.file)
        let document: PlanDocument
        do {
            document = try await ControlClient.with(location) { [file] client in
                try await client.plan(file: file.map(user.absolute))
            }
        } catch let error as ControlClientError where error.code == .notRunning {
            document = try self.offline(error, location, environment: environment, user: user)
        }
        switch self.output {
        case .json:
            try StandardOutput.write(String(buffer: document.json) + "\n")
        case .text:
            let table = PlanTable(plan: try PlanTable.plan(document.json), terminal: .standardOutput)
            try StandardOutput.write(table.text())
            StandardError.write(table.words())
        }
        throw document.hasDifferences ? ExitStatus.failed : ExitStatus.done
    }

    /// What a start would do.
    private func offline(
        _ error: ControlClientError,
        _ location: InstanceLocation,
        environment: [String: String],
        user: SystemUser
    ) throws -> PlanDocument {
        guard let file = self.file else {
            throw CommandError(
                .notRunning,
                "\(error.message); name an accounts file to see what a start with it would do"
            )
        }
        let (configuration, sources) = try ConfigurationFile.loadWithSources(
            file,
            environment: environment,
            user: user,
            showsWarnings: true
        )
        return try OfflinePlan(
            configuration: configuration,
            sources: sources,
            loader: ConfigurationFile.loader(environment: environment, user: user),
            location: location
        ).document()
    }
}

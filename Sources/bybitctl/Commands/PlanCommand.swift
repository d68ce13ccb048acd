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
            that runs is compared with what is running: overrides show as drift.

            Exit codes: 0 nothing would change, 1 something would, 3 not running (and no file to plan with), 4 no \
            answer, 77 permissions of a secret file, 78 the file has errors.
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    @Argument(help: "The accounts file; without it the one that runs.", completion: .file(extensions: ["yaml", "yml"]))
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
            document = try await self.offline(error, location, environment: environment, user: user)
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
    ) async throws -> PlanDocument {
        guard let plan = OfflineSources.current.plan else { throw error }
        guard let file = self.file else {
            throw CommandError(
                .notRunning,
                "\(error.message); name an accounts file to see what a start with it would do"
            )
        }
        let configuration = try ConfigurationFile.load(
            file,
            environment: environment,
            user: user,
            showsWarnings: true
        )
        return try await plan(configuration, location)
    }
}

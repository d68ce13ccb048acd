import ArgumentParser
import Foundation
import HybridStream
import Orchestrator

struct ReplayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Runs recorded events through a strategy, in their own time: what would it have done.",
        discussion: """
            FILE is what a jsonl sink has written; of a rotated one name the parts, the oldest first. With several \
            strategies all are shown side by side. If the recording holds what consumers of this strategy did, the answers of the \
            exchange are taken from it; otherwise whatever is asked for is granted. Exit codes: 0 done, 1 a recording cannot be \
            read, 64 no such strategy, 78 the accounts file is wrong.
            """
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case table, json
    }

    @Argument(
        help: ArgumentHelp(
            "A recording: JSON Lines. Several in the order in which they were written.",
            valueName: "file"
        ),
        completion: .file(extensions: ["jsonl"])
    )
    var files: [String]

    @Option(help: "A strategy of the accounts file; may be given several times.")
    var strategy: [String]

    @Option(help: "The accounts file.", completion: .file(extensions: ["yaml", "yml"]))
    var accounts = "accounts.yaml"

    @Option(
        help: "Tick sizes: the instruments.json beside the daemon's store.",
        completion: .file(extensions: ["json"])
    )
    var instruments: String?

    @Option(name: .shortAndLong, help: "table or json.")
    var output: Format = .table

    func validate() throws {
        if self.strategy.isEmpty { throw ValidationError("--strategy is missing: which one of the accounts file?") }
    }

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let configuration = try ConfigurationFile.load(
            self.accounts,
            environment: environment,
            user: .current(environment: environment),
            showsWarnings: true
        )
        let sizes = try self.tickSizes(configuration)
        var runs: [(name: String, run: ReplayRun)] = []
        for name in self.strategy {
            guard let strategy = configuration.strategies[name] else {
                let known = configuration.strategies.keys.sorted().joined(separator: ", ")
                throw CommandError(
                    .usage,
                    "there is no strategy \"\(name)\" in \(self.accounts); there \(known.isEmpty ? "is none" : "are: \(known)")"
                )
            }
            if !strategy.hasConsumers {
                throw CommandError(
                    .usage,
                    "strategy \"\(name)\" in \(self.accounts) has no consumers: it would do nothing"
                )
            }
            runs.append((name, ReplayRun(strategy: strategy, tickSizes: sizes)))
        }
        let reports: [ReplayReport]
        do {
            let recordings = try self.files.map { try Recording(path: $0) }
            reports = try runs.map { ReplayReport(strategy: $0.name, try $0.run.run(recordings)) }
        } catch {
            throw CommandError(.failed, "\(error)")
        }
        for warning in Set(reports.flatMap(\.warnings)).sorted() { StandardError.write("bybitctl: \(warning)\n") }
        switch self.output {
        case .table: try StandardOutput.write(ReplayTable(reports: reports, terminal: .standardOutput).text())
        case .json: try StandardOutput.write(ReplayJSON(reports: reports).text() + "\n")
        }
    }

    /// As given, or what the daemon of this file has kept; none if there is neither.
    private func tickSizes(_ configuration: Configuration) throws -> [String: FixedPoint] {
        if let path = self.instruments {
            do {
                return try TickSizeFile.read(path)
            } catch {
                throw CommandError(.failed, "\(error)")
            }
        }
        let location = try InstanceLocation(
            stateDirectory: configuration.runtime.stateDirectory,
            instance: configuration.instance
        )
        let path = location.tickSizeFile
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        do {
            return try TickSizeFile.read(path)
        } catch {
            // The recording mostly tells them itself.
            StandardError.write("bybitctl: \(error); going on without it\n")
            return [:]
        }
    }
}

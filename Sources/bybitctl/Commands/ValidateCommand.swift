import ArgumentParser
import Foundation
import Orchestrator

struct ValidateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "validate",
        abstract: "Checks an accounts file offline and shows all its errors at once.",
        discussion: "Exits 0 if the file can run, 78 if it has errors, 77 if only its permissions are wrong."
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, json
    }

    @Argument(help: "The accounts file.", completion: .file(extensions: ["yaml", "yml"]))
    var file: String

    @Option(name: .shortAndLong, help: "text or json.")
    var output: Format = .text

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let result = ConfigurationFile.result(
            self.file,
            environment: environment,
            user: .current(environment: environment)
        )
        switch self.output {
        case .json:
            try StandardOutput.write(DiagnosticRenderer.json(result.diagnostics, file: self.file) + "\n")
        case .text:
            // What is asked for goes to standard output, errors as well: they are this command's data.
            let terminal = Terminal.standardOutput
            try StandardOutput.write(DiagnosticRenderer.text(result.diagnostics, color: terminal.hasColor))
            let summary = DiagnosticRenderer.summary(result.diagnostics)
            let verdict = result.configuration == nil ? summary : ConfigurationFile.outline(result, summary: summary)
            try StandardOutput.write("\(self.file): \(verdict)\n")
        }
        throw ExitStatus(rawValue: Int32(result.exitCode))
    }
}

import ArgumentParser
import Orchestrator

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the program's version.")

    func run() throws {
        try StandardOutput.write("bybitctl \(BybitctlVersion.current)\n")
    }
}

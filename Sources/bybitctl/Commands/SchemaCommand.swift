import ArgumentParser
import Orchestrator

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Prints the JSON Schema of the accounts file, for editors.",
        discussion: "In an editor with a YAML language server: # yaml-language-server: $schema=accounts.schema.json"
    )

    func run() throws {
        let schema = ConfigurationSchema.json()
        try StandardOutput.write(schema.hasSuffix("\n") ? schema : schema + "\n")
    }
}

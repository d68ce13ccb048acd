import Foundation
import Testing

@testable import Orchestrator

/// Loads texts as if they stood in `accounts.yaml` in a folder that is not there.
func loadText(
    _ text: String,
    environment: [String: String] = [:],
    path: String = "accounts.yaml"
) -> ConfigurationResult {
    ConfigurationLoader(
        environment: environment,
        homeDirectory: "/home/me",
        effectiveUserID: 1_000,
        workingDirectory: "/nowhere"
    ).load(text: text, path: path)
}

/// The configuration of a text that must be right; what is wrong becomes the test's failure.
func configuration(
    _ text: String,
    environment: [String: String] = [:],
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> Configuration {
    let result = loadText(text, environment: environment)
    return try #require(
        result.configuration,
        "\(DiagnosticRenderer.text(result.diagnostics))",
        sourceLocation: sourceLocation
    )
}

/// A folder with files, gone at the end of the test.
final class TemporaryFolder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("bybitctl-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        self.path = url.path
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.path)
        } catch {
            Issue.record("the folder of the test stays behind: \(error)")
        }
    }

    @discardableResult
    func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let file = self.path + "/" + name
        let folder = (file as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    func load(_ name: String = "accounts.yaml", environment: [String: String] = [:]) -> ConfigurationResult {
        ConfigurationLoader(environment: environment, homeDirectory: self.path, workingDirectory: self.path)
            .load(path: name)
    }
}

/// The beginning that most files of the tests share.
let simulatorHeader = "version: 1\nexchange: { environment: simulator }\n"

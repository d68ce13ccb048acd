import Foundation
import Orchestrator

/// The accounts file, as the commands see it.
enum ConfigurationFile {
    static func result(_ path: String, environment: [String: String], user: SystemUser) -> ConfigurationResult {
        let loader = ConfigurationLoader(
            environment: environment,
            homeDirectory: user.homeDirectory,
            workingDirectory: user.currentDirectory
        )
        return loader.load(path: path)
    }

    /// The configuration.
    /// - Parameter showsWarnings: whether its warnings go to standard error.
    /// - Throws: all errors of the file in one text, with the exit code 77 or 78.
    static func load(
        _ path: String,
        environment: [String: String],
        user: SystemUser,
        showsWarnings: Bool
    ) throws(CommandError) -> Configuration {
        let result = ConfigurationFile.result(path, environment: environment, user: user)
        let text = DiagnosticRenderer.text(result.diagnostics, color: Terminal.standardError.hasColor)
        guard let configuration = result.configuration else {
            let summary = DiagnosticRenderer.summary(result.diagnostics)
            throw CommandError(
                ExitStatus(rawValue: result.exitCode),
                text + "\(path): \(summary)\n",
                isRendered: true
            )
        }
        if showsWarnings, !text.isEmpty { StandardError.write(text) }
        return configuration
    }

    /// What a usable file holds, in a line.
    static func outline(_ result: ConfigurationResult, summary: String) -> String {
        guard let configuration = result.configuration else { return summary }
        let enabled = configuration.accounts.count(where: \.isEnabled)
        let accounts = configuration.accounts.count
        let counted = accounts == 1 ? "1 account" : "\(accounts) accounts"
        return "valid, \(counted), \(enabled) enabled" + (summary.isEmpty ? "" : "; \(summary)")
    }
}

extension Configuration {
    var instanceSettings: InstanceLocation.Settings {
        InstanceLocation.Settings(stateDirectory: self.runtime.stateDirectory, instance: self.instance)
    }
}

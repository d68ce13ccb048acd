import Foundation
import Orchestrator

/// The accounts file, as the commands see it.
enum ConfigurationFile {
    static func result(_ path: String, environment: [String: String], user: SystemUser) -> ConfigurationResult {
        self.loader(environment: environment, user: user).load(path: path)
    }

    static func loader(environment: [String: String], user: SystemUser) -> ConfigurationLoader {
        ConfigurationLoader(
            environment: environment,
            homeDirectory: user.homeDirectory,
            workingDirectory: user.currentDirectory
        )
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
        try self.loadWithSources(path, environment: environment, user: user, showsWarnings: showsWarnings).0
    }

    /// The same, with what it was read from.
    static func loadWithSources(
        _ path: String,
        environment: [String: String],
        user: SystemUser,
        showsWarnings: Bool
    ) throws(CommandError) -> (Configuration, ConfigurationSources?) {
        let result = ConfigurationFile.result(path, environment: environment, user: user)
        let text = DiagnosticRenderer.text(result.diagnostics, color: Terminal.standardError.hasColor)
        guard let configuration = result.configuration else {
            throw CommandError(InvalidConfiguration(path: path, result, color: Terminal.standardError.hasColor))
        }
        if showsWarnings, !text.isEmpty { StandardError.write(text) }
        return (configuration, result.sources)
    }

    /// Finds what is wrong in a file before the daemon is asked about it.
    ///
    /// Secrets and variables that this process cannot read are the daemon's business: they are its own.
    /// - Throws: all errors of the file in one text, with the exit code 77 or 78.
    static func check(_ path: String, environment: [String: String], user: SystemUser) throws(CommandError) {
        let result = ConfigurationFile.result(path, environment: environment, user: user)
        let errors = result.diagnostics.filter { $0.severity == .error }
        guard errors.contains(where: { !$0.dependsOnReader }) else { return }
        throw CommandError(InvalidConfiguration(path: path, result, color: Terminal.standardError.hasColor))
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

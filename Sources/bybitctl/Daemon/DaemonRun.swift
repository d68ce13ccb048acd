import Foundation
import Logging
import Orchestrator

/// One run of the daemon in this process, from the embedded exchange to the last drained account.
struct DaemonRun {
    var configuration: Configuration
    let location: InstanceLocation
    let accounts: [String]
    let modeCap: Mode?
    let dryRun: Bool
    let readiness: ReadinessPipe?
    let statusCommand: String
    /// Where the configuration was read from.
    let origin: ConfigurationOrigin

    /// Until a signal. The first one drains; a second one ends the process at once.
    func run() async throws {
        let logger = self.logger()
        var options = OrchestratorOptions()
        options.accounts = self.accounts
        options.modeCap = self.modeCap
        options.isDryRun = self.dryRun
        options.origin = self.origin
        var configuration = self.configuration
        // Flags and environment may have moved the instance; everything below sees one truth.
        configuration.instance = self.location.instance
        configuration.runtime.stateDirectory = self.location.stateDirectory
        let simulator = try await EmbeddedExchange.start(for: configuration, logger: logger)
        if let simulator {
            options.endpoints = simulator.endpoints
            options.credentials = simulator.credentials
        }
        let outcome: Result<Void, any Error>
        do {
            try await self.run(configuration, options, logger: logger)
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        try await simulator?.shutdown()
        try outcome.get()
    }

    private func run(_ configuration: Configuration, _ options: OrchestratorOptions, logger: Logger) async throws {
        let orchestrator = try Orchestrator(configuration: configuration, options: options, logger: logger)
        let signals = try StopSignals(
            onFirst: { number in
                logger.info(
                    "stopping: every account is drained; a second signal exits at once",
                    metadata: ["signal": "\(number)"]
                )
                orchestrator.stop()
            },
            onHangup: { orchestrator.reload() }
        )
        defer { signals.cancel() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await orchestrator.run() }
            group.addTask {
                // A fleet that could not start has its reason from `run()`.
                guard await orchestrator.waitUntilReady() else { return }
                self.announce(configuration, options, logger: logger)
                StartupPages.release()
            }
            try await group.waitForAll()
        }
    }

    private func announce(_ configuration: Configuration, _ options: OrchestratorOptions, logger: Logger) {
        let chosen = configuration.accounts.filter { options.accounts.isEmpty || options.accounts.contains($0.name) }
        let enabled = chosen.filter(\.isEnabled)
        let address = (options.endpoints ?? configuration.exchange.endpoints)?.publicWebSocket.description
        let banner = Banner(
            location: self.location,
            enabled: enabled.count,
            disabled: configuration.accounts.count - enabled.count,
            exchange: [configuration.exchange.environment.rawValue, address].compactMap { $0 }.joined(separator: " "),
            isDryRun: options.isDryRun || (!enabled.isEmpty && enabled.allSatisfy(\.isDryRun)),
            pid: ProcessInfo.processInfo.processIdentifier,
            statusCommand: self.statusCommand
        )
        if let readiness = self.readiness {
            readiness.ready(banner.text)
        }
        if self.logFormat == .text {
            StandardError.write(banner.text)
        } else {
            // Whoever parses the log gets the same as one of its lines.
            logger.notice(
                "ready",
                metadata: [
                    "instance": "\(self.location.instance)", "accounts": "\(banner.enabled)",
                    "exchange": "\(banner.exchange)", "socket": "\(self.location.controlSocket)",
                    "status": "\(self.statusCommand)",
                ]
            )
        }
    }

    /// The file's choice, with `auto` decided.
    private var logFormat: LogFormat {
        let format = LogFormat(self.configuration.runtime.log.format)
        guard format == .auto else { return format }
        return Terminal.standardError.isInteractive ? .text : .json
    }

    private func logger() -> Logger {
        let (format, level) = (self.logFormat, Logger.Level(self.configuration.runtime.log.level))
        return Logger(label: "bybitctl") { _ in format.handler(level: level, terminal: .standardError) }
    }
}

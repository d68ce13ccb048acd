import NIOCore
import Orchestrator

/// Has a running instance carry out a change, and shows what became of it.
struct ChangeRun {
    let request: ChangeRequest
    let location: InstanceLocation
    let output: ChangeOptions.Format
    /// False if the command only begins something.
    var waits = true

    /// - Throws: ``ExitStatus`` always; a ``CommandError`` if there is no outcome.
    func run() async throws {
        let log = ChangeLog(isShown: self.output == .text)
        let report = try await ControlClient.with(self.location) { [request] client in
            try await client.change(request) { log.take($0) }
        }
        switch self.output {
        case .json:
            try StandardOutput.write(String(buffer: report.json()) + "\n")
        case .text:
            for account in report.accounts { log.take(account) }
            StandardError.write(
                ChangeWords(request: self.request, report: report, waits: self.waits, terminal: .standardError).text()
            )
        }
        throw ChangeRun.status(report, waits: self.waits)
    }

    /// What has only to begin is not late when it is under way.
    static func status(_ report: ChangeReport, waits: Bool) -> ExitStatus {
        var judged = report
        if !waits { judged.accounts.removeAll { $0.outcome == .timedOut } }
        return ExitStatus(rawValue: judged.exitCode)
    }
}

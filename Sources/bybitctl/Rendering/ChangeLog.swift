import Orchestrator
import Synchronization

/// Prints a line for each account as it comes through, and none twice.
final class ChangeLog: Sendable {
    private let isShown: Bool
    private let printed = Mutex<[String: String]>([:])

    init(isShown: Bool) {
        self.isShown = isShown
    }

    func take(_ account: ChangeReport.Account) {
        guard self.isShown else { return }
        let line = ChangeLog.line(account)
        self.printed.withLock { printed in
            guard printed.updateValue(line, forKey: account.name) != line else { return }
            do {
                try StandardOutput.write(line + "\n")
            } catch {
                // Whoever has stopped reading still gets the exit code, which says how the change ended.
            }
        }
    }

    /// `sub-001: canary -> parallel (revision 12)`.
    static func line(_ account: ChangeReport.Account) -> String {
        let what =
            switch account.outcome {
            case .done:
                "\(account.from) -> \(account.to)" + (account.revision.map { " (revision \($0))" } ?? "")
            case .unchanged: "unchanged, already \(account.to)"
            case .refused: account.text.isEmpty ? "refused, stays \(account.to)" : "refused"
            case .failed: "failed, still \(account.to)"
            case .timedOut: "still under way, now \(account.to)"
            }
        let text = account.text.isEmpty ? "" : ": \(account.text)"
        // What the exchange has sent must not break a line.
        return TextLogHandler.oneLine("\(account.name): \(what)\(text)")
    }
}

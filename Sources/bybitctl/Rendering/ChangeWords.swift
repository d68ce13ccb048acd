import Orchestrator

/// What is said about a change beside its lines: gates that do not hold, what is still pending, and what to do.
struct ChangeWords {
    let request: ChangeRequest
    let report: ChangeReport
    let waits: Bool
    let terminal: Terminal

    /// Lines for standard error; nothing if there is nothing to say.
    func text() -> String {
        var text = ""
        for account in self.report.accounts { text += self.gates(account) }
        for account in self.report.accounts where self.waits { text += ChangeWords.blockers(account) }
        if !self.report.text.isEmpty { text += "bybitctl: \(self.report.text)\n" }
        if self.report.accounts.isEmpty, self.report.text.isEmpty { text += "bybitctl: there was nothing to do\n" }
        for hint in self.hints() { text += "bybitctl: \(hint)\n" }
        return text
    }

    private func gates(_ account: ChangeReport.Account) -> String {
        let gates = account.gates.filter { $0.verdict != .holds }
        guard !gates.isEmpty else { return "" }
        let heading: String
        switch account.outcome {
        case .refused: heading = "\(account.name) stays \(account.to): these gates do not hold"
        case .done where self.request.isForced:
            heading = "warning: \(account.name) was promoted though these gates do not hold"
        default: return ""
        }
        return "\(heading)\n" + GateTable(terminal: self.terminal).text(gates, indent: 2)
    }

    private static func blockers(_ account: ChangeReport.Account) -> String {
        guard !account.blockers.isEmpty else { return "" }
        return "\(account.name) waits for:\n" + account.blockers.map { "  \($0)\n" }.joined()
    }

    private func hints() -> [String] {
        var hints: [String] = []
        if self.waits, let names = self.names(where: { $0.outcome == .timedOut }) {
            hints.append(
                self.request.command == .drain
                    ? """
                    not done in time; the drain goes on. `bybitctl status \(names) --for drained` waits for its end
                    """
                    : "not done in time; it goes on without this command. `bybitctl status \(names)` shows where it is"
            )
        }
        if let names = self.names(where: { $0.outcome == .refused && $0.gates.verdict != .holds }) {
            hints.append(
                """
                promote again when the gates hold (`bybitctl status \(names)` shows them), or go past them with --force
                """
            )
        }
        if let names = self.names(where: { $0.outcome == .failed }) {
            hints.append(
                """
                `bybitctl status \(names) --output wide` shows where it is and the last error
                """
            )
        }
        return hints
    }

    /// Names for a command line to copy; the first few of many.
    private func names(where isMeant: (ChangeReport.Account) -> Bool) -> String? {
        let names = self.report.accounts.filter(isMeant).map(\.name)
        guard !names.isEmpty else { return nil }
        return names.prefix(3).joined(separator: " ") + (names.count > 3 ? " …" : "")
    }
}

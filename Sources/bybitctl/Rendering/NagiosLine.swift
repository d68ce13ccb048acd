import Orchestrator

/// One line with performance data, as monitoring plugins print it.
enum NagiosLine {
    static func text(_ report: StatusReport) -> String {
        let counted = report.accounts.filter(\.isCounted)
        let word =
            switch report.health {
            case .healthy: "OK"
            case .degraded: "WARNING"
            case .critical: "CRITICAL"
            }
        let healthy = counted.count { $0.health == .healthy }
        let bad = counted.filter { $0.health != .healthy }
        var text = "BYBITCTL \(word) - \(healthy) of \(counted.count) accounts healthy"
        if !bad.isEmpty {
            let named = bad.prefix(5).map { "\($0.name) \($0.state.rawValue)" }.joined(separator: ", ")
            text += "; \(named)" + (bad.count > 5 ? " and \(bad.count - 5) more" : "")
        } else if report.health != .healthy {
            text += "; tickers \(report.tickers.receiving) of \(report.tickers.desired) receiving"
        }
        return text + " | " + NagiosLine.performance(report, counted) + "\n"
    }

    /// The line for a question that got no report.
    static func text(_ error: CommandError) -> String {
        let word = error.status.nagios == .critical ? "CRITICAL" : "UNKNOWN"
        let first = error.message.split(separator: "\n").first.map(String.init) ?? ""
        // A bar would begin the performance data.
        return "BYBITCTL \(word) - \(first.replacing("|", with: "/"))\n"
    }

    private static func performance(_ report: StatusReport, _ counted: [StatusReport.Account]) -> String {
        let total = counted.count
        func count(_ health: StatusReport.Health) -> Int { counted.count { $0.health == health } }
        let positions = report.accounts.reduce(0) { $0 + $1.counts.open }
        let stale = report.accounts.reduce(0) { $0 + $1.counts.stale }
        let perSecond = report.accounts.reduce(0.0) { $0 + $1.events.perSecond }
        return [
            "healthy=\(count(.healthy));;;0;\(total)",
            "degraded=\(count(.degraded));;;0;\(total)",
            "critical=\(count(.critical));;;0;\(total)",
            "uncounted=\(report.accounts.count - total);;;0",
            "positions=\(positions);;;0",
            "stale=\(stale);;;0;\(positions)",
            "events_per_second=\(StatusTable.tenths(perSecond));;;0",
            "symbols=\(report.tickers.desired);;;0",
            "receiving=\(report.tickers.receiving);;;0;\(report.tickers.desired)",
            "connections=\(report.budgets.connectionsUsed);;;0;\(report.budgets.connectionsLimit)",
        ].joined(separator: " ")
    }
}

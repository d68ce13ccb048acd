import ArgumentParser
import Orchestrator

/// What `status --for` waits for.
enum StatusGoal: ExpressibleByArgument, Equatable {
    case healthy
    case state(StatusReport.State)

    static var stateNames: String { StatusReport.State.allCases.map(\.rawValue).joined(separator: ", ") }

    init?(argument: String) {
        if argument == "healthy" {
            self = .healthy
        } else if let state = StatusReport.State(rawValue: argument) {
            self = .state(state)
        } else {
            return nil
        }
    }

    static var allValueStrings: [String] { ["healthy"] + StatusReport.State.allCases.map(\.rawValue) }

    /// What keeps a report from the goal, a line each; empty when it is reached.
    ///
    /// Without names, only enabled accounts are waited for, unless the goal is to be disabled.
    func pending(_ report: StatusReport, isNamed: Bool) -> [String] {
        switch self {
        case .healthy:
            var lines = report.accounts.filter { $0.isCounted && $0.health != .healthy }.map(StatusGoal.line)
            if lines.isEmpty, report.health != .healthy {
                let tickers = report.tickers
                lines.append("tickers: \(tickers.state.rawValue), \(tickers.receiving) of \(tickers.desired) receiving")
            }
            return lines
        case .state(let wanted):
            return report.accounts
                .filter { isNamed || $0.enabled || wanted == .disabled }
                .filter { $0.state != wanted }
                // A drain may be over before anybody looks.
                .filter { wanted != .draining || $0.state != .drained }
                .map(StatusGoal.line)
        }
    }

    private static func line(_ account: StatusReport.Account) -> String {
        let reason = account.lastError.map { ": \($0)" } ?? ""
        return "\(account.name): \(account.state.rawValue), \(account.health.rawValue)\(reason)"
    }
}

/// Asks again and again until the goal is reached. An instance that does not run yet is waited for too.
struct StatusWaiter {
    static let defaultTimeout = Duration.seconds(30)
    private static let pause = Duration.milliseconds(200)

    let location: InstanceLocation
    let names: [String]
    let goal: StatusGoal

    /// - Throws: a ``CommandError`` with status 124 that names what is still pending.
    func wait(timeout: Duration) async throws -> ControlClient.Status {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        while true {
            var pending: [String]
            do {
                let status = try await ControlClient.with(self.location) { client in
                    try await client.status(includePositions: true, accounts: self.names)
                }
                pending = self.goal.pending(try status.report(), isNamed: !self.names.isEmpty)
                if pending.isEmpty { return status }
            } catch let error as ControlClientError where error.code == .notRunning || error.code == .noAnswer {
                pending = [error.message]
            }
            guard clock.now + StatusWaiter.pause < deadline else {
                throw CommandError(
                    .timedOut,
                    "not reached in time; still pending:\n" + pending.map { "  \($0)" }.joined(separator: "\n")
                )
            }
            try await clock.sleep(for: StatusWaiter.pause)
        }
    }
}

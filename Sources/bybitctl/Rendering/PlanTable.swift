import Foundation
import NIOCore
import Orchestrator

/// A plan for people: the accounts that something would happen to, what it needs, and where the fleet differs from the
/// file.
struct PlanTable {
    let plan: FleetPlan
    let terminal: Terminal

    /// - Throws: a ``CommandError`` if the bytes are no plan.
    static func plan(_ json: ByteBuffer) throws -> FleetPlan {
        do {
            return try JSONDecoder().decode(FleetPlan.self, from: Data(json.readableBytesView))
        } catch {
            throw CommandError(.failed, "the plan cannot be read: \(error); --output json shows it as it is")
        }
    }

    func text() -> String {
        [self.accounts(), self.settings(), self.needs(), self.drift()].filter { !$0.isEmpty }.joined(separator: "\n")
    }

    /// For standard error.
    func words() -> String {
        var words = self.plan.warnings.map { "bybitctl: warning: \($0)\n" }.joined()
        if self.plan.needsDaemonRestart {
            words += "bybitctl: apply would be refused: some of these keys need a new start of the daemon\n"
        }
        return words
    }

    private func accounts() -> String {
        var table = TextTable([
            .init("NAME"), .init("ACTION"), .init("FROM"), .init("TO"), .init("OVERRIDE"), .init("WHY"),
        ])
        var quiet = 0
        for account in self.plan.accounts {
            let isIdle = account.action == .none || account.action == .staysDisabled
            if isIdle, account.override == nil, account.reasons.isEmpty {
                quiet += 1
                continue
            }
            table.append([
                .init(account.name), .init(account.action.rawValue, PlanTable.style(account.action)),
                .init(account.from ?? "-"), .init(account.to ?? "-"), .init(account.override ?? "-"),
                .init(account.reasons.map { TextLogHandler.oneLine($0) }.joined(separator: ", ")),
            ])
        }
        let changing = table.text(self.terminal)
        guard quiet > 0 else { return changing }
        return changing + (quiet == 1 ? "1 account stays as it is\n" : "\(quiet) accounts stay as they are\n")
    }

    /// What the fleet needs then, against what it may have.
    private func needs() -> String {
        let (connections, rest) = (self.plan.connections, self.plan.rest)
        var table = TextTable([.init("NEEDS"), .init("")])
        table.append([
            .init("sockets"), .init("\(connections.privateSockets) private, \(connections.publicSockets) public"),
        ])
        table.append([
            .init("connection attempts"), .init("\(connections.attempts), the budget is \(connections.budget)"),
        ])
        let seconds = Int64(connections.secondsUntilLive)
        table.append([
            .init("time until all are live"), .init(seconds == 0 ? "0s" : AgeText.of(seconds * 1_000)),
        ])
        let (polling, reconciling) = (rest.pollingPerSecond, rest.reconcilingPerSecond)
        table.append([
            .init("REST requests a second"), .init("\(polling) polling, \(reconciling) reconciling"),
        ])
        let limits = "\(rest.limitPerSecond) by the file, \(rest.exchangeLimitPerSecond) by the exchange"
        table.append([.init("REST limits a second"), .init(limits)])
        table.append([.init("open files"), .init("\(self.plan.openFiles)")])
        return table.text(self.terminal)
    }

    /// What changes besides the accounts.
    private func settings() -> String {
        let changes = self.plan.rollout + self.plan.settings
        return changes.isEmpty ? "" : "for all accounts:\n" + changes.map { "  \($0)\n" }.joined()
    }

    private func drift() -> String {
        if self.plan.drift.isEmpty { return "" }
        return "what runs differs from the file:\n" + self.plan.drift.map { "  \($0)\n" }.joined()
    }

    private static func style(_ action: FleetPlan.Action) -> TextStyle {
        switch action {
        case .start: .good
        case .drain: .bad
        case .switch, .restart: .warning
        case .none, .staysDisabled: .faint
        }
    }
}

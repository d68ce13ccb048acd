import Foundation
import Orchestrator

/// What replays have found, strategies side by side, and their actions below.
struct ReplayTable {
    let reports: [ReplayReport]
    let terminal: Terminal

    func text() -> String {
        var summary = TextTable([.init("")] + self.reports.map { .init($0.strategy, .right) })
        func row(_ title: String, _ value: (ReplayReport) -> String) {
            summary.append([.init(title)] + self.reports.map { .init(value($0)) })
        }
        row("events") { "\($0.events)" }
        row("entries") { "\($0.entries)" }
        row("exits as recorded") { "\($0.exitsAsRecorded)" }
        row("exits by a stop") { "\($0.exitsByStop)" }
        for seat in ConsumerSeat.allCases where self.reports.contains(where: { $0.exitsByConsumer[seat.name] != nil }) {
            row("exits by \(seat.name)") { "\($0.exitsByConsumer[seat.name] ?? 0)" }
        }
        row("open at the end") { "\($0.openAtEnd)" }
        row("stops moved") { "\($0.stopsMoved)" }
        for coin in Set(self.reports.flatMap { $0.realized.keys }).sorted() {
            row("realized PnL, \(coin)") { $0.realized[coin]?.description ?? "0" }
            row("unrealized PnL, \(coin)") { $0.unrealized[coin]?.description ?? "0" }
        }
        row("as recorded") { $0.isAsRecorded ? "yes" : "no" }
        var text = summary.text(self.terminal)
        for report in self.reports where !report.actions.isEmpty {
            text += "\n" + (self.reports.count > 1 ? "\(report.strategy):\n" : "") + self.actions(report)
        }
        return text
    }

    private func actions(_ report: ReplayReport) -> String {
        var table = TextTable([
            .init("TIME"), .init("ACCOUNT"), .init("SYMBOL"), .init("IDX", .right), .init("CONSUMER"), .init("ACTION"),
            .init("PARAMETERS"),
            .init("ORDER LINK ID"),
        ])
        for action in report.actions {
            table.append([
                .init(Timestamp(milliseconds: action.time).description), .init(action.account),
                .init(action.what.symbol), .init("\(action.what.positionIndex)"), .init(action.what.consumer),
                .init(action.what.action),
                .init(action.what.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " ")),
                .init(action.id),
            ])
        }
        return table.text(self.terminal)
    }
}

/// The same for programs.
struct ReplayJSON {
    let reports: [ReplayReport]

    private struct Document: Encodable {
        let schema_version = 1
        let strategies: [Strategy]
    }

    private struct Strategy: Encodable {
        let strategy: String
        let events: Int
        let entries: Int
        let exits: [String: Int]
        let open_at_end: Int
        let stops_moved: Int
        let realized_pnl: [String: String]
        let unrealized_pnl: [String: String]
        let as_recorded: Bool
        let actions: [Action]
    }

    private struct Action: Encodable {
        let time: String
        let account: String
        let consumer: String
        let action: String
        let symbol: String
        let position_idx: Int
        let order_link_id: String
        let params: [String: String]
    }

    func text() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let document = Document(strategies: self.reports.map(Self.strategy))
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    private static func strategy(_ report: ReplayReport) -> Strategy {
        var exits = report.exitsByConsumer
        exits["recorded"] = report.exitsAsRecorded
        exits["stop"] = report.exitsByStop
        return Strategy(
            strategy: report.strategy,
            events: report.events,
            entries: report.entries,
            exits: exits,
            open_at_end: report.openAtEnd,
            stops_moved: report.stopsMoved,
            realized_pnl: report.realized.mapValues(\.description),
            unrealized_pnl: report.unrealized.mapValues(\.description),
            as_recorded: report.isAsRecorded,
            actions: report.actions.map { action in
                Action(
                    time: Timestamp(milliseconds: action.time).description,
                    account: action.account,
                    consumer: action.what.consumer,
                    action: action.what.action,
                    symbol: action.what.symbol,
                    position_idx: action.what.positionIndex,
                    order_link_id: action.id,
                    params: Dictionary(action.what.parameters.map { ($0.name, $0.value) }) { first, _ in first }
                )
            }
        )
    }
}

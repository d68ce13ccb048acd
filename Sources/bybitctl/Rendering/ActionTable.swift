import Orchestrator

/// The journal of actions for people, one row each.
struct ActionTable {
    let report: ActionsReport
    let terminal: Terminal

    /// Nothing if there is none.
    func text() -> String {
        var table = TextTable([
            .init("TIME"), .init("ACCOUNT"), .init("SYMBOL"), .init("IDX", .right), .init("CONSUMER"), .init("ACTION"),
            .init("PARAMETERS"), .init("DRY RUN"), .init("OUTCOME"), .init("CODE", .right), .init("ORDER LINK ID"),
            .init("TEXT"),
        ])
        for action in self.report.actions { table.append(ActionTable.cells(action)) }
        return table.text(self.terminal)
    }

    private static func cells(_ action: ActionRecord) -> [TextTable.Cell] {
        let key = action.opening.key
        let parameters = action.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        return [
            .init(Timestamp(milliseconds: action.createdTime).description), .init(action.account), .init(key.symbol),
            .init("\(key.positionIndex)"), .init(action.consumer), .init(action.action),
            // What the exchange has sent must not break a row.
            .init(TextLogHandler.oneLine(parameters)), .init(action.isDryRun ? "yes" : "no"),
            .init(action.outcome.rawValue, self.style(action)), .init(action.returnCode.map { "\($0)" } ?? "-"),
            .init(action.orderLinkID), .init(TextLogHandler.oneLine(action.text)),
        ]
    }

    private static func style(_ action: ActionRecord) -> TextStyle {
        if action.isDryRun { return .faint }
        return switch action.outcome {
        case .journalled, .accepted: .plain
        case .done: .good
        case .rejected: .bad
        case .unknown: .warning
        }
    }
}

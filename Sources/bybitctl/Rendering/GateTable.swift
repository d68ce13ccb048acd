import Orchestrator

/// Gates for people, one row each.
struct GateTable {
    let terminal: Terminal

    /// - Parameter indent: so many blanks before each line.
    func text(_ gates: [Gate], indent: Int) -> String {
        var table = TextTable([.init("GATE"), .init("VERDICT"), .init("VALUE"), .init("LIMIT")])
        for gate in gates { table.append(GateTable.cells(gate)) }
        let blanks = String(repeating: " ", count: indent)
        return table.text(self.terminal).split(separator: "\n").map { blanks + $0 + "\n" }.joined()
    }

    /// With the account in front.
    func text(of accounts: [(name: String, gates: [Gate])]) -> String {
        var table = TextTable([
            .init("ACCOUNT"), .init("GATE"), .init("VERDICT"), .init("VALUE"), .init("LIMIT"),
        ])
        for account in accounts {
            for gate in account.gates { table.append([.init(account.name)] + GateTable.cells(gate)) }
        }
        return table.text(self.terminal)
    }

    private static func cells(_ gate: Gate) -> [TextTable.Cell] {
        [
            .init(gate.name), .init(gate.verdict.rawValue, self.style(gate.verdict)), .init(gate.value),
            .init(gate.limit),
        ]
    }

    static func style(_ verdict: Verdict) -> TextStyle {
        switch verdict {
        case .holds: .good
        case .open: .warning
        case .broken: .bad
        }
    }
}

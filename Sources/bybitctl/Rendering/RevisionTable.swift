import Orchestrator

/// Revisions for people, one row each.
struct RevisionTable {
    /// More names, or more changed keys, are counted: `history --revision N` lists them.
    private static let mostListed = 3

    let report: RevisionsReport
    let terminal: Terminal

    /// Nothing if there is none.
    func text() -> String {
        var table = TextTable([
            .init("NUMBER", .right), .init("TIME"), .init("WHO"), .init("KIND"), .init("ACCOUNTS"), .init("CHANGE"),
            .init("REASON"),
        ])
        for revision in self.report.revisions { table.append(RevisionTable.cells(revision)) }
        return table.text(self.terminal)
    }

    /// Each revision in full, with every account and every changed key.
    func details() -> String {
        self.report.revisions.map { revision in
            var lines = [
                "revision \(revision.number), \(revision.kind.rawValue)",
                "time      \(Timestamp(milliseconds: revision.time))",
                "who       \(RevisionTable.who(revision.caller))",
            ]
            if let file = revision.file { lines.append("file      \(file)") }
            if !revision.reason.isEmpty { lines.append("reason    \(revision.reason)") }
            if !revision.accounts.isEmpty { lines.append("accounts  \(revision.accounts.joined(separator: " "))") }
            lines = lines.map { TextLogHandler.oneLine($0) }
            if !revision.diff.isEmpty {
                lines += ["changes"] + revision.diff.map { "  " + TextLogHandler.oneLine($0) }
            }
            return lines.map { $0 + "\n" }.joined()
        }.joined(separator: "\n")
    }

    private static func cells(_ revision: Revision) -> [TextTable.Cell] {
        [
            .init("\(revision.number)"), .init(Timestamp(milliseconds: revision.time).description),
            .init(revision.caller.user),
            .init(revision.kind.rawValue, revision.kind == .automaticRollback ? .warning : .plain),
            .init(self.listed(revision.accounts, separator: " ", "accounts")),
            .init(self.change(revision)), .init(TextLogHandler.oneLine(revision.reason)),
        ]
    }

    private static func change(_ revision: Revision) -> String {
        var lines = revision.diff
        if revision.accounts.count == 1, let name = revision.accounts.first {
            // The account has a column of its own.
            lines = lines.map { $0.hasPrefix("\(name): ") ? String($0.dropFirst(name.count + 2)) : $0 }
        }
        return TextLogHandler.oneLine(self.listed(lines, separator: "; ", "changes"))
    }

    private static func listed(_ texts: [String], separator: String, _ what: String) -> String {
        if texts.isEmpty { return "-" }
        return texts.count > self.mostListed ? "\(texts.count) \(what)" : texts.joined(separator: separator)
    }

    private static func who(_ caller: Caller) -> String {
        caller.uid.map { "\(caller.user) (uid \($0))" } ?? "\(caller.user), by itself"
    }
}

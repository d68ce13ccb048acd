import GRDB

/// A row of `account_override`.
extension StoredOverride {
    private static let upsertSQL = """
        INSERT INTO account_override (account, enabled, mode, percent, drained, enabled_revision, mode_revision,
            drained_revision)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (account) DO UPDATE SET
            enabled = excluded.enabled, mode = excluded.mode, percent = excluded.percent, drained = excluded.drained,
            enabled_revision = excluded.enabled_revision, mode_revision = excluded.mode_revision,
            drained_revision = excluded.drained_revision
        """

    /// What the override says already keeps the revision that it has; the rest comes from the new one.
    static func write(
        _ override: AccountOverride,
        of account: String,
        by revision: Int,
        in database: Database
    ) throws {
        guard !override.isEmpty else {
            try database.cachedStatement(sql: "DELETE FROM account_override WHERE account = ?").execute(
                arguments: [account])
            return
        }
        let row = try Row.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM account_override WHERE account = ?"),
            arguments: [account]
        )
        let former = try row.map { try AccountOverride(row: $0, account: account) } ?? AccountOverride()
        func origin(_ isSet: Bool, _ isSame: Bool, _ column: String) -> Int? {
            guard isSet else { return nil }
            let known: Int? = row?[column]
            return isSame ? known ?? revision : revision
        }
        let isSameMode = former.mode == override.mode && former.percent == override.percent
        try database.cachedStatement(sql: self.upsertSQL).execute(
            arguments: [
                account, override.isEnabled, override.mode?.rawValue, override.percent, override.isDrained,
                origin(override.isEnabled != nil, former.isEnabled == override.isEnabled, "enabled_revision"),
                origin(override.mode != nil || override.percent != nil, isSameMode, "mode_revision"),
                origin(override.isDrained, former.isDrained, "drained_revision"),
            ])
    }

    /// By account.
    static func all(in database: Database) throws -> [String: StoredOverride] {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT o.*, e.kind AS enabled_kind, m.kind AS mode_kind, d.kind AS drained_kind
                FROM account_override o
                LEFT JOIN revision e ON e.number = o.enabled_revision
                LEFT JOIN revision m ON m.number = o.mode_revision
                LEFT JOIN revision d ON d.number = o.drained_revision
                """
        )
        var overrides: [String: StoredOverride] = [:]
        while let row = try rows.next() {
            let account: String = row["account"]
            overrides[account] = StoredOverride(
                try AccountOverride(row: row, account: account),
                enabledBy: try self.origin(row, "enabled", account),
                modeBy: try self.origin(row, "mode", account),
                drainedBy: try self.origin(row, "drained", account)
            )
        }
        return overrides
    }

    private static func origin(_ row: Row, _ key: String, _ account: String) throws -> Origin? {
        guard let number: Int = row[key + "_revision"] else { return nil }
        let text: String? = row[key + "_kind"]
        guard let kind = text.flatMap({ Revision.Kind(rawValue: $0) }) else {
            throw PositionRecord.Malformed(
                description: "override of account \(account): its revision \(number) is “\(text ?? "not there")”"
            )
        }
        return Origin(revision: number, kind: kind)
    }
}

extension AccountOverride {
    fileprivate init(row: Row, account: String) throws {
        let text: String? = row["mode"]
        let mode = text.flatMap { Mode(rawValue: $0) }
        if let text, mode == nil {
            throw PositionRecord.Malformed(description: "override of account \(account): mode is “\(text)”")
        }
        self.init(isEnabled: row["enabled"], mode: mode, percent: row["percent"], isDrained: row["drained"])
    }
}

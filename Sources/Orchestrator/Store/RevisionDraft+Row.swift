import GRDB

extension RevisionDraft {
    /// Writes the revision, its sources and the overrides that it leaves behind. Inside a transaction.
    func write(as number: Int, in database: Database) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO revision (number, time, kind, user, uid, reason, accounts, diff, file)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(
            arguments: [
                number, self.time, self.kind.rawValue, self.caller.user, self.caller.uid, self.reason,
                StringListText.encode(self.accounts), StringListText.encode(self.diff), self.file,
            ])
        for account in self.accounts {
            try database.cachedStatement(
                sql: "INSERT OR IGNORE INTO revision_account (account, revision) VALUES (?, ?)"
            ).execute(arguments: [account, number])
        }
        for (account, override) in self.overrides {
            try StoredOverride.write(override ?? AccountOverride(), of: account, by: number, in: database)
        }
        if let sources = self.sources { try sources.write(revision: number, in: database) }
    }
}

/// Rows of `revision`.
extension Revision {
    /// Newest first.
    static func all(_ query: RevisionsRequest, in database: Database) throws -> [Revision] {
        var conditions: [String] = []
        var arguments = StatementArguments()
        if let number = query.number {
            conditions.append("number = ?")
            arguments += [number]
        }
        if let since = query.sinceMilliseconds {
            conditions.append("time >= ?")
            arguments += [since]
        }
        if !query.accounts.isEmpty {
            let places = query.accounts.map { _ in "?" }.joined(separator: ", ")
            conditions.append("number IN (SELECT revision FROM revision_account WHERE account IN (\(places)))")
            arguments += StatementArguments(query.accounts)
        }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        arguments += [max(0, query.limit)]
        return try Row.fetchAll(
            database,
            sql: "SELECT * FROM revision \(condition) ORDER BY number DESC LIMIT ?",
            arguments: arguments
        ).map { try Revision($0) }
    }

    private init(_ row: Row) throws {
        let number: Int = row["number"]
        func value<Value>(_ column: String, _ read: (String) -> Value?) throws -> Value {
            let text: String = row[column]
            guard let value = read(text) else {
                throw PositionRecord.Malformed(description: "revision \(number): \(column) is “\(text)”")
            }
            return value
        }
        self.init(
            number: number,
            time: row["time"],
            kind: try value("kind") { Kind(rawValue: $0) },
            caller: Caller(user: row["user"], uid: row["uid"]),
            reason: row["reason"],
            accounts: try value("accounts") { StringListText.decode($0) },
            diff: try value("diff") { StringListText.decode($0) },
            file: row["file"]
        )
    }
}

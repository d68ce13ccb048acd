import GRDB

/// A row of `rollout_memory`.
extension RolloutMemory {
    private static let upsertSQL = """
        INSERT INTO rollout_memory (account, mode, percent, since, state) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (account) DO UPDATE SET
            mode = excluded.mode, percent = excluded.percent, since = excluded.since, state = excluded.state
        """

    /// - Parameter memories: by account; nil forgets it.
    static func write(_ memories: [String: RolloutMemory?], in database: Database) throws {
        for (account, memory) in memories {
            guard let memory else {
                try database.cachedStatement(sql: "DELETE FROM rollout_memory WHERE account = ?").execute(
                    arguments: [account])
                continue
            }
            try database.cachedStatement(sql: self.upsertSQL).execute(
                arguments: [account, memory.mode.rawValue, memory.percent, memory.since, memory.state])
        }
    }

    /// By account.
    static func all(in database: Database) throws -> [String: RolloutMemory] {
        let rows = try Row.fetchCursor(database, sql: "SELECT * FROM rollout_memory")
        var memories: [String: RolloutMemory] = [:]
        while let row = try rows.next() {
            let reader = StoredText(row, "rollout")
            memories[row["account"]] = RolloutMemory(
                mode: try reader.value("mode") { Mode(rawValue: $0) },
                percent: row["percent"],
                since: row["since"],
                state: row["state"]
            )
        }
        return memories
    }
}

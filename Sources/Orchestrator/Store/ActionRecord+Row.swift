import GRDB
import HybridStream

/// A row of `action_journal`.
extension ActionRecord {
    /// Finished ones are kept so long after their end, in milliseconds.
    static let keptTime: Int64 = 90 * 86_400_000
    /// At most so many old rows are removed with a write, so that none takes long.
    static let mostPruned = 100

    private static let upsertSQL = """
        INSERT INTO action_journal (account, order_link_id, consumer, action, category, symbol, position_idx, side,
            open_time, first_seen, opening_n, size, params, dry_run, attempt, outcome, ret_code, text, created_time,
            updated_time)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (account, order_link_id) DO UPDATE SET
            outcome = excluded.outcome, ret_code = excluded.ret_code, text = excluded.text,
            updated_time = excluded.updated_time
        """

    // Both conditions are those of their indices, word for word, or the indices are of no use.
    static let unfinishedSQL = """
        SELECT * FROM action_journal
        WHERE account = ? AND dry_run = 0 AND outcome IN ('journalled', 'accepted', 'unknown') ORDER BY id
        """
    static let pruneSQL = """
        DELETE FROM action_journal WHERE id IN (
            SELECT id FROM action_journal
            WHERE (dry_run = 1 OR outcome IN ('done', 'rejected')) AND updated_time < ? ORDER BY updated_time LIMIT ?
        )
        """

    func upsert(in database: Database) throws {
        try database.cachedStatement(sql: ActionRecord.upsertSQL).execute(
            arguments: [
                self.account, self.orderLinkID, self.consumer, self.action, self.opening.key.category.rawValue,
                self.opening.key.symbol, self.opening.key.positionIndex, self.opening.side.rawValue,
                self.opening.openTime, self.opening.firstSeen, self.opening.n, self.size.description,
                ParameterText.encode(self.parameters), self.isDryRun, self.attempt, self.outcome.rawValue,
                self.returnCode, self.text, self.createdTime, self.updatedTime,
            ])
    }

    /// Removes some of those that ended long before.
    /// - Parameter time: of the newest word, in milliseconds since 1970.
    static func prune(at time: Int64, in database: Database) throws {
        try database.cachedStatement(sql: self.pruneSQL).execute(arguments: [time - self.keptTime, self.mostPruned])
    }

    /// Those of an account whose end is not known, in the order in which they were journalled.
    static func unfinished(_ account: String, in database: Database) throws -> [ActionRecord] {
        try Row.fetchAll(database, sql: self.unfinishedSQL, arguments: [account]).map { try ActionRecord($0) }
    }

    /// The newest ones, newest first.
    /// - Parameters:
    ///   - accounts: only of these; empty means all.
    ///   - since: decided at or after this instant, in milliseconds since 1970.
    static func newest(
        _ limit: Int,
        of accounts: [String],
        since: Int64?,
        in database: Database
    ) throws -> [ActionRecord] {
        var conditions: [String] = []
        var arguments = StatementArguments()
        if let since {
            conditions.append("created_time >= ?")
            arguments += [since]
        }
        if !accounts.isEmpty {
            conditions.append("account IN (\(accounts.map { _ in "?" }.joined(separator: ", ")))")
            arguments += StatementArguments(accounts)
        }
        let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
        arguments += [limit]
        return try Row.fetchAll(
            database,
            sql: "SELECT * FROM action_journal \(condition) ORDER BY created_time DESC, id DESC LIMIT ?",
            arguments: arguments
        ).map { try ActionRecord($0) }
    }

    init(_ row: Row) throws {
        let link: String = row["order_link_id"]
        let reader = StoredText(row, "order_link_id \(link)")
        self.init(
            account: row["account"],
            orderLinkID: link,
            consumer: row["consumer"],
            action: row["action"],
            opening: try Opening(reader),
            size: try reader.value("size") { FixedPoint($0) },
            parameters: try reader.value("params", ParameterText.decode),
            isDryRun: row["dry_run"],
            attempt: row["attempt"],
            outcome: try reader.value("outcome", PipelineEvent.Action.Outcome.init(rawValue:)),
            returnCode: row["ret_code"],
            text: row["text"],
            createdTime: row["created_time"],
            updatedTime: row["updated_time"]
        )
    }
}

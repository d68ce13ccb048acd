import GRDB
import HybridStream

/// A row of `consumer_state`: what one consumer remembers of one opening. There is one for each consumer and leg.
public struct ConsumerStateRecord: Sendable, Equatable {
    public var account: String
    public var opening: Opening
    /// As in the configuration: `trailing_stop` …
    public var consumer: String
    /// The text of a JSON object.
    public var state: String
    /// How many actions the consumer has asked for in this opening.
    public var attempts: Int
    /// It comes from a dry run: what it remembers as done was never done.
    public var isDryRun: Bool
    /// Milliseconds since 1970.
    public var updatedTime: Int64

    public init(
        account: String,
        opening: Opening,
        consumer: String,
        state: String,
        attempts: Int,
        isDryRun: Bool = false,
        updatedTime: Int64
    ) {
        self.account = account
        self.opening = opening
        self.consumer = consumer
        self.state = state
        self.attempts = attempts
        self.isDryRun = isDryRun
        self.updatedTime = updatedTime
    }
}

extension ConsumerStateRecord {
    private static let upsertSQL = """
        INSERT INTO consumer_state (account, category, symbol, position_idx, consumer, side, open_time, first_seen,
            opening_n, state, attempts, dry_run, updated_time)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (account, category, symbol, position_idx, consumer) DO UPDATE SET
            side = excluded.side, open_time = excluded.open_time, first_seen = excluded.first_seen,
            opening_n = excluded.opening_n, state = excluded.state, attempts = excluded.attempts,
            dry_run = excluded.dry_run, updated_time = excluded.updated_time
        """

    private static let deleteSQL =
        "DELETE FROM consumer_state WHERE account = ? AND category = ? AND symbol = ? AND position_idx = ?"

    func upsert(account: String, in database: Database) throws {
        let key = self.opening.key
        try database.cachedStatement(sql: ConsumerStateRecord.upsertSQL).execute(
            arguments: [
                account, key.category.rawValue, key.symbol, key.positionIndex, self.consumer,
                self.opening.side.rawValue, self.opening.openTime, self.opening.firstSeen, self.opening.n, self.state,
                self.attempts, self.isDryRun, self.updatedTime,
            ])
    }

    static func delete(_ key: PositionKey, account: String, in database: Database) throws {
        try database.cachedStatement(sql: self.deleteSQL).execute(
            arguments: [account, key.category.rawValue, key.symbol, key.positionIndex])
    }

    /// All of an account, in the order of their keys.
    static func all(_ account: String, in database: Database) throws -> [ConsumerStateRecord] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT * FROM consumer_state WHERE account = ?
                ORDER BY category, symbol, position_idx, consumer
                """,
            arguments: [account]
        ).map { row in
            let (consumer, symbol): (String, String) = (row["consumer"], row["symbol"])
            return ConsumerStateRecord(
                account: account,
                opening: try Opening(StoredText(row, "state of \(consumer), symbol \(symbol)")),
                consumer: consumer,
                state: row["state"],
                attempts: row["attempts"],
                isDryRun: row["dry_run"],
                updatedTime: row["updated_time"]
            )
        }
    }
}

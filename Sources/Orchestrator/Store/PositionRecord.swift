import GRDB
import HybridStream

/// A row of `position_book`.
enum PositionRecord {
    static let upsertSQL = """
        INSERT INTO position_book (account, category, symbol, position_idx, side, size, entry_price, row_mark_price,
            leverage, liq_price, stop_loss, take_profit, trailing_stop, position_value, seq, updated_time, created_time,
            open_time)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (account, category, symbol, position_idx) DO UPDATE SET
            side = excluded.side, size = excluded.size, entry_price = excluded.entry_price,
            row_mark_price = excluded.row_mark_price, leverage = excluded.leverage, liq_price = excluded.liq_price,
            stop_loss = excluded.stop_loss, take_profit = excluded.take_profit, trailing_stop = excluded.trailing_stop,
            position_value = excluded.position_value, seq = excluded.seq, updated_time = excluded.updated_time,
            created_time = excluded.created_time, open_time = excluded.open_time
        """

    static let deleteSQL =
        "DELETE FROM position_book WHERE account = ? AND category = ? AND symbol = ? AND position_idx = ?"

    static func upsert(_ position: Position, account: String, in database: Database) throws {
        try database.cachedStatement(sql: self.upsertSQL).execute(
            arguments: [
                account, position.key.category.rawValue, position.key.symbol, position.key.positionIndex,
                position.side.rawValue, position.size.description, position.entryPrice.description,
                position.rowMarkPrice?.description, position.leverage, position.liquidationPrice, position.stopLoss,
                position.takeProfit, position.trailingStop, position.positionValue, position.seq, position.updatedTime,
                position.createdTime, position.openTime,
            ])
    }

    static func delete(_ key: PositionKey, account: String, in database: Database) throws {
        try database.cachedStatement(sql: self.deleteSQL).execute(
            arguments: [account, key.category.rawValue, key.symbol, key.positionIndex])
    }

    /// The open positions of an account, in the order of their keys.
    static func all(_ account: String, in database: Database) throws -> [Position] {
        try Row.fetchAll(database, sql: "SELECT * FROM position_book WHERE account = ?", arguments: [account])
            .map(self.position)
    }

    /// A text column that holds something else than it should.
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    static func position(_ row: Row) throws -> Position {
        let symbol: String = row["symbol"]
        let account: String = row["account"]
        func malformed(_ column: String, _ value: String) -> Malformed {
            Malformed(description: "account \(account), symbol \(symbol): \(column) is “\(value)”")
        }
        func decimal(_ column: String) throws -> FixedPoint {
            let text: String = row[column]
            guard let value = FixedPoint(text) else { throw malformed(column, text) }
            return value
        }
        let categoryText: String = row["category"]
        guard let category = Category(rawValue: categoryText) else { throw malformed("category", categoryText) }
        let sideText: String = row["side"]
        guard let side = Side(rawValue: sideText) else { throw malformed("side", sideText) }
        let markText: String? = row["row_mark_price"]
        return Position(
            key: PositionKey(category: category, symbol: symbol, positionIndex: row["position_idx"]),
            side: side,
            size: try decimal("size"),
            entryPrice: try decimal("entry_price"),
            rowMarkPrice: markText == nil ? nil : try decimal("row_mark_price"),
            leverage: row["leverage"],
            liquidationPrice: row["liq_price"],
            stopLoss: row["stop_loss"],
            takeProfit: row["take_profit"],
            trailingStop: row["trailing_stop"],
            positionValue: row["position_value"],
            seq: row["seq"],
            updatedTime: row["updated_time"],
            createdTime: row["created_time"],
            openTime: row["open_time"]
        )
    }
}

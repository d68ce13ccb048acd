import GRDB

/// Rows of `source_text`: each text once, however many revisions have it.
enum SourceText {
    /// - Returns: the row that has the text, which is made if there is none.
    static func keep(_ text: String, in database: Database) throws -> Int64 {
        let hash = self.hash(of: text)
        let known = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT id FROM source_text WHERE hash = ? AND text = ? ORDER BY id LIMIT 1"),
            arguments: [hash, text]
        )
        if let known { return known }
        try database.cachedStatement(sql: "INSERT INTO source_text (text, hash) VALUES (?, ?)").execute(
            arguments: [text, hash])
        return database.lastInsertedRowID
    }

    /// Fills the column of a store whose texts have no hash yet.
    static func hashAll(in database: Database) throws {
        for id in try Int64.fetchAll(database, sql: "SELECT id FROM source_text") {
            // One at a time: together they may be large.
            let text = try String.fetchOne(database, sql: "SELECT text FROM source_text WHERE id = ?", arguments: [id])
            try database.execute(
                sql: "UPDATE source_text SET hash = ? WHERE id = ?",
                arguments: [self.hash(of: text ?? ""), id]
            )
        }
    }

    /// FNV-1a, 64 bit. It stands in files, so it must never change; equal hashes are no proof that texts are equal.
    private static func hash(of text: String) -> Int64 {
        var text = text
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        text.withUTF8 { bytes in
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        }
        return Int64(bitPattern: hash)
    }
}

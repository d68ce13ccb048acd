import GRDB

/// Rows of `revision_source`, with their texts.
extension ConfigurationSources {
    /// A file whose text is kept already, of whichever revision, shares it.
    func write(revision: Int, in database: Database) throws {
        var known: [String: (id: Int64, text: String)] = [:]
        if let last = try ConfigurationSources.newestRevision(in: database) {
            let rows = try Row.fetchCursor(database, sql: ConfigurationSources.selectSQL, arguments: [last])
            while let row = try rows.next() { known[row["path"]] = (row["text_id"], row["text"]) }
        }
        for (position, file) in self.files.enumerated() {
            let id: Int64
            // Most files are as they were the last time.
            if let same = known[file.path], same.text == file.text {
                id = same.id
            } else {
                id = try SourceText.keep(file.text, in: database)
            }
            try database.cachedStatement(
                sql: """
                    INSERT INTO revision_source (revision, position, path, include, text_id) VALUES (?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [revision, position, file.path, file.include, id])
        }
    }

    /// Nil if that revision has none.
    static func of(_ revision: Int, in database: Database) throws -> ConfigurationSources? {
        let files = try Row.fetchAll(database, sql: self.selectSQL, arguments: [revision]).map { row in
            File(path: row["path"], include: row["include"], text: row["text"])
        }
        return files.isEmpty ? nil : ConfigurationSources(files: files)
    }

    /// The newest revision that has any.
    static func newestRevision(in database: Database) throws -> Int? {
        try Int.fetchOne(database, sql: "SELECT max(revision) FROM revision_source")
    }

    /// The newest one of any other kind that has any.
    static func newestRevision(but kind: Revision.Kind, in database: Database) throws -> Int? {
        try Int.fetchOne(
            database,
            sql:
                "SELECT max(s.revision) FROM revision_source s JOIN revision r ON r.number = s.revision WHERE r.kind <> ?",
            arguments: [kind.rawValue]
        )
    }

    private static let selectSQL = """
        SELECT s.path, s.include, s.text_id, t.text FROM revision_source s JOIN source_text t ON t.id = s.text_id
        WHERE s.revision = ? ORDER BY s.position
        """
}

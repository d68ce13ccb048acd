import GRDB

/// The tables of the store. Each version is one migration; an applied one is never edited.
enum StoreSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 positions and counters") { database in
            try database.execute(
                sql: """
                    CREATE TABLE position_book (
                        account TEXT NOT NULL,
                        category TEXT NOT NULL,
                        symbol TEXT NOT NULL,
                        position_idx INTEGER NOT NULL,
                        side TEXT NOT NULL,
                        size TEXT NOT NULL,
                        entry_price TEXT NOT NULL,
                        row_mark_price TEXT,
                        leverage TEXT NOT NULL,
                        liq_price TEXT NOT NULL,
                        stop_loss TEXT NOT NULL,
                        take_profit TEXT NOT NULL,
                        trailing_stop TEXT NOT NULL,
                        position_value TEXT NOT NULL,
                        seq INTEGER NOT NULL,
                        updated_time INTEGER NOT NULL,
                        created_time INTEGER NOT NULL,
                        open_time INTEGER NOT NULL,
                        PRIMARY KEY (account, category, symbol, position_idx)
                    ) STRICT, WITHOUT ROWID;
                    CREATE TABLE account_counter (
                        account TEXT NOT NULL PRIMARY KEY,
                        -- The highest number that may have been used.
                        n_reserved INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    """
            )
        }
        migrator.registerMigration("2 told events") { database in
            try database.execute(
                sql: """
                    CREATE TABLE told_event (
                        -- Never used again, so that older is smaller.
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        account TEXT NOT NULL,
                        n INTEGER NOT NULL,
                        line BLOB NOT NULL
                    ) STRICT;
                    """
            )
        }
        migrator.registerMigration("3 consumers and actions") { database in try self.addActions(database) }
        migrator.registerMigration("4 revisions and overrides") { database in try self.addRevisions(database) }
        migrator.registerMigration("5 texts by their hash") { database in try self.addTextHashes(database) }
        return migrator
    }

    private static func addTextHashes(_ database: Database) throws {
        try database.execute(
            sql: """
                -- By which a text is found that is kept already.
                ALTER TABLE source_text ADD COLUMN hash INTEGER NOT NULL DEFAULT 0;
                """
        )
        try SourceText.hashAll(in: database)
        try database.execute(sql: "CREATE INDEX source_text_hash ON source_text (hash)")
    }

    private static func addActions(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE consumer_state (
                    account TEXT NOT NULL,
                    category TEXT NOT NULL,
                    symbol TEXT NOT NULL,
                    position_idx INTEGER NOT NULL,
                    consumer TEXT NOT NULL,
                    -- The opening it belongs to.
                    side TEXT NOT NULL,
                    open_time INTEGER NOT NULL,
                    first_seen INTEGER NOT NULL,
                    opening_n INTEGER NOT NULL,
                    -- JSON.
                    state TEXT NOT NULL,
                    attempts INTEGER NOT NULL,
                    dry_run INTEGER NOT NULL,
                    updated_time INTEGER NOT NULL,
                    PRIMARY KEY (account, category, symbol, position_idx, consumer)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE action_journal (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    account TEXT NOT NULL,
                    order_link_id TEXT NOT NULL,
                    consumer TEXT NOT NULL,
                    action TEXT NOT NULL,
                    category TEXT NOT NULL,
                    symbol TEXT NOT NULL,
                    position_idx INTEGER NOT NULL,
                    -- The opening it belongs to.
                    side TEXT NOT NULL,
                    open_time INTEGER NOT NULL,
                    first_seen INTEGER NOT NULL,
                    opening_n INTEGER NOT NULL,
                    size TEXT NOT NULL,
                    -- A JSON object of strings; the order of its keys counts.
                    params TEXT NOT NULL,
                    dry_run INTEGER NOT NULL,
                    attempt INTEGER NOT NULL,
                    outcome TEXT NOT NULL,
                    ret_code INTEGER,
                    text TEXT NOT NULL,
                    created_time INTEGER NOT NULL,
                    updated_time INTEGER NOT NULL,
                    UNIQUE (account, order_link_id)
                ) STRICT;
                CREATE INDEX action_journal_time ON action_journal (created_time);
                -- Of a dry run nothing is to be expected any more.
                CREATE INDEX action_journal_unfinished ON action_journal (account)
                    WHERE dry_run = 0 AND outcome IN ('journalled', 'accepted', 'unknown');
                CREATE INDEX action_journal_finished ON action_journal (updated_time)
                    WHERE (dry_run = 1 OR outcome IN ('done', 'rejected'));
                """
        )
    }

    private static func addRevisions(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE revision (
                    -- From 1, without holes.
                    number INTEGER PRIMARY KEY,
                    time INTEGER NOT NULL,
                    kind TEXT NOT NULL,
                    user TEXT NOT NULL,
                    uid INTEGER,
                    reason TEXT NOT NULL,
                    -- JSON arrays of strings.
                    accounts TEXT NOT NULL,
                    diff TEXT NOT NULL,
                    file TEXT
                ) STRICT;
                CREATE TABLE revision_account (
                    account TEXT NOT NULL,
                    revision INTEGER NOT NULL REFERENCES revision (number),
                    PRIMARY KEY (account, revision)
                ) STRICT, WITHOUT ROWID;
                -- A text that many revisions have in common is kept once.
                CREATE TABLE source_text (
                    id INTEGER PRIMARY KEY,
                    text TEXT NOT NULL
                ) STRICT;
                CREATE TABLE revision_source (
                    revision INTEGER NOT NULL REFERENCES revision (number),
                    position INTEGER NOT NULL,
                    path TEXT NOT NULL,
                    -- Which include: of the main file names it.
                    include INTEGER,
                    text_id INTEGER NOT NULL REFERENCES source_text (id),
                    PRIMARY KEY (revision, position)
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE account_override (
                    account TEXT NOT NULL PRIMARY KEY,
                    enabled INTEGER,
                    mode TEXT,
                    percent INTEGER,
                    drained INTEGER NOT NULL,
                    -- The revisions that have set them.
                    enabled_revision INTEGER,
                    mode_revision INTEGER,
                    drained_revision INTEGER
                ) STRICT, WITHOUT ROWID;
                CREATE TABLE rollout_memory (
                    account TEXT NOT NULL PRIMARY KEY,
                    mode TEXT NOT NULL,
                    percent INTEGER,
                    since INTEGER NOT NULL,
                    -- JSON.
                    state TEXT NOT NULL
                ) STRICT, WITHOUT ROWID;
                """
        )
    }
}

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
        return migrator
    }
}

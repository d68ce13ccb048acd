import GRDB

/// Which actions somebody wants to see.
public struct ActionsRequest: Sendable, Equatable {
    /// Only of these accounts; empty means all.
    public var accounts: [String]
    /// Only those decided at or after this instant, in milliseconds since 1970.
    public var sinceMilliseconds: Int64?
    /// At most so many of the newest.
    public var limit: Int

    public init(accounts: [String] = [], sinceMilliseconds: Int64? = nil, limit: Int) {
        self.accounts = accounts
        self.sinceMilliseconds = sinceMilliseconds
        self.limit = limit
    }
}

/// What a store tells of the actions in its journal.
public struct ActionHistory: Sendable, Equatable {
    /// Every account that the store has heard of.
    public var accounts: [String]
    /// Newest first.
    public var actions: [ActionRecord]

    public init(accounts: [String], actions: [ActionRecord]) {
        self.accounts = accounts
        self.actions = actions
    }

    /// Reads a store's file, beside the process that writes it or without one. Nothing in it is changed. Blocks for the
    /// time of the reading.
    public init(storeAt path: String, _ request: ActionsRequest) throws(StoreError) {
        do {
            var configuration = GRDB.Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            configuration.label = "store reader"
            let database = try DatabaseQueue(path: path, configuration: configuration)
            self = try database.read { database in
                try StoreFile.checkVersion(database, path: path)
                return try ActionHistory(database, request)
            }
            try database.close()
        } catch {
            throw StoreFile.error(error, path: path, otherwise: .unreadable)
        }
    }

    private init(_ database: Database, _ request: ActionsRequest) throws {
        // A store that no version with a journal has opened yet.
        guard try database.tableExists("action_journal") else {
            self.init(accounts: [], actions: [])
            return
        }
        self.init(
            accounts: try String.fetchAll(
                database,
                sql: """
                    SELECT account FROM account_counter WHERE account <> ?
                    UNION SELECT account FROM action_journal ORDER BY account
                    """,
                arguments: [StoreFile.everyAccount]
            ),
            actions: try ActionRecord.newest(
                request.limit,
                of: request.accounts,
                since: request.sinceMilliseconds,
                in: database
            )
        )
    }
}

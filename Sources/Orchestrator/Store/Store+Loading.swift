import GRDB
import HybridStream

extension Store {
    /// An account's positions, and numbers for its events, which are on disk as used when this returns. Blocks for the
    /// time of a transaction: not to be called on an event loop.
    public func loadAccount(_ account: String) throws(StoreError) -> StoredAccount {
        let loaded = try self.loadAll([account])
        guard let stored = loaded.first else {
            throw StoreError(kind: .unreadable, path: self.path, reason: "account \(account) was not loaded")
        }
        return stored
    }

    /// The same for many accounts in one transaction, in the given order.
    /// - Parameter floors: by account, a number that was used; its next one is greater.
    public func loadAll(
        _ accounts: [String],
        above floors: [String: Int64] = [:]
    ) throws(StoreError) -> [StoredAccount] {
        try self.thread.sync { self.loadNow(accounts, above: floors) }.get()
    }

    /// The same without blocking: whoever asks waits, and nobody else.
    public func fetchAll(
        _ accounts: [String],
        above floors: [String: Int64] = [:]
    ) async throws(StoreError) -> [StoredAccount] {
        try await self.onThread { self.loadNow(accounts, above: floors) }
    }

    /// On the thread.
    private func loadNow(_ accounts: [String], above floors: [String: Int64]) -> Result<[StoredAccount], StoreError> {
        self.afterWriting { database in
            let told = try self.loadTold(of: accounts, in: database)
            return try Store.durably(database) {
                try accounts.map { account in
                    let used = try Store.reserve(account, above: floors[account], in: database)
                    return StoredAccount(
                        account: account,
                        positions: try PositionRecord.all(account, in: database),
                        numbers: self.lease(account, behind: used),
                        told: told[account] ?? [],
                        states: try ConsumerStateRecord.all(account, in: database),
                        unfinished: try ActionRecord.unfinished(account, in: database)
                    )
                }
            }
        }
    }

    private func lease(_ account: String, behind used: Int64) -> NumberLease {
        NumberLease(first: used + 1, last: used + NumberLease.blockSize) { [weak self] lease in
            guard let self else { return lease.requestFailed() }
            self.add(.extend(lease), account: account)
        }
    }

    /// Adds a block to what an account has reserved.
    /// - Returns: what it had before.
    static func reserve(_ account: String, above floor: Int64?, in database: Database) throws -> Int64 {
        // An account that is new to a store that took a damaged one's place begins behind all that were used before.
        let stored = try Int64.fetchOne(
            database,
            sql: "SELECT max(n_reserved) FROM account_counter WHERE account IN (?, ?)",
            arguments: [account, StoreFile.everyAccount]
        )
        let used = max(stored ?? 0, floor ?? 0)
        try self.setReserved(used + NumberLease.blockSize, account: account, in: database)
        return used
    }

    static func setReserved(_ value: Int64, account: String, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO account_counter (account, n_reserved) VALUES (?, ?)
                ON CONFLICT (account) DO UPDATE SET n_reserved = excluded.n_reserved
                """,
            arguments: [account, value]
        )
    }

    /// A transaction that is on the disk when this returns, even if the power fails: numbers must not come back, and what
    /// an order was sent for must be known.
    static func durably<Value>(_ database: Database, _ body: () throws -> Value) throws -> Value {
        try database.execute(sql: "PRAGMA synchronous = FULL")
        let outcome = Result {
            var value: Value?
            try database.inTransaction(.immediate) {
                value = try body()
                return .commit
            }
            return value
        }
        try database.execute(sql: "PRAGMA synchronous = NORMAL")
        guard let value = try outcome.get() else { throw DatabaseError(message: "the transaction did not run") }
        return value
    }
}

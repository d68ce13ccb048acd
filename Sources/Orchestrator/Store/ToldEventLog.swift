import Foundation
import GRDB

/// The table `told_event`: lifecycle events that need not have reached every file. Knows which rows are how old.
///
/// What a process that died has left of an account is held until it waits in the account's sinks, however far other accounts'
/// sinks have got.
struct ToldEventLog {
    private struct Age {
        /// The newest row of its transaction.
        var id: Int64
        var recorded: ContinuousClock.Instant
    }

    private var ages: [Age] = []
    /// Accounts whose rows are not to be removed yet.
    private(set) var held: Set<String> = []
    private var isLoaded = false
    /// The newest row.
    private var lastID: Int64 = 0

    func holdsAny(before instant: ContinuousClock.Instant) -> Bool {
        self.ages.first.map { $0.recorded < instant } ?? false
    }

    /// The rows of these accounts, which are held from now on. The first time also those of all others.
    mutating func load(_ accounts: [String], in database: Database) throws -> [String: [ToldEvent]] {
        var events: [String: [ToldEvent]] = [:]
        let rows = try Row.fetchCursor(database, sql: "SELECT id, account, n, line FROM told_event ORDER BY id")
        let wanted = Set(accounts)
        while let row = try rows.next() {
            let account: String = row["account"]
            self.lastID = max(self.lastID, row["id"])
            if !self.isLoaded || wanted.contains(account) { self.held.insert(account) }
            guard wanted.contains(account) else { continue }
            let line: Data = row["line"]
            events[account, default: []].append(ToldEvent(n: row["n"], line: [UInt8](line)))
        }
        self.isLoaded = true
        return events
    }

    /// The rows of these accounts wait in their sinks now, or in none for ever. They count as recorded now.
    mutating func release(where isReleased: (String) -> Bool) {
        let before = self.held.count
        self.held = self.held.filter { !isReleased($0) }
        if self.held.count < before { self.ages.append(Age(id: self.lastID, recorded: .now)) }
    }

    /// Adds events and removes those that stand in every file. After a failure the log is to be forgotten with the
    /// transaction.
    mutating func write(
        _ told: [PendingWrites.Told],
        delivered: ContinuousClock.Instant?,
        in database: Database
    ) throws {
        for told in told {
            try database.cachedStatement(sql: "INSERT INTO told_event (account, n, line) VALUES (?, ?, ?)").execute(
                arguments: [told.account, told.event.n, Data(told.event.line)]
            )
        }
        if let last = told.last {
            self.lastID = database.lastInsertedRowID
            self.ages.append(Age(id: self.lastID, recorded: last.recorded))
        }
        guard let delivered else { return }
        let count = self.ages.prefix { $0.recorded < delivered }.count
        if count == 0 { return }
        try self.remove(through: self.ages[count - 1].id, in: database)
        self.ages.removeFirst(count)
    }

    private func remove(through id: Int64, in database: Database) throws {
        guard !self.held.isEmpty else {
            return try database.execute(sql: "DELETE FROM told_event WHERE id <= ?", arguments: [id])
        }
        let accounts = try String.fetchAll(
            database,
            sql: "SELECT DISTINCT account FROM told_event WHERE id <= ?",
            arguments: [id]
        )
        for account in accounts where !self.held.contains(account) {
            try database.execute(
                sql: "DELETE FROM told_event WHERE id <= ? AND account = ?",
                arguments: [id, account]
            )
        }
    }
}

import Foundation
import GRDB

/// The table `told_event`: lifecycle events that need not have reached every file. Knows which rows are how old.
struct ToldEventLog {
    private struct Age {
        /// The newest row of its transaction.
        var id: Int64
        var recorded: ContinuousClock.Instant
    }

    private var ages: [Age] = []

    func holdsAny(before instant: ContinuousClock.Instant) -> Bool {
        self.ages.first.map { $0.recorded < instant } ?? false
    }

    /// What a process that died has left, by account. It counts as recorded now.
    static func load(_ database: Database) throws -> (log: ToldEventLog, events: [String: [ToldEvent]]) {
        var log = ToldEventLog()
        var events: [String: [ToldEvent]] = [:]
        let rows = try Row.fetchCursor(database, sql: "SELECT id, account, n, line FROM told_event ORDER BY id")
        while let row = try rows.next() {
            let line: Data = row["line"]
            events[row["account"], default: []].append(ToldEvent(n: row["n"], line: [UInt8](line)))
            log.ages = [Age(id: row["id"], recorded: .now)]
        }
        return (log, events)
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
        if let last = told.last { self.ages.append(Age(id: database.lastInsertedRowID, recorded: last.recorded)) }
        guard let delivered else { return }
        let count = self.ages.prefix { $0.recorded < delivered }.count
        if count == 0 { return }
        try database.execute(sql: "DELETE FROM told_event WHERE id <= ?", arguments: [self.ages[count - 1].id])
        self.ages.removeFirst(count)
    }
}

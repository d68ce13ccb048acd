import GRDB

/// What is to be written into the journal of actions, in the order in which it came. Of several words on one action only the
/// last is written.
struct PendingActions {
    private struct Key: Hashable {
        let account: String
        let orderLinkID: String

        init(_ record: ActionRecord) {
            self.account = record.account
            self.orderLinkID = record.orderLinkID
        }
    }

    private struct Entry {
        var record: ActionRecord
        /// Who waits for it.
        var receipts: [ActionReceipt] = []
        /// It is to be written whether or not somebody waits for it.
        var isOwed = false

        /// Whoever waited was told that it failed: it must not stand in the journal as something that may have been sent.
        var isWithdrawn: Bool { !self.isOwed && self.receipts.allSatisfy(\.isSettled) }
    }

    private var entries: [Entry] = []
    private var places: [Key: Int] = [:]

    /// While the disk does not answer for very long, the oldest that nobody waits for are given up. That costs lines of the
    /// history and nothing else: an action whose end is not in the journal is looked up by the next start.
    static let most = 20_000

    var isEmpty: Bool { self.entries.isEmpty }
    var count: Int { self.entries.count }

    /// Somebody waits, or has waited, for one of them: they go to the disk for good.
    var isAwaited: Bool { self.entries.contains { !$0.receipts.isEmpty } }

    var receipts: [ActionReceipt] { self.entries.flatMap(\.receipts) }

    /// - Parameter receipt: nil if nobody waits.
    mutating func add(_ record: ActionRecord, _ receipt: ActionReceipt?) {
        if let place = self.places[Key(record)] {
            self.entries[place].record.update(with: record)
            self.entries[place].isOwed = self.entries[place].isOwed || receipt == nil
            if let receipt { self.entries[place].receipts.append(receipt) }
            return
        }
        self.append(Entry(record: record, receipts: receipt.map { [$0] } ?? [], isOwed: receipt == nil))
        if self.entries.count > 2 * PendingActions.most { self.trim() }
    }

    /// Puts back what could not be written. What came since is newer.
    mutating func restore(_ older: PendingActions) {
        let newer = self
        self = PendingActions()
        for entry in older.entries where !entry.isWithdrawn { self.append(entry) }
        for entry in newer.entries {
            guard let place = self.places[Key(entry.record)] else {
                self.append(entry)
                continue
            }
            self.entries[place].record.update(with: entry.record)
            self.entries[place].receipts += entry.receipts
            self.entries[place].isOwed = self.entries[place].isOwed || entry.isOwed
        }
        if self.entries.count > 2 * PendingActions.most { self.trim() }
    }

    func write(in database: Database) throws {
        var newest: Int64?
        for entry in self.entries where !entry.isWithdrawn {
            try entry.record.upsert(in: database)
            newest = max(newest ?? entry.record.updatedTime, entry.record.updatedTime)
        }
        if let newest { try ActionRecord.prune(at: newest, in: database) }
    }

    private mutating func append(_ entry: Entry) {
        self.places[Key(entry.record)] = self.entries.count
        self.entries.append(entry)
    }

    private mutating func trim() {
        var surplus = self.entries.count - PendingActions.most
        let all = self.entries
        self = PendingActions()
        for entry in all {
            if surplus > 0, entry.receipts.allSatisfy(\.isSettled) {
                surplus -= 1
            } else {
                self.append(entry)
            }
        }
    }
}

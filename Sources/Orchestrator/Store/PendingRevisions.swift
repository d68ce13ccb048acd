import GRDB

/// Revisions that somebody waits for, in the order in which they were asked for. Those of one transaction are all in the
/// file or none is.
struct PendingRevisions {
    private var entries: [(draft: RevisionDraft, receipt: RevisionReceipt)] = []

    var isEmpty: Bool { self.entries.isEmpty }

    mutating func add(_ draft: RevisionDraft, _ receipt: RevisionReceipt) {
        self.entries.append((draft, receipt))
    }

    /// Numbers are given here, from what the file has, so that a failure leaves no hole.
    func write(in database: Database) throws {
        guard !self.isEmpty else { return }
        var last = try Int.fetchOne(database, sql: "SELECT max(number) FROM revision") ?? 0
        for (draft, receipt) in self.entries where receipt.claim(last + 1) {
            last += 1
            try draft.write(as: last, in: database)
        }
    }

    /// Tells all who wait how it ended.
    func settle(failure: StoreError?) {
        for entry in self.entries {
            entry.receipt.settle(
                failure: failure.map {
                    StoreError(kind: $0.kind == .closed ? .closed : .notCommitted, path: $0.path, reason: $0.reason)
                }
            )
        }
    }
}

import GRDB
import HybridStream

/// What is to be written of the consumers' memory: the newest state of each consumer and leg, and the legs whose states go.
/// So it is bounded by the legs that there are.
struct PendingStates {
    private var states: [PendingWrites.RowKey: [String: ConsumerStateRecord]] = [:]
    /// What the file has of these legs goes before anything is written of them.
    private var dropped: Set<PendingWrites.RowKey> = []

    var isEmpty: Bool { self.states.isEmpty && self.dropped.isEmpty }

    mutating func add(_ states: [ConsumerStateRecord], account: String) {
        for state in states {
            let leg = PendingWrites.RowKey(account: account, key: state.opening.key)
            self.states[leg, default: [:]][state.consumer] = state
        }
    }

    mutating func drop(_ key: PositionKey, account: String) {
        let leg = PendingWrites.RowKey(account: account, key: key)
        self.states[leg] = nil
        self.dropped.insert(leg)
    }

    /// Puts back what could not be written. What came since is newer.
    mutating func restore(_ older: PendingStates) {
        for (leg, states) in older.states where !self.dropped.contains(leg) {
            self.states[leg] = states.merging(self.states[leg] ?? [:]) { $1 }
        }
        self.dropped.formUnion(older.dropped)
    }

    func write(in database: Database) throws {
        for leg in self.dropped {
            try ConsumerStateRecord.delete(leg.key, account: leg.account, in: database)
        }
        for (leg, states) in self.states {
            for state in states.values { try state.upsert(account: leg.account, in: database) }
        }
    }
}

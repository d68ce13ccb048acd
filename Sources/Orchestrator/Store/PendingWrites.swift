import HybridStream

/// What is to be written to the store: the newest change of each position, the newest word on each counter, state and action.
/// So it is bounded by what exists, however long the disk does not answer.
struct PendingWrites {
    struct RowKey: Hashable {
        let account: String
        let key: PositionKey
    }

    enum Counter {
        /// A running account needs more numbers.
        case extend(NumberLease)
        /// The account ended in good order behind this number.
        case settle(Int64)
    }

    struct Told {
        let account: String
        let event: ToldEvent
        let recorded: ContinuousClock.Instant
    }

    private(set) var positions: [RowKey: PositionChange] = [:]
    /// In the order in which they are told.
    private(set) var told: [Told] = []
    private(set) var counters: [String: Counter] = [:]

    var states = PendingStates()
    var actions = PendingActions()
    var revisions = PendingRevisions()
    /// The newest of each account; nil where it is to be forgotten.
    private(set) var rollouts: [String: RolloutMemory?] = [:]

    /// Told events that stand in every file are to be removed.
    var prunesTold = false

    /// While the disk does not answer for very long, the oldest are given up: they stand in the files by then.
    static let mostTold = 20_000
    /// So many rows are written without waiting for more.
    static let enough = 500

    var isEmpty: Bool {
        self.positions.isEmpty && self.counters.isEmpty && self.told.isEmpty && !self.prunesTold && self.states.isEmpty
            && self.actions.isEmpty && self.revisions.isEmpty && self.rollouts.isEmpty
    }
    /// Numbers are urgent: someone may be waiting.
    var isUrgent: Bool { self.positions.count >= PendingWrites.enough || !self.counters.isEmpty }
    /// What must outlive a power failure: numbers must not come back, an order follows an action, and what runs follows a
    /// revision.
    var isForGood: Bool { !self.counters.isEmpty || self.actions.isAwaited || !self.revisions.isEmpty }

    mutating func add(_ changes: [PositionChange], account: String) {
        for change in changes { self.positions[RowKey(account: account, key: change.key)] = change }
    }

    mutating func add(_ event: ToldEvent, account: String) {
        self.told.append(Told(account: account, event: event, recorded: .now))
        if self.told.count > 2 * PendingWrites.mostTold { self.told.removeFirst(PendingWrites.mostTold) }
    }

    mutating func add(_ counter: Counter, account: String) {
        self.counters[account] = counter
    }

    mutating func add(_ rollout: RolloutMemory?, account: String) {
        self.rollouts.updateValue(rollout, forKey: account)
    }

    /// Puts back what could not be written. What came since is newer. Revisions are not tried again: whoever asked for
    /// one has been told that it failed.
    mutating func restore(_ older: PendingWrites) {
        self.positions.merge(older.positions) { newer, _ in newer }
        self.counters.merge(older.counters) { newer, _ in newer }
        self.told = (older.told + self.told).suffix(2 * PendingWrites.mostTold)
        self.states.restore(older.states)
        self.actions.restore(older.actions)
        self.rollouts.merge(older.rollouts) { newer, _ in newer }
    }
}

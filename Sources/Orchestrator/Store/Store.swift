import Dispatch
import GRDB
import HybridStream
import Synchronization

/// What has to survive the process, in one SQLite file: the position books, and how far the events are numbered.
///
/// Writing never blocks the caller: changes are collected for up to 50 ms and written by a thread of the store's own in one
/// transaction. A crash at any instant leaves the file as it was after some transaction.
public final class Store: Sendable {
    public let path: String
    let database: DatabaseQueue
    private let thread = DispatchQueue(label: "store")
    private let state = Mutex(State())
    private let onChange: @Sendable (StoreError?) -> Void

    private struct State {
        var pending = PendingWrites()
        var isScheduled = false
        /// Until a retry is due only ``Store/flush()`` writes.
        var isWaitingForRetry = false
        var isClosed = false
        var trouble: StoreError?
        var backoff = Store.firstRetry
        var told = ToldEventLog()
        /// What was told before this stands in every file.
        var deliveredBefore: ContinuousClock.Instant?
        /// Told events are on their way into the file.
        var isWritingTold = false
        /// Someone waited for the thread in vain; nobody waits again until it has answered.
        var isStuck = false
    }

    private static let collect = DispatchTimeInterval.milliseconds(50)
    private static let firstRetry = 100
    private static let lastRetry = 5_000

    private init(path: String, database: DatabaseQueue, onChange: @escaping @Sendable (StoreError?) -> Void) {
        self.path = path
        self.database = database
        self.onChange = onChange
    }

    /// Opens the file, or creates it (mode 0600, its folder 0700), and brings its tables up to date.
    /// - Parameter onChange: called on the store's thread when writing begins to fail, and with nil when it works again.
    public static func open(
        path: String,
        onChange: @escaping @Sendable (StoreError?) -> Void = { _ in }
    ) throws(StoreError) -> Store {
        Store(path: path, database: try StoreFile.open(path), onChange: onChange)
    }

    /// What stands in the way of writing at the moment.
    public var trouble: StoreError? { self.state.withLock { $0.trouble } }

    // MARK: Reading

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
    public func loadAll(_ accounts: [String]) throws(StoreError) -> [StoredAccount] {
        // What was recorded a moment ago belongs to what is loaded.
        try self.thread.sync { () -> Result<Void, StoreError> in
            self.writePending()
        }.get()
        let loaded: [(String, [Position], Int64, [ToldEvent])]
        do {
            let told = try self.database.writeWithoutTransaction { database in
                try ToldEventLog.load(database)
            }
            self.state.withLock { $0.told = told.log }
            loaded = try self.database.writeWithoutTransaction { database in
                try Store.durably(database) {
                    try accounts.map { account in
                        let positions = try Row.fetchAll(
                            database,
                            sql: "SELECT * FROM position_book WHERE account = ?",
                            arguments: [account]
                        ).map(PositionRecord.position)
                        let used = try Store.reserve(account, above: nil, in: database)
                        return (account, positions, used, told.events[account] ?? [])
                    }
                }
            }
        } catch {
            throw StoreFile.error(error, path: self.path, otherwise: .unreadable)
        }
        return loaded.map { account, positions, used, told in
            let numbers = NumberLease(first: used + 1, last: used + NumberLease.blockSize) { [weak self] lease in
                guard let self else { return lease.requestFailed() }
                self.add(.extend(lease), account: account)
            }
            return StoredAccount(account: account, positions: positions, numbers: numbers, told: told)
        }
    }

    /// Adds a block to what an account has reserved.
    /// - Returns: what it had before.
    private static func reserve(_ account: String, above floor: Int64?, in database: Database) throws -> Int64 {
        let stored = try Int64.fetchOne(
            database,
            sql: "SELECT n_reserved FROM account_counter WHERE account = ?",
            arguments: [account]
        )
        let used = max(stored ?? 0, floor ?? 0)
        try self.setReserved(used + NumberLease.blockSize, account: account, in: database)
        return used
    }

    private static func setReserved(_ value: Int64, account: String, in database: Database) throws {
        try database.execute(
            sql: """
                INSERT INTO account_counter (account, n_reserved) VALUES (?, ?)
                ON CONFLICT (account) DO UPDATE SET n_reserved = excluded.n_reserved
                """,
            arguments: [account, value]
        )
    }

    /// A transaction that is on the disk when this returns, even if the power fails: numbers must not come back.
    private static func durably<Value>(_ database: Database, _ body: () throws -> Value) throws -> Value {
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

    // MARK: Writing

    /// Notes changes of an account's positions. Of several of one position only the last is written. The event that tells
    /// of them is written in the same transaction.
    public func record(account: String, changes: [PositionChange], told event: ToldEvent? = nil) {
        guard !changes.isEmpty || event != nil else { return }
        self.schedule {
            $0.add(changes, account: account)
            if let event { $0.add(event, account: account) }
        }
    }

    /// Blocks until the events recorded so far are in the file, so that what a reader is told now is known after any crash;
    /// but no longer than `patience`: a store that cannot write keeps nobody from being told. Never on an event loop.
    public func secureTold(patience: Duration = .milliseconds(200)) {
        let waits = self.state.withLock { state in
            (!state.pending.told.isEmpty || state.isWritingTold) && !state.isWaitingForRetry && !state.isStuck
        }
        guard waits else { return }
        let written = DispatchSemaphore(value: 0)
        self.thread.async {
            self.state.withLock { $0.isStuck = false }
            _ = self.writePending()
            written.signal()
        }
        let nanoseconds = Int(patience / .nanoseconds(1))
        if written.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .timedOut {
            self.state.withLock { $0.isStuck = true }
        }
    }

    /// Events that were recorded before this stand in every file, and need not be kept any longer.
    public func toldEventsDelivered(before instant: ContinuousClock.Instant) {
        let isWorthIt = self.state.withLock { state -> Bool in
            state.deliveredBefore = max(state.deliveredBefore ?? instant, instant)
            return state.told.holdsAny(before: instant)
        }
        if isWorthIt { self.schedule { $0.prunesTold = true } }
    }

    /// Notes that an account ended in good order and that `lastNumber` was the last it used, so that the next start goes on
    /// behind it without a hole. Its lease must not be used any more.
    public func settle(account: String, lastNumber: Int64) {
        self.add(.settle(lastNumber), account: account)
    }

    private func add(_ counter: PendingWrites.Counter, account: String) {
        self.schedule { $0.add(counter, account: account) }
    }

    private func schedule(_ change: (inout PendingWrites) -> Void) {
        let delay = self.state.withLock { state -> DispatchTimeInterval? in
            guard !state.isClosed else { return nil }
            let wasUrgent = state.pending.isUrgent
            change(&state.pending)
            if state.isWaitingForRetry { return nil }
            if state.pending.isUrgent, !wasUrgent {
                state.isScheduled = true
                return .nanoseconds(0)
            }
            if state.isScheduled { return nil }
            state.isScheduled = true
            return Store.collect
        }
        if let delay { self.thread.asyncAfter(deadline: .now() + delay) { self.writeOnTime() } }
    }

    private func writeOnTime() {
        if self.state.withLock({ $0.isWaitingForRetry }) { return }
        _ = self.writePending()
    }

    /// On the thread: writes all that is pending in one transaction, or puts it back and tries again later.
    private func writePending() -> Result<Void, StoreError> {
        let (pending, isClosed) = self.state.withLock { state -> (PendingWrites, Bool) in
            state.isScheduled = false
            state.isWritingTold = !state.pending.told.isEmpty
            defer { state.pending = PendingWrites() }
            return (state.pending, state.isClosed)
        }
        if isClosed { return .failure(StoreError(kind: .closed, path: self.path, reason: "")) }
        if pending.isEmpty { return .success(()) }
        do {
            let extended = try self.write(pending)
            for (lease, last) in extended { lease.extend(to: last) }
            self.writeSucceeded()
            return .success(())
        } catch {
            let trouble = StoreFile.error(error, path: self.path, otherwise: .write)
            self.writeFailed(pending, trouble)
            return .failure(trouble)
        }
    }

    private func write(_ pending: PendingWrites) throws -> [(NumberLease, Int64)] {
        var (told, delivered) = self.state.withLock { ($0.told, $0.deliveredBefore) }
        let extended = try self.database.writeWithoutTransaction { database in
            let body = { () throws -> [(NumberLease, Int64)] in
                try told.write(pending.told, delivered: delivered, in: database)
                for (row, change) in pending.positions {
                    switch change {
                    case .upsert(let position):
                        try PositionRecord.upsert(position, account: row.account, in: database)
                    case .close(let key):
                        try PositionRecord.delete(key, account: row.account, in: database)
                    }
                }
                var extended: [(NumberLease, Int64)] = []
                for (account, counter) in pending.counters {
                    switch counter {
                    case .extend(let lease):
                        let before = try Store.reserve(account, above: lease.last, in: database)
                        extended.append((lease, before + NumberLease.blockSize))
                    case .settle(let last):
                        try Store.setReserved(last, account: account, in: database)
                    }
                }
                return extended
            }
            if !pending.counters.isEmpty { return try Store.durably(database, body) }
            try database.inTransaction(.immediate) {
                _ = try body()
                return .commit
            }
            return []
        }
        self.state.withLock { $0.told = told }
        return extended
    }

    /// Every event stands in every file: the process ends in good order.
    public func forgetToldEvents() {
        self.toldEventsDelivered(before: .now)
    }

    private func writeSucceeded() {
        let hadTrouble = self.state.withLock { state -> Bool in
            defer { state.trouble = nil }
            state.isWritingTold = false
            state.backoff = Store.firstRetry
            return state.trouble != nil
        }
        if hadTrouble { self.onChange(nil) }
    }

    private func writeFailed(_ pending: PendingWrites, _ trouble: StoreError) {
        let (isNew, delay) = self.state.withLock { state -> (Bool, Int?) in
            state.pending.restore(pending)
            state.isWritingTold = false
            let isNew = state.trouble != trouble
            state.trouble = trouble
            if state.isWaitingForRetry { return (isNew, nil) }
            state.isWaitingForRetry = true
            let delay = state.backoff
            state.backoff = min(delay * 2, Store.lastRetry)
            return (isNew, delay)
        }
        if isNew { self.onChange(trouble) }
        guard let delay else { return }
        self.thread.asyncAfter(deadline: .now() + .milliseconds(delay)) { [weak self] in
            guard let self else { return }
            self.state.withLock { $0.isWaitingForRetry = false }
            _ = self.writePending()
        }
    }

    /// Returns when everything recorded before is written.
    public func flush() async throws(StoreError) {
        let outcome = await withCheckedContinuation { continuation in
            self.thread.async { continuation.resume(returning: self.writePending()) }
        }
        try outcome.get()
    }

    /// Writes what is pending and closes the file. Nothing can be recorded afterwards.
    public func close() async throws(StoreError) {
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Void, StoreError>, Never>) in
            self.thread.async { continuation.resume(returning: self.closeNow()) }
        }
        try outcome.get()
    }

    private func closeNow() -> Result<Void, StoreError> {
        if self.state.withLock({ $0.isClosed }) { return .success(()) }
        let written = self.writePending()
        self.state.withLock { $0.isClosed = true }
        do {
            try self.database.close()
            return written
        } catch {
            return written.flatMap { .failure(StoreFile.error(error, path: self.path, otherwise: .write)) }
        }
    }
}

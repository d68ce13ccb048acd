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
    /// The damaged store in whose place this one has come.
    public let setAside: StoreSetAside?
    let database: DatabaseQueue
    let thread = DispatchQueue(label: "store")
    /// Ends the patience of those who wait while the thread waits for the disk.
    let deadlines = DispatchQueue(label: "store.deadlines")
    let readers = DispatchQueue(label: "store.readers")
    let state = Mutex(State())
    private let onChange: @Sendable (StoreError?) -> Void

    struct State {
        var pending = PendingWrites()
        var isScheduled = false
        /// Somebody waits for the next write, which is on its way.
        var isAwaited = false
        /// Until a retry is due only ``Store/flush()`` writes, and what somebody waits for.
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

    private init(path: String, file: StoreFile, onChange: @escaping @Sendable (StoreError?) -> Void) {
        self.path = path
        self.database = file.database
        self.setAside = file.setAside
        self.onChange = onChange
    }

    /// Opens the file, or creates it (mode 0600, its folder 0700), and brings its tables up to date. A damaged store is set
    /// aside, and ``setAside`` of the one that takes its place says where.
    /// - Parameter onChange: called on the store's thread when writing begins to fail, and with nil when it works again.
    public static func open(
        path: String,
        onChange: @escaping @Sendable (StoreError?) -> Void = { _ in }
    ) throws(StoreError) -> Store {
        Store(path: path, file: try StoreFile.open(path), onChange: onChange)
    }

    /// What stands in the way of writing at the moment.
    public var trouble: StoreError? { self.state.withLock { $0.trouble } }

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

    func add(_ counter: PendingWrites.Counter, account: String) {
        self.schedule { $0.add(counter, account: account) }
    }

    /// On the thread: what was recorded a moment ago belongs to what is read.
    func afterWriting<Value>(_ body: (Database) throws -> Value) -> Result<Value, StoreError> {
        self.writePending().flatMap {
            do {
                return .success(try self.database.writeWithoutTransaction(body))
            } catch {
                return .failure(StoreFile.error(error, path: self.path, otherwise: .unreadable))
            }
        }
    }

    /// Writes without waiting for more, also while a retry is not due: somebody waits. Several that come while the thread is
    /// busy share one transaction.
    /// - Parameter refused: called on the thread if nothing can be written any more.
    func writeSoon(refused: @escaping @Sendable (StoreError) -> Void, _ change: (inout PendingWrites) -> Void) {
        let (isClosed, isFirst) = self.state.withLock { state -> (Bool, Bool) in
            if state.isClosed { return (true, false) }
            change(&state.pending)
            defer { state.isAwaited = true }
            return (false, !state.isAwaited)
        }
        if isClosed {
            self.thread.async { [path] in refused(StoreError(kind: .closed, path: path, reason: "")) }
        } else if isFirst {
            self.thread.async { _ = self.writePending() }
        }
    }

    func schedule(_ change: (inout PendingWrites) -> Void) {
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
            state.isAwaited = false
            state.isWritingTold = !state.pending.told.isEmpty
            defer { state.pending = PendingWrites() }
            return (state.pending, state.isClosed)
        }
        if isClosed { return .failure(StoreError(kind: .closed, path: self.path, reason: "")) }
        // What failed may have been given up since; that the disk works again is to be told all the same.
        if pending.isEmpty, self.trouble == nil { return .success(()) }
        do {
            let extended = try self.write(pending)
            for (lease, last) in extended { lease.extend(to: last) }
            for receipt in pending.actions.receipts { receipt.settle(.success(())) }
            pending.revisions.settle(failure: nil)
            self.writeSucceeded()
            return .success(())
        } catch {
            let trouble = StoreFile.error(error, path: self.path, otherwise: .write)
            self.writeFailed(pending, trouble)
            pending.revisions.settle(failure: trouble)
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
                try pending.states.write(in: database)
                try pending.actions.write(in: database)
                try RolloutMemory.write(pending.rollouts, in: database)
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
                // Last: until here whoever waits may still give up.
                try pending.revisions.write(in: database)
                return extended
            }
            if pending.isForGood { return try Store.durably(database, body) }
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
        try await self.onThread { self.writePending() }
    }

    /// Writes what is pending and closes the file. Nothing can be recorded afterwards.
    public func close() async throws(StoreError) {
        try await self.onThread { self.closeNow() }
    }

    private func closeNow() -> Result<Void, StoreError> {
        if self.state.withLock({ $0.isClosed }) { return .success(()) }
        let written = self.writePending()
        let left = self.state.withLock { state -> PendingWrites in
            state.isClosed = true
            return state.pending
        }
        let reason = self.trouble ?? StoreError(kind: .closed, path: self.path, reason: "")
        for receipt in left.actions.receipts { receipt.settle(.failure(reason)) }
        left.revisions.settle(failure: reason)
        do {
            try self.database.close()
            return written
        } catch {
            return written.flatMap { .failure(StoreFile.error(error, path: self.path, otherwise: .write)) }
        }
    }
}

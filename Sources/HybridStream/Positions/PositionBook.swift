/// What one account holds, as the exchange's rows say.
///
/// Rows arrive doubled, reordered and late, from the private socket and from sweeps. The newest by `(seq, updatedTime)`
/// wins; what changes nothing makes no event; a close is never suppressed. A position that a *complete* sweep does not
/// list is flat, unless something was heard of it since shortly before the sweep's request left.
public struct PositionBook: Sendable {
    /// One leg of one symbol. After a close the flat row stays as a tombstone for ``tombstoneAge``, so that an older row
    /// that arrives late cannot bring the position back; then the slot is free for another leg.
    public struct Cell: Sendable {
        public internal(set) var position: Position
        /// When the private socket last spoke of it.
        var touched = Uptime.distantPast
        /// When it was last found flat.
        var flatSince = Uptime.distantPast
        /// Loaded from the store and not confirmed by the exchange yet.
        var isRestored = false
        /// The row came over the private connection that is up.
        var isStreamed = false
        /// Closed because a sweep did not list it: a row with the same stamps brings it back.
        var isClosedByAbsence = false
        /// The exchange's time of that sweep, milliseconds since 1970: what is older cannot speak against it alone.
        var absentAsOf: Int64 = 0
        /// A row from before that time says that it is open. A sweep that says so too is believed.
        var isDoubted = false
        /// When a sweep showed a change that the private connection, though up, has not told yet.
        var unheardSince: Uptime?
        /// The last sweep did not list it, but that alone is no proof.
        var isMissing = false
    }

    /// A lifecycle event in the making.
    public struct Change: Sendable {
        public let cause: PositionUpdate.Cause
        public let slot: Int
        public let position: Position
    }

    /// Where a row comes from.
    public enum Origin: Sendable, Equatable {
        case stream
        case sweep
    }

    /// What a sweep found out, and what it leaves open.
    public struct Reconciliation: Sendable {
        public internal(set) var changes: [Change] = []
        /// Something is to be confirmed: sweep again after this time.
        public internal(set) var followUp: Duration?
        /// The private connection has kept a change to itself for ``PositionBook/absenceGrace`` after a sweep had shown it.
        public internal(set) var isDeaf = false
        /// Every absence is proven, or there is none.
        public internal(set) var isConclusive = true

        fileprivate mutating func askAgain(after pause: Duration) {
            self.followUp = self.followUp.map { min($0, pause) } ?? pause
        }
    }

    /// REST may lag behind the socket by seconds: what the socket mentioned this shortly before a sweep is not closed by
    /// being absent from it.
    public static let absenceGrace = Duration.seconds(5)
    /// What one sweep alone does not prove is asked for again after this.
    public static let confirmationPause = Duration.seconds(1)
    /// How long a flat leg is remembered: far longer than a row or a listing may be on its way.
    static let tombstoneAge = Duration.seconds(60)
    /// A sweep's row this much newer by time wins although its `seq` is lower: the sequence must have started anew.
    static let sequenceRestart: Int64 = 60_000

    public private(set) var cells: ContiguousArray<Cell> = []
    private var slots: [PositionKey: Int] = [:]
    /// Rows dropped because a newer one was known.
    public private(set) var outdatedRows = 0
    /// A row contradicts a sweep, and only another sweep can tell who is right. Taken back by ``takeDoubt()``.
    private var hasDoubt = false
    /// The exchange's time of the listing that is being merged, milliseconds since 1970; 0 if it did not say.
    private var listingTime: Int64 = 0
    /// A sweep shows another row with the very stamps of the known one, too soon to be believed.
    private var hasTie = false

    public init() {}

    public var openPositions: [Position] { self.cells.lazy.map(\.position).filter(\.isOpen) }
    public var openCount: Int { self.cells.reduce(0) { $0 + ($1.position.isOpen ? 1 : 0) } }

    public func slot(of key: PositionKey) -> Int? { self.slots[key] }

    /// Whether a sweep is needed because of rows merged since the last call.
    public mutating func takeDoubt() -> Bool {
        defer { self.hasDoubt = false }
        return self.hasDoubt
    }

    /// Loads what the store remembers. The first sweep says of each whether it is still so.
    public mutating func restore(_ positions: [Position]) {
        for position in positions where self.slots[position.key] == nil {
            let slot = self.insert(position, now: .distantPast)
            self.cells[slot].isRestored = position.isOpen
        }
    }

    /// Merges one row. `body` gets each change, in order.
    public mutating func apply(_ row: Position, from origin: Origin, now: Uptime, _ body: (Change) -> Void) {
        guard let slot = self.slots[row.key] else {
            let slot = self.insert(row, now: now)
            if origin == .stream { self.cells[slot].touched = now }
            self.cells[slot].isStreamed = origin == .stream
            if row.isOpen { body(Change(cause: .opened, slot: slot, position: row)) }
            return
        }
        if origin == .stream { self.cells[slot].unheardSince = nil }
        let cell = self.cells[slot]
        if self.isTied(row, cell, origin) {
            if origin == .sweep { self.hasTie = true } else { self.hasDoubt = true }
            return
        }
        if self.isOutdated(row, cell, origin) {
            self.outdatedRows += 1
            // Old rows still come: it is good that the close is remembered.
            if !cell.position.isOpen { self.cells[slot].flatSince = now }
            return
        }
        if cell.isClosedByAbsence, row.isOpen, row.updatedTime <= cell.absentAsOf, origin == .stream || !cell.isDoubted
        {
            self.cells[slot].isDoubted = true
            self.hasDoubt = true
            return
        }
        if cell.isClosedByAbsence, !row.isOpen, row.seq == cell.position.seq,
            row.updatedTime == cell.position.updatedTime
        {
            // The close that another book has concluded from the same absence: rows from before it may still come.
            self.cells[slot].flatSince = now
            return
        }
        self.cells[slot].position = row
        self.cells[slot].isStreamed = origin == .stream
        if !row.isOpen { self.cells[slot].flatSince = now }
        self.cells[slot].isClosedByAbsence = false
        self.cells[slot].isDoubted = false
        self.cells[slot].isMissing = false
        if origin == .stream { self.cells[slot].touched = now }
        let restored = cell.isRestored
        self.cells[slot].isRestored = false
        let before = cell.position
        if before.isOpen, row.isOpen, before.side == row.side, Self.isReopened(before, row) {
            body(Change(cause: .closed, slot: slot, position: Self.flat(before)))
            body(Change(cause: .opened, slot: slot, position: row))
            return
        }
        if let cause = Self.cause(before, row, origin) {
            body(Change(cause: cause, slot: slot, position: row))
        } else if restored, row.isOpen {
            body(Change(cause: .resync, slot: slot, position: row))
        }
    }

    /// A listing that reached its last page.
    public struct Listing: Sendable {
        public var rows: [Position]
        /// False if a row could not be read: then absence means nothing.
        public var coversAll: Bool
        /// False if it took several pages: a position may slip from one to another while they are fetched.
        public var isOneMoment: Bool
        /// When the first request left.
        public var requested: Uptime
        /// The exchange's time of the reply in milliseconds since 1970; 0 if it did not say.
        public var serverTime: Int64

        public init(
            rows: [Position],
            coversAll: Bool = true,
            isOneMoment: Bool = true,
            requested: Uptime,
            serverTime: Int64 = 0
        ) {
            self.rows = rows
            self.coversAll = coversAll
            self.isOneMoment = isOneMoment
            self.requested = requested
            self.serverTime = serverTime
        }
    }

    /// Merges a sweep; `isListening` for every symbol.
    public mutating func reconcile(_ listing: Listing, isListening: Bool = false, now: Uptime) -> Reconciliation {
        self.reconcile(listing, isListening: { _ in isListening }, now: now)
    }

    /// Merges a sweep.
    /// - Parameter isListening: by symbol, whether the private connection is up and should have told every change by itself.
    public mutating func reconcile(
        _ listing: Listing,
        isListening: (_ symbol: String) -> Bool,
        now: Uptime
    ) -> Reconciliation {
        var result = Reconciliation()
        self.listingTime = listing.serverTime
        let listed = self.merge(listing.rows, now: now, into: &result)
        if self.hasTie { result.askAgain(after: Self.absenceGrace) }
        self.hasTie = false
        if listing.coversAll {
            // An empty listing may be a broken one, and several pages are no one moment's truth.
            let isProof = listing.isOneMoment && !listing.rows.isEmpty
            self.close(allBut: listed, listing, isProof: isProof, isListening, now: now, into: &result)
        }
        if self.takeDoubt() { result.askAgain(after: Self.confirmationPause) }
        self.listen(isListening, now: now, listing.requested, &result)
        return result
    }

    private mutating func merge(_ rows: [Position], now: Uptime, into result: inout Reconciliation) -> Set<Int> {
        var listed: Set<Int> = []
        for row in rows {
            self.apply(row, from: .sweep, now: now) { result.changes.append($0) }
            guard let slot = self.slots[row.key] else { continue }
            listed.insert(slot)
            self.cells[slot].isMissing = false
            // An older row than the stored one still says that the position is there.
            if self.cells[slot].isRestored, row.isOpen {
                self.cells[slot].isRestored = false
                result.changes.append(Change(cause: .resync, slot: slot, position: self.cells[slot].position))
            }
        }
        return listed
    }

    private mutating func close(
        allBut listed: Set<Int>,
        _ listing: Listing,
        isProof: Bool,
        _ isListening: (_ symbol: String) -> Bool,
        now: Uptime,
        into result: inout Reconciliation
    ) {
        for slot in self.cells.indices where !listed.contains(slot) && self.cells[slot].position.isOpen {
            // A listing may be some seconds old, also the first one of a new process.
            let changed = self.cells[slot].position.updatedTime
            let isJustStored =
                self.cells[slot].isRestored && listing.serverTime > 0
                && changed > listing.serverTime - Self.absenceGrace.milliseconds
            if self.cells[slot].touched + Self.absenceGrace > listing.requested || isJustStored {
                result.isConclusive = false
                result.askAgain(after: Self.absenceGrace)
                continue
            }
            let isListening = isListening(self.cells[slot].position.key.symbol)
            if !isProof || isListening, !self.cells[slot].isMissing {
                self.cells[slot].isMissing = true
                result.isConclusive = false
                result.askAgain(after: Self.confirmationPause)
                continue
            }
            if isListening {
                // Of a close the private connection should have told. Whether it is deaf or the listings are wrong, the
                // sweeps of a new connection decide.
                result.isDeaf = true
                continue
            }
            let flat = Self.flat(self.cells[slot].position)
            self.cells[slot].position = flat
            self.cells[slot].flatSince = now
            self.cells[slot].isClosedByAbsence = true
            self.cells[slot].absentAsOf = listing.serverTime
            self.cells[slot].isDoubted = false
            self.cells[slot].isMissing = false
            self.cells[slot].isRestored = false
            result.changes.append(Change(cause: .closed, slot: slot, position: flat))
        }
    }

    /// Whether the private connection tells in the end what the sweep has shown.
    private mutating func listen(
        _ isListening: (_ symbol: String) -> Bool,
        now: Uptime,
        _ requested: Uptime,
        _ result: inout Reconciliation
    ) {
        for change in result.changes
        where change.cause.changesHolding && isListening(change.position.key.symbol) {
            if self.cells[change.slot].unheardSince == nil { self.cells[change.slot].unheardSince = now }
        }
        for cell in self.cells {
            guard let since = cell.unheardSince, isListening(cell.position.key.symbol) else { continue }
            if since + Self.absenceGrace <= requested {
                result.isDeaf = true
            } else {
                result.askAgain(after: Self.absenceGrace)
            }
        }
    }

    /// The private connection is gone; nobody waits for what it has not told, and the next one's sweeps count anew.
    public mutating func connectionLost() {
        for slot in self.cells.indices {
            self.cells[slot].unheardSince = nil
            self.cells[slot].isMissing = false
            self.cells[slot].isStreamed = false
        }
    }

    /// The private connection does not feed these symbols any more: what it has not told of them is not waited for.
    mutating func stopListening(to isGone: (_ symbol: String) -> Bool) {
        for slot in self.cells.indices where isGone(self.cells[slot].position.key.symbol) {
            self.cells[slot].unheardSince = nil
            self.cells[slot].isStreamed = false
        }
    }

    private mutating func insert(_ position: Position, now: Uptime) -> Int {
        var cell = Cell(position: position)
        if !position.isOpen { cell.flatSince = now }
        let forgotten = self.cells.firstIndex { !$0.position.isOpen && $0.flatSince + Self.tombstoneAge <= now }
        let slot = forgotten ?? self.cells.count
        if let forgotten {
            self.slots[self.cells[forgotten].position.key] = nil
            self.cells[forgotten] = cell
        } else {
            self.cells.append(cell)
        }
        self.slots[position.key] = slot
        return slot
    }

    private func isOutdated(_ row: Position, _ cell: Cell, _ origin: Origin) -> Bool {
        let known = cell.position
        // A row may lack its sequence; then time alone decides, or a close would be lost for want of a number.
        if row.seq != known.seq, row.seq >= 0, known.seq >= 0 {
            if row.seq > known.seq { return false }
            return !(origin == .sweep && row.updatedTime > known.updatedTime + Self.sequenceRestart)
        }
        if row.updatedTime != known.updatedTime { return row.updatedTime < known.updatedTime }
        // The same stamps. The socket's rows come in order, so the later one is newer. A sweep's is news if the book was
        // only guessing, or if it says something else so long after that it cannot be from before the known one.
        switch origin {
        case .stream: return false
        case .sweep:
            let isNews = cell.isRestored || cell.isClosedByAbsence || !known.isOpen && !row.isOpen
            return !isNews && (self.listingTime == 0 || Self.isSame(known, row))
        }
    }

    /// Whether a row and the known one bear the same stamps, differ, came on different ways, and only a later sweep can tell
    /// which is the newer: listings lag behind, and rows of the socket may have been on their way for seconds.
    private func isTied(_ row: Position, _ cell: Cell, _ origin: Origin) -> Bool {
        let known = cell.position
        guard row.seq == known.seq, row.updatedTime == known.updatedTime, row.updatedTime > 0, !cell.isClosedByAbsence
        else { return false }
        guard known.isOpen, !Self.isSame(known, row) else { return false }
        switch origin {
        // A close is never held back.
        case .stream: return !cell.isStreamed && row.isOpen
        case .sweep:
            return self.listingTime > 0 && self.listingTime < row.updatedTime + Self.absenceGrace.milliseconds
        }
    }

    private static func isSame(_ known: Position, _ row: Position) -> Bool {
        known.isOpen == row.isOpen && (!known.isOpen || self.cause(known, row, .sweep) == nil)
    }

    private static func isReopened(_ before: Position, _ row: Position) -> Bool {
        if before.openTime > 0, row.openTime > 0 { return row.openTime > before.openTime }
        return before.createdTime > 0 && row.createdTime > before.createdTime
    }

    private static func cause(_ before: Position, _ row: Position, _ origin: Origin) -> PositionUpdate.Cause? {
        switch (before.isOpen, row.isOpen) {
        case (false, false): return nil
        case (false, true): return .opened
        case (true, false): return .closed
        case (true, true): break
        }
        if before.side != row.side { return .flipped }
        if row.size > before.size { return .increased }
        if row.size < before.size { return .reduced }
        let sameSettings =
            before.entryPrice == row.entryPrice && before.leverage == row.leverage && before.stopLoss == row.stopLoss
            && before.takeProfit == row.takeProfit && before.trailingStop == row.trailingStop
        if !sameSettings { return .amended }
        // Under cross margin every sweep estimates the liquidation price anew; only the socket says that it was set.
        return origin == .stream && before.liquidationPrice != row.liquidationPrice ? .amended : nil
    }

    /// The position after a close that no row described.
    private static func flat(_ position: Position) -> Position {
        Position(
            key: position.key,
            side: .none,
            size: .zero,
            entryPrice: .zero,
            leverage: position.leverage,
            positionValue: "0",
            seq: position.seq,
            updatedTime: position.updatedTime,
            createdTime: position.createdTime,
            openTime: 0
        )
    }
}

extension PositionUpdate.Cause {
    /// Something was bought or sold. Settings do not count here: both interfaces may write them differently.
    fileprivate var changesHolding: Bool {
        switch self {
        case .opened, .increased, .reduced, .flipped, .closed: true
        case .amended, .resync, .mark, .stale, .fresh: false
        }
    }
}

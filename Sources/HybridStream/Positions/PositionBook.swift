/// What one account holds, as the exchange's rows say.
///
/// Rows arrive doubled, reordered and late, from the private socket and from sweeps. The newest by `(seq, updatedTime)`
/// wins; what changes nothing makes no event; a close is never suppressed. A position that a *complete* sweep does not
/// list is flat, unless something was heard of it since shortly before the sweep's request left.
public struct PositionBook: Sendable {
    /// One leg of one symbol, for as long as the process runs: after a close the flat row stays as a tombstone, so that an
    /// older row that arrives late cannot bring the position back.
    public struct Cell: Sendable {
        public internal(set) var position: Position
        /// When the private socket last spoke of it.
        var touched = Uptime.distantPast
        /// Loaded from the store and not confirmed by the exchange yet.
        var isRestored = false
        /// Closed because a sweep did not list it: a row with the same stamps brings it back.
        var isClosedByAbsence = false
        /// The last sweep did not list it, but was too long to be one moment's truth.
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
        /// Some absences are too fresh to be believed: sweep again after ``PositionBook/absenceGrace``.
        public internal(set) var needsFollowUp = false
    }

    /// REST may lag behind the socket by seconds: what the socket mentioned this shortly before a sweep is not closed by
    /// being absent from it.
    public static let absenceGrace = Duration.seconds(5)
    /// A sweep's row this much newer by time wins although its `seq` is lower: the sequence must have started anew.
    static let sequenceRestart: Int64 = 60_000

    public private(set) var cells: ContiguousArray<Cell> = []
    private var slots: [PositionKey: Int] = [:]
    /// Rows dropped because a newer one was known.
    public private(set) var outdatedRows = 0

    public init() {}

    public var openPositions: [Position] { self.cells.lazy.map(\.position).filter(\.isOpen) }
    public var openCount: Int { self.cells.reduce(0) { $0 + ($1.position.isOpen ? 1 : 0) } }

    public func slot(of key: PositionKey) -> Int? { self.slots[key] }

    /// Loads what the store remembers. The first sweep says of each whether it is still so.
    public mutating func restore(_ positions: [Position]) {
        for position in positions where self.slots[position.key] == nil {
            let slot = self.insert(position)
            self.cells[slot].isRestored = position.isOpen
        }
    }

    /// Merges one row. `body` gets each change, in order.
    public mutating func apply(_ row: Position, from origin: Origin, now: Uptime, _ body: (Change) -> Void) {
        guard let slot = self.slots[row.key] else {
            let slot = self.insert(row)
            if origin == .stream { self.cells[slot].touched = now }
            if row.isOpen { body(Change(cause: .opened, slot: slot, position: row)) }
            return
        }
        let cell = self.cells[slot]
        if self.isOutdated(row, cell, origin) {
            self.outdatedRows += 1
            return
        }
        self.cells[slot].position = row
        self.cells[slot].isClosedByAbsence = false
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

    /// Merges a sweep that reached its last page.
    /// - Parameters:
    ///   - coversAll: false if a row could not be read: then absence means nothing.
    ///   - isOneMoment: false if the listing took several pages. A position may slip from one page to another while they
    ///     are fetched, so it must be missing twice.
    ///   - requested: when the sweep's first request left.
    public mutating func reconcile(
        _ rows: [Position],
        coversAll: Bool,
        isOneMoment: Bool = true,
        requested: Uptime,
        now: Uptime
    ) -> Reconciliation {
        var result = Reconciliation()
        var listed: Set<Int> = []
        for row in rows {
            self.apply(row, from: .sweep, now: now) { result.changes.append($0) }
            if let slot = self.slots[row.key] {
                listed.insert(slot)
                self.cells[slot].isMissing = false
                // An older row than the stored one still says that the position is there.
                if self.cells[slot].isRestored, row.isOpen {
                    self.cells[slot].isRestored = false
                    let position = self.cells[slot].position
                    result.changes.append(Change(cause: .resync, slot: slot, position: position))
                }
            }
        }
        guard coversAll else { return result }
        for slot in self.cells.indices where !listed.contains(slot) && self.cells[slot].position.isOpen {
            if self.cells[slot].touched + Self.absenceGrace > requested {
                result.needsFollowUp = true
                continue
            }
            if !isOneMoment, !self.cells[slot].isMissing {
                self.cells[slot].isMissing = true
                result.needsFollowUp = true
                continue
            }
            let flat = Self.flat(self.cells[slot].position)
            self.cells[slot].position = flat
            self.cells[slot].isClosedByAbsence = true
            self.cells[slot].isRestored = false
            result.changes.append(Change(cause: .closed, slot: slot, position: flat))
        }
        return result
    }

    private mutating func insert(_ position: Position) -> Int {
        let slot = self.cells.count
        self.cells.append(Cell(position: position))
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
        // The same stamps. The socket's rows come in order, so the later one is newer; a sweep's may have been made before
        // it, and says nothing new unless the book was only guessing.
        switch origin {
        case .stream: return false
        case .sweep: return !(cell.isRestored || cell.isClosedByAbsence || !known.isOpen && !row.isOpen)
        }
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

import NIOCore

/// Where a ``PositionTracker``'s events go. Called on the account's event loop.
public protocol PositionObserver: AnyObject {
    func observe(_ update: PositionUpdate)
}

/// Merges what an account holds with what it is worth, and makes the events.
///
/// Confined to one event loop. Holds the account's ``PositionBook`` and its share of the loop's ``MarkHub``: a ticker is
/// taken with the first leg of a symbol and given back with the last. A new mark passes through ``receive(_:slot:conflated:)``
/// without a lock, a hop or an allocation.
public final class PositionTracker: @unchecked Sendable {
    /// What is known of a leg's mark. Apart from the book, since it is written with every tick.
    private struct MarkState {
        var price: FixedPoint?
        var cs: Int64 = .min
        var exchangeTime: Int64 = .min
        var isStale = true
        /// The price came with a sweep's row, not from the ticker.
        var isFromRow = false
        var isOpen = false
        /// Loaded from the store and not confirmed yet: marks are taken note of but make no events.
        var isMuted = false
        /// When a sweep's row last brought a mark.
        var rowTime: Uptime?
    }

    public private(set) var book = PositionBook()
    private var marks: ContiguousArray<MarkState> = []
    private let hub: MarkHub?
    private unowned let observer: any PositionObserver
    /// The exchange's own record of positions: what the store keeps.
    public var onChange: ((PositionBook.Change) -> Void)?

    /// - Parameter hub: nil for an account whose marks come over REST alone.
    public init(hub: MarkHub?, observer: any PositionObserver) {
        self.hub = hub
        self.observer = observer
    }

    public func mark(_ slot: Int) -> (price: FixedPoint?, isStale: Bool) {
        guard slot < self.marks.count else { return (nil, true) }
        return (self.marks[slot].price, self.marks[slot].isStale)
    }

    /// When a sweep's row last brought the leg's mark; nil if none did.
    public func rowTime(_ slot: Int) -> Uptime? { slot < self.marks.count ? self.marks[slot].rowTime : nil }

    /// Loads the store's positions and takes their tickers at once: the price is there when the first sweep confirms them.
    public func restore(_ positions: [Position]) {
        self.book.restore(positions)
        for slot in self.book.cells.indices where self.book.cells[slot].position.isOpen {
            self.open(slot)
            self.marks[slot].isMuted = true
        }
    }

    /// One row of the private socket.
    public func receive(_ row: Position, wallTime: Int64, now: Uptime) {
        self.book.apply(row, from: .stream, now: now) { self.changes.append($0) }
        self.deliver(source: .hybrid, wallTime: wallTime, now: now)
    }

    /// A sweep that reached its last page. Returns whether another one is needed soon.
    public func reconcile(
        _ rows: [Position],
        coversAll: Bool,
        isOneMoment: Bool = true,
        requested: Uptime,
        source: PositionUpdate.Source,
        serverTime: Int64,
        wallTime: Int64,
        now: Uptime
    ) -> Bool {
        let result = self.book.reconcile(
            rows,
            coversAll: coversAll,
            isOneMoment: isOneMoment,
            requested: requested,
            now: now
        )
        self.changes.append(contentsOf: result.changes)
        self.deliver(source: source, wallTime: wallTime, now: now)
        self.takeRowMarks(rows, serverTime: serverTime, wallTime: wallTime, now: now)
        return result.needsFollowUp
    }

    private var changes: [PositionBook.Change] = []

    private func deliver(source: PositionUpdate.Source, wallTime: Int64, now: Uptime) {
        while !self.changes.isEmpty {
            let batch = self.changes
            self.changes.removeAll(keepingCapacity: true)
            for change in batch { self.deliver(change, source: source, wallTime: wallTime, now: now) }
        }
    }

    private func deliver(
        _ change: PositionBook.Change,
        source: PositionUpdate.Source,
        wallTime: Int64,
        now: Uptime
    ) {
        let slot = change.slot
        let position = change.position
        if position.isOpen { self.open(slot) }
        if slot < self.marks.count { self.marks[slot].isMuted = false }
        self.onChange?(change)
        let state = self.marks.count > slot ? self.marks[slot] : MarkState()
        self.observer.observe(
            PositionUpdate(
                cause: change.cause,
                source: source,
                position: position,
                slot: slot,
                mark: state.price ?? position.rowMarkPrice,
                stale: state.isStale,
                seq: position.seq,
                exchangeTime: position.updatedTime,
                receivedTime: wallTime,
                receivedUptime: UInt64(max(0, now.nanoseconds))
            )
        )
        if !position.isOpen { self.close(slot) }
    }

    // MARK: Tickers

    private func open(_ slot: Int) {
        while self.marks.count <= slot { self.marks.append(MarkState()) }
        if self.marks[slot].isOpen { return }
        var state = MarkState(isOpen: true)
        if let cached = self.hub?.hold(self.book.cells[slot].position.key.symbol, holder: self, slot: slot) {
            state.price = cached.mark.price
            state.cs = cached.mark.cs
            state.exchangeTime = cached.mark.exchangeTime
            state.isStale = cached.isStale
        }
        self.marks[slot] = state
    }

    /// The one place where a position's ticker is let go, however the close was learned.
    private func close(_ slot: Int) {
        guard slot < self.marks.count, self.marks[slot].isOpen else { return }
        self.marks[slot] = MarkState()
        self.hub?.release(self.book.cells[slot].position.key.symbol, holder: self, slot: slot)
    }

    /// Lets every ticker go: the account stops.
    public func releaseAll() {
        for slot in self.marks.indices { self.close(slot) }
    }

    /// A new mark of the leg's symbol, from the shared feed.
    @inline(__always)
    func receive(_ mark: Mark, slot: Int, conflated: Int) {
        let position = self.book.cells[slot].position
        let cause: PositionUpdate.Cause? = self.marks.withUnsafeMutableBufferPointer { marks in
            guard marks[slot].isOpen else { return nil }
            // Marks never go back, whichever way they came.
            if mark.cs < marks[slot].cs, mark.exchangeTime <= marks[slot].exchangeTime { return nil }
            // A row's mark has no `cs`; time alone says which is newer.
            if marks[slot].isFromRow, mark.exchangeTime < marks[slot].exchangeTime { return nil }
            let wasStale = marks[slot].isStale
            let hadPrice = marks[slot].price
            if !wasStale, let hadPrice, hadPrice == mark.price { return nil }
            marks[slot].price = mark.price
            marks[slot].cs = mark.cs
            marks[slot].exchangeTime = mark.exchangeTime
            marks[slot].isStale = false
            marks[slot].isFromRow = false
            if marks[slot].isMuted { return nil }
            return wasStale && hadPrice != nil ? .fresh : .mark
        }
        guard let cause else { return }
        self.observer.observe(
            PositionUpdate(
                cause: cause,
                source: .hybrid,
                position: position,
                slot: slot,
                mark: mark.price,
                stale: false,
                conflated: conflated,
                seq: mark.cs,
                exchangeTime: mark.exchangeTime,
                receivedTime: mark.receivedTime,
                receivedUptime: UInt64(max(0, mark.receivedUptime.nanoseconds))
            )
        )
    }

    /// No ticker for too long.
    func becameStale(slot: Int, wallTime: Int64, now: Uptime) {
        guard slot < self.marks.count, self.marks[slot].isOpen, !self.marks[slot].isStale else { return }
        self.marks[slot].isStale = true
        if self.marks[slot].isMuted { return }
        let state = self.marks[slot]
        self.observer.observe(
            PositionUpdate(
                cause: .stale,
                source: .hybrid,
                position: self.book.cells[slot].position,
                slot: slot,
                mark: state.price,
                stale: true,
                seq: state.cs == .min ? -1 : state.cs,
                exchangeTime: state.exchangeTime == .min ? 0 : state.exchangeTime,
                receivedTime: wallTime
            )
        )
    }

    /// Marks of a sweep's rows, where no ticker delivers (or there is none): better seconds old than nothing.
    private func takeRowMarks(_ rows: [Position], serverTime: Int64, wallTime: Int64, now: Uptime) {
        for row in rows {
            guard let price = row.rowMarkPrice, let slot = self.book.slot(of: row.key), slot < self.marks.count,
                self.marks[slot].isOpen, self.marks[slot].isStale || self.hub == nil
            else { continue }
            self.marks[slot].rowTime = now
            if serverTime <= self.marks[slot].exchangeTime { continue }
            let before = self.marks[slot]
            // What the last event showed anyhow, also if it was the row's own price.
            let shown = before.price ?? self.book.cells[slot].position.rowMarkPrice
            if self.hub != nil, let shown, shown == price { continue }
            self.marks[slot].isFromRow = true
            self.marks[slot].exchangeTime = serverTime
            self.marks[slot].price = price
            // With a ticker feed at hand a row's mark does not end staleness: it is already seconds old when it comes.
            self.marks[slot].isStale = self.hub != nil
            if let known = before.price, known == price, before.isStale == self.marks[slot].isStale { continue }
            if before.isMuted { continue }
            self.observer.observe(
                PositionUpdate(
                    cause: .mark,
                    source: .rest,
                    position: self.book.cells[slot].position,
                    slot: slot,
                    mark: price,
                    stale: self.marks[slot].isStale,
                    seq: before.cs == .min ? -1 : before.cs,
                    exchangeTime: serverTime,
                    receivedTime: wallTime
                )
            )
        }
    }
}

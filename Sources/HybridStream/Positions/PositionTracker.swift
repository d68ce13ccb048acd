import NIOCore

/// Where a ``PositionTracker``'s events go. Called on the account's event loop.
public protocol PositionObserver: AnyObject {
    func observe(_ update: PositionUpdate)
}

/// Merges what an account holds with what it is worth, and makes the events.
///
/// Confined to one event loop. Holds the account's ``PositionBook`` and its share of the loop's ``MarkHub``: a ticker is
/// taken with the first leg of a symbol and given back with the last. A leg that is worth what its ticker says has its
/// value in the hub alone, so a new mark reaches ``receive(_:_:_:slot:conflated:)`` without a lock, a hop, an allocation
/// or a look into the book.
public final class PositionTracker: @unchecked Sendable {
    /// What is known of an open leg's mark.
    private struct Value {
        var price: FixedPoint?
        var cs: Int64 = .min
        var exchangeTime: Int64 = .min
        var isStale = true
    }

    private struct Leg {
        /// Nil while the leg is flat, and for an account without a hub.
        var place: MarkHub.Place?
        var isOpen = false
        /// Loaded from the store and not confirmed yet: marks are taken note of but make no events.
        var isMuted = false
        /// When a sweep's row last brought a mark.
        var rowTime: Uptime?
    }

    public private(set) var book = PositionBook()
    private var legs: ContiguousArray<Leg> = []
    /// By slot: of the legs whose value is not their ticker's.
    private var apart: [Int: Value] = [:]
    private let hub: MarkHub?
    private let observer: any PositionObserver
    /// The exchange's own record of positions: what the store keeps.
    public var onChange: ((PositionBook.Change) -> Void)?

    /// - Parameters:
    ///   - hub: nil for an account whose marks come over REST alone.
    ///   - observer: kept as long as the tracker.
    public init(hub: MarkHub?, observer: any PositionObserver) {
        self.hub = hub
        self.observer = observer
    }

    public func mark(_ slot: Int) -> (price: FixedPoint?, isStale: Bool) {
        let value = self.value(slot)
        return (value.price, value.isStale)
    }

    private func value(_ slot: Int) -> Value {
        if let value = self.apart[slot] { return value }
        guard slot < self.legs.count, let place = self.legs[slot].place, let entry = self.hub?.entry(place),
            let mark = entry.mark
        else { return Value() }
        return Value(price: mark.price, cs: mark.cs, exchangeTime: mark.exchangeTime, isStale: entry.isStale)
    }

    /// When a sweep's row last brought the leg's mark; nil if none did.
    public func rowTime(_ slot: Int) -> Uptime? { slot < self.legs.count ? self.legs[slot].rowTime : nil }

    /// Loads the store's positions and takes their tickers at once: the price is there when the first sweep confirms them.
    public func restore(_ positions: [Position]) {
        self.book.restore(positions)
        for slot in self.book.cells.indices where self.book.cells[slot].position.isOpen {
            self.open(slot)
            self.setMuted(slot, true)
        }
    }

    /// One row of the private socket.
    public func receive(_ row: Position, wallTime: Int64, now: Uptime) {
        self.book.apply(row, from: .stream, now: now) { self.changes.append($0) }
        self.deliver(source: .hybrid, wallTime: wallTime, now: now)
        self.refresh(row.key)
    }

    /// The private connection is gone.
    public func connectionLost() { self.book.connectionLost() }

    /// Whether only a sweep can tell what is true, because of rows received since the last call.
    public func takeDoubt() -> Bool { self.book.takeDoubt() }

    /// A sweep that reached its last page. See ``PositionBook/reconcile(_:isListening:now:)``.
    @discardableResult
    public func reconcile(
        _ listing: PositionBook.Listing,
        isListening: Bool = false,
        source: PositionUpdate.Source,
        wallTime: Int64,
        now: Uptime
    ) -> PositionBook.Reconciliation {
        let result = self.book.reconcile(listing, isListening: isListening, now: now)
        self.changes.append(contentsOf: result.changes)
        self.deliver(source: source, wallTime: wallTime, now: now)
        for row in listing.rows { self.refresh(row.key) }
        self.takeRowMarks(listing.rows, serverTime: listing.serverTime, wallTime: wallTime, now: now)
        return result
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
        self.setMuted(slot, false)
        self.onChange?(change)
        let state = self.value(slot)
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
        while self.legs.count <= slot { self.legs.append(Leg()) }
        if self.legs[slot].isOpen { return }
        var leg = Leg(isOpen: true)
        leg.place = self.hub?.hold(self.book.cells[slot].position, holder: self, slot: slot)
        self.legs[slot] = leg
    }

    /// The one place where a position's ticker is let go, however the close was learned.
    private func close(_ slot: Int) {
        guard slot < self.legs.count, self.legs[slot].isOpen else { return }
        self.apart[slot] = nil
        let place = self.legs[slot].place
        self.legs[slot] = Leg()
        if let place { self.hub?.release(place) }
    }

    /// Lets every ticker go: the account stops.
    public func releaseAll() {
        for slot in self.legs.indices { self.close(slot) }
    }

    /// Marks carry the newest row, also one that made no event.
    private func refresh(_ key: PositionKey) {
        guard let slot = self.book.slot(of: key), slot < self.legs.count, let place = self.legs[slot].place else {
            return
        }
        self.hub?.replace(place, with: self.book.cells[slot].position)
    }

    private func setMuted(_ slot: Int, _ isMuted: Bool) {
        guard slot < self.legs.count, self.legs[slot].isMuted != isMuted else { return }
        self.legs[slot].isMuted = isMuted
        if let place = self.legs[slot].place { self.hub?.setMuted(place, isMuted) }
    }

    /// The hub has put the leg elsewhere.
    func moved(slot: Int, to place: MarkHub.Place) {
        self.legs[slot].place = place
    }

    /// A new mark of the leg's symbol, from the shared feed.
    @inline(__always)
    func receive(
        _ cause: PositionUpdate.Cause,
        _ mark: Mark,
        _ position: Unmanaged<Position>,
        slot: Int,
        conflated: Int
    ) {
        position._withUnsafeGuaranteedRef {
            self.observer.observe(
                PositionUpdate(
                    cause: cause,
                    source: mark.source,
                    position: $0,
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
    }

    /// The same for a leg whose value is a row's. Returns whether its value is the ticker's again.
    func receiveApart(_ mark: Mark, position: Unmanaged<Position>, slot: Int, conflated: Int) -> Bool {
        guard let value = self.apart[slot] else { return true }
        // Marks never go back, whichever way they came. A row's mark has no `cs`; time alone says which is newer.
        if mark.cs < value.cs, mark.exchangeTime <= value.exchangeTime { return false }
        if mark.exchangeTime < value.exchangeTime { return false }
        self.apart[slot] = nil
        if !self.legs[slot].isMuted {
            self.receive(value.price == nil ? .mark : .fresh, mark, position, slot: slot, conflated: conflated)
        }
        return true
    }

    /// No ticker for too long.
    func becameStale(_ mark: Mark?, _ position: Position, slot: Int, wallTime: Int64) {
        self.observer.observe(
            PositionUpdate(
                cause: .stale,
                source: .hybrid,
                position: position,
                slot: slot,
                mark: mark?.price,
                stale: true,
                seq: mark?.cs ?? -1,
                exchangeTime: mark?.exchangeTime ?? 0,
                receivedTime: wallTime
            )
        )
    }

    /// Marks of a sweep's rows, where no ticker delivers (or there is none): better seconds old than nothing.
    private func takeRowMarks(_ rows: [Position], serverTime: Int64, wallTime: Int64, now: Uptime) {
        for row in rows {
            guard let price = row.rowMarkPrice, let slot = self.book.slot(of: row.key), slot < self.legs.count,
                self.legs[slot].isOpen
            else { continue }
            let before = self.value(slot)
            guard before.isStale || self.hub == nil else { continue }
            self.legs[slot].rowTime = now
            if serverTime <= before.exchangeTime { continue }
            // What the last event showed anyhow, also if it was the row's own price.
            let shown = before.price ?? self.book.cells[slot].position.rowMarkPrice
            if self.hub != nil, let shown, shown == price { continue }
            // With a ticker feed at hand a row's mark does not end staleness: it is already seconds old when it comes.
            let value = Value(
                price: price,
                cs: before.cs,
                exchangeTime: serverTime,
                isStale: self.hub != nil
            )
            self.apart[slot] = value
            if let place = self.legs[slot].place { self.hub?.setApart(place) }
            if let known = before.price, known == price, before.isStale == value.isStale { continue }
            if self.legs[slot].isMuted { continue }
            self.observer.observe(
                PositionUpdate(
                    cause: .mark,
                    source: .rest,
                    position: self.book.cells[slot].position,
                    slot: slot,
                    mark: price,
                    stale: value.isStale,
                    seq: before.cs == .min ? -1 : before.cs,
                    exchangeTime: serverTime,
                    receivedTime: wallTime
                )
            )
        }
    }
}

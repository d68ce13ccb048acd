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
        /// Nil while the leg is flat, and where REST drives it.
        var place: MarkHub.Place?
        var isOpen = false
        /// Loaded from the store and not confirmed yet: marks are taken note of but make no events.
        var isMuted = false
        /// When a sweep's row last brought a mark.
        var rowTime: Uptime?
    }

    public private(set) var book = PositionBook()
    /// Nothing is told and nothing is taken note of any more.
    public private(set) var isFrozen = false
    private var legs: ContiguousArray<Leg> = []
    /// By slot: of the legs whose value is not their ticker's.
    private var apart: [Int: Value] = [:]
    private let hub: MarkHub
    /// Which legs are worth what their ticker says.
    public private(set) var drive: Drive
    private let observer: any PositionObserver
    /// The exchange's own record of positions: what the store keeps.
    public var onChange: ((PositionBook.Change) -> Void)?

    /// - Parameters:
    ///   - hub: of the account's loop.
    ///   - drive: which symbols have their marks from the ticker; those of the others come with the rows of sweeps.
    ///   - observer: kept as long as the tracker.
    public init(hub: MarkHub, drive: Drive = .hybrid, observer: any PositionObserver) {
        self.hub = hub
        self.drive = drive
        self.observer = observer
    }

    public func mark(_ slot: Int) -> (price: FixedPoint?, isStale: Bool) {
        let value = self.value(slot)
        return (value.price, value.isStale)
    }

    private func value(_ slot: Int) -> Value {
        if let value = self.apart[slot] { return value }
        guard slot < self.legs.count, let place = self.legs[slot].place else { return Value() }
        let entry = self.hub.entry(place)
        guard let mark = entry.mark else { return Value() }
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
        if self.isFrozen { return }
        self.book.apply(row, from: .stream, now: now) { self.changes.append($0) }
        self.deliver(source: .hybrid, wallTime: wallTime, now: now)
        self.refresh(row.key)
    }

    /// The private connection is gone.
    public func connectionLost() { self.book.connectionLost() }

    /// Whether only a sweep can tell what is true, because of rows received since the last call.
    public func takeDoubt() -> Bool { self.book.takeDoubt() }

    /// A sweep that reached its last page. See ``PositionBook/reconcile(_:isListening:now:)``.
    /// - Parameters:
    ///   - isListening: the private connection is up and should have told every change in what the stream drives.
    ///   - isDriving: false while REST stands in for the stream.
    @discardableResult
    public func reconcile(
        _ listing: PositionBook.Listing,
        isListening: Bool = false,
        isDriving: Bool = true,
        wallTime: Int64,
        now: Uptime
    ) -> PositionBook.Reconciliation {
        if self.isFrozen { return PositionBook.Reconciliation() }
        let drive = self.drive
        let result = self.book.reconcile(listing, isListening: { isListening && drive.streams($0) }, now: now)
        self.changes.append(contentsOf: result.changes)
        self.deliver(source: isDriving ? nil : .rest, wallTime: wallTime, now: now)
        for row in listing.rows { self.refresh(row.key) }
        self.takeRowMarks(listing.rows, serverTime: listing.serverTime, wallTime: wallTime, now: now)
        return result
    }

    private var changes: [PositionBook.Change] = []

    /// - Parameter source: nil: whichever drives the symbol.
    private func deliver(source: PositionUpdate.Source?, wallTime: Int64, now: Uptime) {
        while !self.changes.isEmpty {
            let batch = self.changes
            self.changes.removeAll(keepingCapacity: true)
            for change in batch { self.deliver(change, source: source, wallTime: wallTime, now: now) }
        }
    }

    private func deliver(
        _ change: PositionBook.Change,
        source: PositionUpdate.Source?,
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
                source: source ?? (self.drive.streams(position.key.symbol) ? .hybrid : .rest),
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

    /// From now on nothing is told: what the exchange says stays with the exchange, and the next start finds it there. Tickers
    /// are kept until ``releaseAll()``.
    public func freeze() {
        self.isFrozen = true
        for leg in self.legs {
            if let place = leg.place { self.hub.setMuted(place, true) }
        }
    }

    // MARK: Tickers

    private func open(_ slot: Int) {
        while self.legs.count <= slot { self.legs.append(Leg()) }
        if self.legs[slot].isOpen { return }
        var leg = Leg(isOpen: true)
        let position = self.book.cells[slot].position
        if self.drive.streams(position.key.symbol) {
            leg.place = self.hub.hold(position, holder: self, slot: slot)
        }
        self.legs[slot] = leg
    }

    /// The one place where a position's ticker is let go, however the close was learned.
    private func close(_ slot: Int) {
        guard slot < self.legs.count, self.legs[slot].isOpen else { return }
        self.apart[slot] = nil
        let place = self.legs[slot].place
        self.legs[slot] = Leg()
        if let place { self.hub.release(place) }
    }

    /// Lets every ticker go: the account stops.
    public func releaseAll() {
        for slot in self.legs.indices { self.close(slot) }
    }

    // MARK: Drive

    /// Whether the leg is worth what its ticker says.
    public func hasTicker(_ slot: Int) -> Bool { slot < self.legs.count && self.legs[slot].place != nil }

    /// Whether the leg's ticker is older than can be acted on, or has not come; also of one without a ticker.
    public func lacksTicker(_ slot: Int) -> Bool {
        guard slot < self.legs.count, let place = self.legs[slot].place else { return true }
        return self.hub.entry(place).isStale
    }

    /// The newest marks of a symbol that the account holds; see ``MarkHub/range(_:from:to:)``.
    public func marks(_ symbol: String, from: Uptime, to: Uptime) -> MarkRange? {
        self.hub.range(symbol, from: from, to: to)
    }

    /// How many marks of the symbol have come, and when the last one did.
    public func ticks(_ symbol: String) -> (count: Int64, last: Uptime?)? { self.hub.ticks(symbol) }

    /// From now on the marks of each leg come whence `drive` says. No mark goes back: what a leg is worth stays until the new
    /// source says something later.
    public func take(_ drive: Drive, wallTime: Int64, now: Uptime) {
        self.drive = drive
        self.book.stopListening { !drive.streams($0) }
        for slot in self.legs.indices where self.legs[slot].isOpen {
            let position = self.book.cells[slot].position
            let isStreamed = drive.streams(position.key.symbol)
            if isStreamed == (self.legs[slot].place != nil) { continue }
            let value = self.value(slot)
            if let place = self.legs[slot].place {
                self.legs[slot].place = nil
                self.legs[slot].rowTime = now
                self.apart[slot] = value
                self.hub.release(place)
            } else {
                self.attach(slot, position, wallTime: wallTime)
            }
        }
    }

    private func attach(_ slot: Int, _ position: Position, wallTime: Int64) {
        let value = self.value(slot)
        let place = self.hub.hold(position, holder: self, slot: slot)
        self.legs[slot].place = place
        self.hub.setMuted(place, self.legs[slot].isMuted)
        self.apart[slot] = value
        let entry = self.hub.entry(place)
        if let mark = entry.mark, !entry.isStale, mark.exchangeTime >= value.exchangeTime {
            // The ticker knows a later mark already. When it was read says nothing about how long it took to be told.
            var known = mark
            known.receivedUptime = Uptime(nanoseconds: 0)
            if value.price == mark.price, !value.isStale {
                self.apart[slot] = nil
            } else {
                _ = self.receiveApart(known, position: .passUnretained(position), slot: slot, conflated: 0)
            }
            return
        }
        self.hub.setApart(place)
        // The one that has taken over has nothing good to say.
        if entry.isStale { self.becameStaleApart(slot: slot, source: .hybrid, wallTime: wallTime) }
    }

    /// Marks carry the newest row, also one that made no event.
    private func refresh(_ key: PositionKey) {
        guard let slot = self.book.slot(of: key), slot < self.legs.count, let place = self.legs[slot].place else {
            return
        }
        self.hub.replace(place, with: self.book.cells[slot].position)
    }

    private func setMuted(_ slot: Int, _ isMuted: Bool) {
        guard slot < self.legs.count, self.legs[slot].isMuted != isMuted else { return }
        self.legs[slot].isMuted = isMuted
        if let place = self.legs[slot].place { self.hub.setMuted(place, isMuted) }
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
        if !self.legs[slot].isMuted, !self.isFrozen {
            let isFresh = value.price != nil && value.isStale
            self.receive(isFresh ? .fresh : .mark, mark, position, slot: slot, conflated: conflated)
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

    /// REST has said nothing for too long: what it drives is stale.
    func rowMarksOverdue(wallTime: Int64) {
        for slot in self.legs.indices where self.legs[slot].isOpen && self.legs[slot].place == nil {
            self.becameStaleApart(slot: slot, source: .rest, wallTime: wallTime)
        }
    }

    /// The same of a leg whose value is not its ticker's.
    func becameStaleApart(slot: Int, source: PositionUpdate.Source, wallTime: Int64) {
        guard !self.isFrozen, let value = self.apart[slot], !value.isStale else { return }
        self.apart[slot]?.isStale = true
        if self.legs[slot].isMuted { return }
        self.observer.observe(
            PositionUpdate(
                cause: .stale,
                source: source,
                position: self.book.cells[slot].position,
                slot: slot,
                mark: value.price,
                stale: true,
                seq: value.cs == .min ? -1 : value.cs,
                exchangeTime: value.exchangeTime,
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
            let hasTicker = self.legs[slot].place != nil
            guard before.isStale || !hasTicker else { continue }
            self.legs[slot].rowTime = now
            if serverTime <= before.exchangeTime { continue }
            // What the last event showed anyhow, also if it was the row's own price.
            let shown = before.price ?? self.book.cells[slot].position.rowMarkPrice
            if hasTicker, let shown, shown == price { continue }
            // With a ticker feed at hand a row's mark does not end staleness: it is already seconds old when it comes.
            let value = Value(
                price: price,
                cs: before.cs,
                exchangeTime: serverTime,
                isStale: hasTicker
            )
            self.apart[slot] = value
            if let place = self.legs[slot].place { self.hub.setApart(place) }
            if let known = before.price, known == price, before.isStale == value.isStale { continue }
            if self.legs[slot].isMuted { continue }
            self.observer.observe(
                PositionUpdate(
                    cause: before.price != nil && before.isStale && !value.isStale ? .fresh : .mark,
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

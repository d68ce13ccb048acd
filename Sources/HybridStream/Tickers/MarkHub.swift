public import NIOCore
import Synchronization

/// One event loop's share of the ticker feed: which of its accounts hold a symbol, and the newest mark of each.
///
/// The feed tells each hub a mark once, however many accounts of its loop hold the symbol; the hub walks a dense array of
/// holders. A hub whose loop is behind sees the newest mark of each symbol and how many it replaced, not a queue of old ones.
public final class MarkHub: @unchecked Sendable {
    /// A leg that is worth what the ticker says: everything an event needs, side by side with those of all other holders.
    ///
    /// Nothing here is counted by the runtime on the path of a mark. Trackers let their legs go before they end; positions
    /// are retained while they stand here.
    struct Holder {
        fileprivate var tracker: Unmanaged<PositionTracker>?
        fileprivate var position: Unmanaged<Position>
        fileprivate var slot: Int32
        /// Not confirmed by the exchange yet: makes no events.
        fileprivate var isMuted: Bool
        /// Its value is not the ticker's at the moment; the tracker knows it.
        fileprivate var isApart: Bool
    }

    /// Where a tracker finds its leg again.
    struct Place {
        fileprivate var entry: Int
        fileprivate var index: Int
    }

    struct Entry {
        fileprivate let symbol: String
        fileprivate var holders: ContiguousArray<Holder> = []
        /// Those that are not let go yet.
        fileprivate var holderCount = 0
        fileprivate(set) var mark: Mark?
        /// The newest mark is too old, or there is none.
        fileprivate(set) var isStale = true
        fileprivate var history = MarkHistory()
    }

    /// What the feed has left for a hub on another loop.
    fileprivate struct Mailbox {
        var marks: ContiguousArray<Mark?> = []
        /// Marks that were replaced before anybody saw them.
        var replaced: ContiguousArray<Int> = []
        var stale: ContiguousArray<Bool> = []
        var isDirty: ContiguousArray<Bool> = []
        var dirty: ContiguousArray<Int> = []
        var isScheduled = false
    }

    public let eventLoop: any EventLoop
    private let feed: any TickerSource
    private let time: TimeSource
    @exclusivity(unchecked) private var entries: ContiguousArray<Entry> = []
    private var indexes: [String: Int] = [:]
    /// Nothing moves and nothing is freed while marks are on their way through the holders.
    @exclusivity(unchecked) private var isDelivering = false
    private var emptied: Set<Int> = []
    private var givenUp: [Unmanaged<Position>] = []
    private let mailbox = Mutex(Mailbox())
    /// Called once after each batch of marks has gone to its holders: the moment to hand queued events on.
    public var onBatchCompleted: (() -> Void)?

    package init(eventLoop: any EventLoop, feed: any TickerSource, time: TimeSource = .system) {
        self.eventLoop = eventLoop
        self.time = time
        self.feed = feed
    }

    deinit {
        for entry in self.entries {
            for holder in entry.holders { holder.position.release() }
        }
    }

    // MARK: Holders, on the hub's loop

    /// Adds a holder of a symbol. The newest mark, if one is known, is at ``entry(_:)`` at once: the exchange sends no
    /// second snapshot.
    func hold(_ position: Position, holder: PositionTracker, slot: Int) -> Place {
        let symbol = position.key.symbol
        let index: Int
        if let known = self.indexes[symbol] {
            index = known
        } else {
            index = self.entries.count
            self.entries.append(Entry(symbol: symbol))
            self.indexes[symbol] = index
        }
        self.entries[index].holders.append(
            Holder(
                tracker: .passUnretained(holder),
                position: .passRetained(position),
                slot: Int32(truncatingIfNeeded: slot),
                // The feed may tell at once what it knows, before the event that the leg is there.
                isMuted: true,
                isApart: false
            )
        )
        self.entries[index].holderCount += 1
        let place = Place(entry: index, index: self.entries[index].holders.count - 1)
        if self.entries[index].holderCount == 1 { self.feed.acquire(symbol, for: self, index: index) }
        self.setMuted(place, false)
        return place
    }

    func release(_ place: Place) {
        self.entries[place.entry].holders[place.index].tracker = nil
        self.entries[place.entry].holderCount -= 1
        if self.isDelivering { self.emptied.insert(place.entry) } else { self.remove(place) }
        guard self.entries[place.entry].holderCount == 0 else { return }
        // Nobody here will hear of further marks, so what is known must not be taken for the newest later.
        self.entries[place.entry].mark = nil
        self.entries[place.entry].isStale = true
        self.entries[place.entry].history.end()
        self.feed.release(self.entries[place.entry].symbol, for: self, index: place.entry)
    }

    /// The last holder moves to the free place.
    private func remove(_ place: Place) {
        self.entries[place.entry].holders[place.index].position.release()
        let last = self.entries[place.entry].holders.removeLast()
        guard place.index < self.entries[place.entry].holders.count else { return }
        self.entries[place.entry].holders[place.index] = last
        last.tracker?.takeUnretainedValue().moved(slot: Int(last.slot), to: place)
    }

    /// What all holders share whose value is the ticker's.
    func entry(_ place: Place) -> Entry { self.entries[place.entry] }

    /// Between which prices a held symbol's mark was from one instant to another; nil if that is not known. Of a ticker
    /// that is silent nothing is known: that its last mark is old has been told, and what REST says in its place is not
    /// its own.
    public func range(_ symbol: String, from: Uptime, to: Uptime) -> MarkRange? {
        guard let index = self.indexes[symbol], !self.entries[index].isStale,
            self.entries[index].mark?.source == .hybrid
        else { return nil }
        return self.entries[index].history.range(from: from, to: to)
    }

    /// How many marks of a held symbol have come to this hub, and when the last one did.
    public func ticks(_ symbol: String) -> (count: Int64, last: Uptime?)? {
        guard let index = self.indexes[symbol] else { return nil }
        return self.entries[index].history.ticks
    }

    /// A new row of the position.
    func replace(_ place: Place, with position: Position) {
        let known = self.entries[place.entry].holders[place.index].position
        if known.toOpaque() == Unmanaged.passUnretained(position).toOpaque() { return }
        self.entries[place.entry].holders[place.index].position = .passRetained(position)
        if self.isDelivering { self.givenUp.append(known) } else { known.release() }
    }

    func setMuted(_ place: Place, _ isMuted: Bool) {
        self.entries[place.entry].holders[place.index].isMuted = isMuted
    }

    /// The leg's value comes from elsewhere until its tracker accepts a mark.
    func setApart(_ place: Place) {
        self.entries[place.entry].holders[place.index].isApart = true
    }

    // MARK: Delivery, on the hub's loop

    package func deliver(_ mark: Mark, index: Int, conflated: Int) {
        // With nobody here to keep it company it would be taken for the newest later.
        guard self.entries[index].holderCount > 0 else { return }
        let before = self.entries[index].mark
        // Marks never go back.
        let isOlder = before.map { mark.cs < $0.cs && mark.exchangeTime <= $0.exchangeTime } ?? false
        var cause: PositionUpdate.Cause?
        if !isOlder {
            let wasStale = self.entries[index].isStale
            if before == nil || !wasStale, before?.price != mark.price {
                cause = .mark
            } else if wasStale {
                cause = .fresh
            }
            self.entries[index].mark = mark
            self.entries[index].isStale = false
            self.entries[index].history.append(mark, conflated: conflated)
        }
        self.forEachHolder(index) { holder, place in
            if holder.isApart {
                let isAccepted = holder.tracker?._withUnsafeGuaranteedRef {
                    $0.receiveApart(mark, position: holder.position, slot: Int(holder.slot), conflated: conflated)
                }
                if isAccepted == true { self.entries[index].holders[place].isApart = false }
            } else if let cause, !holder.isMuted {
                holder.tracker?._withUnsafeGuaranteedRef {
                    $0.receive(cause, mark, holder.position, slot: Int(holder.slot), conflated: conflated)
                }
            }
        }
    }

    func deliverStale(index: Int, wallTime: Int64, now: Uptime) {
        let wasStale = self.entries[index].isStale
        self.entries[index].isStale = true
        let mark = self.entries[index].mark
        self.forEachHolder(index) { holder, _ in
            if holder.isApart {
                holder.tracker?.takeUnretainedValue().becameStaleApart(
                    slot: Int(holder.slot),
                    source: .hybrid,
                    wallTime: wallTime
                )
                return
            }
            if wasStale || holder.isMuted { return }
            holder.tracker?.takeUnretainedValue().becameStale(
                mark,
                holder.position.takeUnretainedValue(),
                slot: Int(holder.slot),
                wallTime: wallTime
            )
        }
    }

    /// Whoever opens or closes positions while it looks at the mark changes the list: legs that come in the meantime know
    /// the mark already, and those that go leave their place empty until all have been told.
    @inline(__always)
    private func forEachHolder(_ index: Int, _ body: (Holder, Int) -> Void) {
        let isOutermost = !self.isDelivering
        self.isDelivering = true
        for place in 0..<self.entries[index].holders.count { body(self.entries[index].holders[place], place) }
        guard isOutermost else { return }
        self.isDelivering = false
        if !self.emptied.isEmpty { self.compact() }
        if !self.givenUp.isEmpty {
            for position in self.givenUp { position.release() }
            self.givenUp.removeAll()
        }
    }

    private func compact() {
        for entry in self.emptied {
            for index in self.entries[entry].holders.indices.reversed()
            where self.entries[entry].holders[index].tracker == nil {
                self.remove(Place(entry: entry, index: index))
            }
        }
        self.emptied.removeAll()
    }

    package func batchCompleted() {
        self.onBatchCompleted?()
    }

    // MARK: Mailbox, from the feed's loop

    /// Leaves a mark for a hub on another loop. Returns true if the hub must be woken.
    func post(_ mark: Mark, index: Int) -> Bool {
        self.mailbox.withLock { box in
            box.makeRoom(for: index)
            if box.marks[index] != nil { box.replaced[index] += 1 }
            box.marks[index] = mark
            box.stale[index] = false
            return box.add(index)
        }
    }

    func postStale(index: Int) -> Bool {
        self.mailbox.withLock { box in
            box.makeRoom(for: index)
            box.stale[index] = true
            return box.add(index)
        }
    }

    func wake() {
        self.eventLoop.execute { self.drain() }
    }

    private func drain() {
        let (batch, marks, replaced, stale) = self.mailbox.withLock { box in
            let batch = box.dirty
            let result = (
                batch, batch.map { box.marks[$0] }, batch.map { box.replaced[$0] }, batch.map { box.stale[$0] }
            )
            for index in batch {
                box.marks[index] = nil
                box.replaced[index] = 0
                box.stale[index] = false
                box.isDirty[index] = false
            }
            box.dirty.removeAll(keepingCapacity: true)
            box.isScheduled = false
            return result
        }
        for (place, index) in batch.enumerated() {
            if stale[place] {
                // A mark that waited here until its symbol was declared silent must not be taken for a fresh one.
                self.deliverStale(index: index, wallTime: self.time.wall(), now: self.time.uptime())
            } else if let mark = marks[place] {
                self.deliver(mark, index: index, conflated: replaced[place])
            }
        }
        self.batchCompleted()
    }
}

extension MarkHub.Mailbox {
    fileprivate mutating func makeRoom(for index: Int) {
        while self.marks.count <= index {
            self.marks.append(nil)
            self.replaced.append(0)
            self.stale.append(false)
            self.isDirty.append(false)
        }
    }

    /// Returns true if a wake-up has to be scheduled.
    fileprivate mutating func add(_ index: Int) -> Bool {
        if !self.isDirty[index] {
            self.isDirty[index] = true
            self.dirty.append(index)
        }
        defer { self.isScheduled = true }
        return !self.isScheduled
    }
}

/// What a hub needs of the feed.
package protocol TickerSource: AnyObject, Sendable {
    func acquire(_ symbol: String, for hub: MarkHub, index: Int)
    func release(_ symbol: String, for hub: MarkHub, index: Int)
}

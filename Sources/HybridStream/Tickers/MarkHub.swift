public import NIOCore
import Synchronization

/// One event loop's share of the ticker feed: which of its accounts hold a symbol, and the newest mark of each.
///
/// The feed tells each hub a mark once, however many accounts of its loop hold the symbol; the hub walks a dense array of
/// holders. A hub whose loop is behind sees the newest mark of each symbol and how many it replaced, not a queue of old ones.
public final class MarkHub: @unchecked Sendable {
    private struct Holder {
        unowned(unsafe) let tracker: PositionTracker
        let slot: Int32
    }

    private struct Entry {
        let symbol: String
        var holders: ContiguousArray<Holder> = []
        var mark: Mark?
        var isStale = false
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
    private var entries: ContiguousArray<Entry> = []
    private var indexes: [String: Int] = [:]
    private let mailbox = Mutex(Mailbox())
    /// Called once after each batch of marks has gone to its holders: the moment to hand queued events on.
    public var onBatchCompleted: (() -> Void)?

    package init(eventLoop: any EventLoop, feed: any TickerSource) {
        self.eventLoop = eventLoop
        self.feed = feed
    }

    // MARK: Holders, on the hub's loop

    /// Adds a holder of a symbol and returns the newest mark if one is known: the exchange sends no second snapshot.
    func hold(_ symbol: String, holder: PositionTracker, slot: Int) -> (mark: Mark, isStale: Bool)? {
        let index: Int
        if let known = self.indexes[symbol] {
            index = known
        } else {
            index = self.entries.count
            self.entries.append(Entry(symbol: symbol))
            self.indexes[symbol] = index
        }
        self.entries[index].holders.append(Holder(tracker: holder, slot: Int32(slot)))
        if self.entries[index].holders.count == 1 {
            self.feed.acquire(symbol, for: self, index: index)
        }
        guard let mark = self.entries[index].mark else { return nil }
        return (mark, self.entries[index].isStale)
    }

    func release(_ symbol: String, holder: PositionTracker, slot: Int) {
        guard let index = self.indexes[symbol],
            let place = self.entries[index].holders.firstIndex(where: {
                $0.tracker === holder && $0.slot == Int32(slot)
            })
        else { return }
        self.entries[index].holders.remove(at: place)
        guard self.entries[index].holders.isEmpty else { return }
        // Nobody here will hear of further marks, so what is known must not be taken for the newest later.
        self.entries[index].mark = nil
        self.feed.release(symbol, for: self, index: index)
    }

    // MARK: Delivery, on the hub's loop

    @inline(__always)
    package func deliver(_ mark: Mark, index: Int, conflated: Int) {
        // An account that closes its position while it looks at the mark changes the list; a copy costs one retain.
        let holders = self.entries.withUnsafeMutableBufferPointer { entries -> ContiguousArray<Holder> in
            // With nobody here to keep it company it would be taken for the newest later.
            if entries[index].holders.isEmpty { return [] }
            entries[index].mark = mark
            entries[index].isStale = false
            return entries[index].holders
        }
        for holder in holders { holder.tracker.receive(mark, slot: Int(holder.slot), conflated: conflated) }
    }

    func deliverStale(index: Int, wallTime: Int64, now: Uptime) {
        self.entries[index].isStale = true
        for holder in self.entries[index].holders {
            holder.tracker.becameStale(slot: Int(holder.slot), wallTime: wallTime, now: now)
        }
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
                self.deliverStale(index: index, wallTime: WallClock.milliseconds(), now: .now())
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

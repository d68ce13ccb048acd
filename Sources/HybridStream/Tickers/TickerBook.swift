/// The merged state of every ticker: snapshots replace, deltas change what they carry, older frames are dropped.
///
/// What a delta leaves out is unchanged, and a delta without a mark still shows that the symbol is alive. A delta before
/// its snapshot is unusable. Marks never go back, also across connections.
public struct TickerBook: Sendable {
    public enum Outcome: Equatable, Sendable {
        /// The mark is new; a consumer should see it.
        case newMark
        /// The symbol is alive; its mark is as before.
        case refreshed
        /// A delta without a snapshot on this connection.
        case beforeSnapshot
        /// An older frame than one already merged.
        case outdated
    }

    private struct Entry {
        var mark: Mark?
        var cs: Int64 = .min
        var exchangeTime: Int64 = .min
        var lastFrame: Uptime?
        /// A snapshot came on the current subscription.
        var hasSnapshot = false
    }

    private var entries: ContiguousArray<Entry> = []

    public init() {}

    public func mark(_ slot: Int) -> Mark? {
        slot < self.entries.count ? self.entries[slot].mark : nil
    }

    /// When the last usable frame came, on whatever connection.
    public func lastFrame(_ slot: Int) -> Uptime? {
        slot < self.entries.count ? self.entries[slot].lastFrame : nil
    }

    /// When the mark was last known to be good: by a frame or, where the ticker is silent, over REST.
    func lastWord(_ slot: Int) -> Uptime? {
        guard slot < self.entries.count else { return nil }
        let entry = self.entries[slot]
        guard let mark = entry.mark, mark.source == .rest else { return entry.lastFrame }
        return max(mark.receivedUptime, entry.lastFrame ?? .distantPast)
    }

    public mutating func merge(_ frame: TickerFrame, slot: Int, wallTime: Int64, now: Uptime) -> Outcome {
        self.makeRoom(for: slot)
        return self.entries.withUnsafeMutableBufferPointer { entries in
            Self.merge(frame, into: &entries[slot], wallTime: wallTime, now: now)
        }
    }

    private static func merge(
        _ frame: TickerFrame,
        into entry: inout Entry,
        wallTime: Int64,
        now: Uptime
    ) -> Outcome {
        if frame.isSnapshot {
            // `cs` is assumed to rise for ever but not promised to: a snapshot made later counts even if it does not.
            if frame.cs < entry.cs, frame.ts <= entry.exchangeTime {
                entry.hasSnapshot = true
                entry.lastFrame = now
                return .outdated
            }
            entry.hasSnapshot = true
        } else {
            if !entry.hasSnapshot { return .beforeSnapshot }
            if frame.cs < entry.cs { return .outdated }
        }
        entry.cs = frame.cs
        // A delta may be newer by `cs` and carry an older time; a snapshot must not pass for a later one because of that.
        entry.exchangeTime = max(entry.exchangeTime, frame.ts)
        entry.lastFrame = now
        // A price of zero is the exchange's word for none; positions must not be valued with it.
        guard let price = frame.markPrice, price.isPositive else { return .refreshed }
        // REST told a later one already.
        if let known = entry.mark, known.source == .rest, frame.ts < known.exchangeTime { return .refreshed }
        let isNew = entry.mark.map { $0.price != price } ?? true
        entry.mark = Mark(
            price: price,
            cs: frame.cs,
            exchangeTime: frame.ts,
            receivedTime: wallTime,
            receivedUptime: now
        )
        return isNew ? .newMark : .refreshed
    }

    /// Takes a mark that REST told of a silent symbol. Returns false if a newer one is known.
    ///
    /// The symbol is as silent as before: nothing else of the ticker is known by it.
    mutating func merge(polled price: FixedPoint, exchangeTime: Int64, slot: Int, wallTime: Int64, now: Uptime) -> Bool
    {
        self.makeRoom(for: slot)
        let known = self.entries[slot]
        let newest = max(known.exchangeTime, known.mark?.exchangeTime ?? .min)
        if exchangeTime <= newest { return false }
        self.entries[slot].mark = Mark(
            price: price,
            cs: known.mark?.cs ?? -1,
            exchangeTime: exchangeTime,
            receivedTime: wallTime,
            receivedUptime: now,
            source: .rest
        )
        return true
    }

    /// A new subscription starts with a snapshot; what is known stays known.
    public mutating func subscriptionEnded(_ slot: Int) {
        if slot < self.entries.count { self.entries[slot].hasSnapshot = false }
    }

    public mutating func connectionLost() {
        for slot in self.entries.indices { self.entries[slot].hasSnapshot = false }
    }

    private mutating func makeRoom(for slot: Int) {
        while self.entries.count <= slot { self.entries.append(Entry()) }
    }
}

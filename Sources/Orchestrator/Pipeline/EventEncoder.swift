import HybridStream

/// Writes the events of one account as JSON Lines.
///
/// Most bytes of a `mark` are the same as in the one before: everything that depends on the position alone is kept as
/// text per slot until the position changes (a new row makes a new ``Position``, so identity tells). On that path
/// nothing is allocated. Confined to the account's event loop.
final class EventEncoder {
    let label: AccountLabel
    private let shared: SharedMarkText
    private let prefix: UnsafeMutableRawPointer
    private let prefixCount: Int
    @exclusivity(unchecked) private var slots: UnsafeMutablePointer<PreparedPosition>
    @exclusivity(unchecked) private var slotCount: Int

    /// Positions in higher slots are written without prepared text.
    static let maxPreparedSlots = 4_096

    init(label: AccountLabel, shared: SharedMarkText) {
        self.label = label
        self.shared = shared
        let bytes = label.positionPrefix
        let prefix = UnsafeMutableRawPointer.allocate(byteCount: bytes.count, alignment: 16)
        UnsafeMutableRawBufferPointer(start: prefix, count: bytes.count).copyBytes(from: bytes)
        self.prefix = prefix
        self.prefixCount = label.positionPrefix.count
        self.slotCount = 0
        self.slots = .allocate(capacity: 1)
    }

    deinit {
        for index in 0..<self.slotCount { self.slots[index].release() }
        self.slots.deallocate()
        self.prefix.deallocate()
    }

    /// Appends the line of an update to the arena.
    @inline(__always)
    func append(_ update: PositionUpdate, n: Int64, emittedTime: Int64, to arena: LineArena) {
        guard update.cause == .mark, let prepared = self.prepared(update), let text = prepared.text else {
            self.appendUnprepared(update, n: n, emittedTime: emittedTime, to: arena)
            return
        }
        let start = arena.reserve(self.prefixCount + prepared.headCount + prepared.tailCount + PositionLine.fixedBound)
        var writer = RawWriter(start)
        writer.bytes(self.prefix, count: self.prefixCount)
        writer.integer(n)
        writer.bytes(text, count: prepared.headCount)
        writer.bytes(self.shared.markText(update.mark), count: self.shared.markCount)
        if let mark = update.mark, let profit = prepared.profit?.profit(at: mark) {
            writer.decimal(profit)
        } else {
            PositionLine.writeProfit(update, to: &writer)
        }
        writer.bytes(text + prepared.headCount, count: prepared.tailCount)
        writer.bytes(self.shared.ending(update, emittedTime: emittedTime), count: self.shared.endingCount)
        arena.commit(writer.position - start)
    }

    private func appendUnprepared(_ update: PositionUpdate, n: Int64, emittedTime: Int64, to arena: LineArena) {
        let start = arena.reserve(PositionLine.bound(self.label, update.position))
        var writer = RawWriter(start)
        PositionLine.write(update, label: self.label, n: n, emittedTime: emittedTime, to: &writer)
        arena.commit(writer.position - start)
        if !update.position.isOpen { self.forget(update.slot) }
    }

    /// No mark of a closed position follows, and most accounts open more symbols than they hold at a time.
    private func forget(_ slot: Int) {
        guard slot >= 0, slot < self.slotCount else { return }
        self.slots[slot].release()
        self.slots[slot] = PreparedPosition()
    }

    /// The text kept for the position of a mark; nil for a slot out of range.
    @inline(__always)
    private func prepared(_ update: PositionUpdate) -> PreparedPosition? {
        let slot = update.slot
        if slot >= 0, slot < self.slotCount {
            let prepared = self.slots[slot]
            if prepared.isText(of: update.position, source: update.source) { return prepared }
        }
        return self.prepare(update)
    }

    private func prepare(_ update: PositionUpdate) -> PreparedPosition? {
        let slot = update.slot
        guard slot >= 0, slot < EventEncoder.maxPreparedSlots else { return nil }
        if slot >= self.slotCount { self.grow(to: max(4, slot + 1, self.slotCount * 2)) }
        self.slots[slot].release()
        let prepared = PreparedPosition(update.position, source: update.source, label: self.label)
        self.slots[slot] = prepared
        return prepared
    }

    private func grow(to count: Int) {
        let grown = UnsafeMutablePointer<PreparedPosition>.allocate(capacity: count)
        grown.moveInitialize(from: self.slots, count: self.slotCount)
        (grown + self.slotCount).initialize(repeating: PreparedPosition(), count: count - self.slotCount)
        self.slots.deallocate()
        self.slots = grown
        self.slotCount = count
    }
}

/// Head and tail of the marks of one position. Owned by hand, so that using it on the path of an event neither retains
/// nor releases anything.
struct PreparedPosition {
    /// Retained while the text is kept, so that no other position can get the same identity.
    private let position: Unmanaged<Position>?
    private let source: PositionUpdate.Source
    let text: UnsafeMutableRawPointer?
    let headCount: Int
    let tailCount: Int
    let profit: PreparedProfit?

    /// No position.
    init() {
        self.position = nil
        self.source = .hybrid
        self.text = nil
        self.headCount = 0
        self.tailCount = 0
        self.profit = nil
    }

    init(_ position: Position, source: PositionUpdate.Source, label: AccountLabel) {
        let bound = PositionLine.bound(label, position)
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: bound, alignment: 16)
        defer { scratch.deallocate() }
        var writer = RawWriter(scratch)
        PositionLine.writeHead(position, cause: .mark, source: source, to: &writer)
        self.headCount = writer.position - scratch
        PositionLine.writeTail(position, to: &writer)
        let count = writer.position - scratch
        self.tailCount = count - self.headCount
        let text = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        text.copyMemory(from: scratch, byteCount: count)
        self.text = text
        self.position = .passRetained(position)
        self.source = source
        self.profit = PreparedProfit(position)
    }

    @inline(__always)
    func isText(of position: Position, source: PositionUpdate.Source) -> Bool {
        guard let known = self.position else { return false }
        return known.toOpaque() == Unmanaged.passUnretained(position).toOpaque() && self.source == source
    }

    /// To be called once, when the text is given up.
    func release() {
        self.position?.release()
        self.text?.deallocate()
    }
}

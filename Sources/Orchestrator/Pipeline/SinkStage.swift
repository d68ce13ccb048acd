import HybridStream

/// What the accounts of one loop have for one queue in the current batch. Confined to the loop.
final class SinkStage {
    enum Piece {
        /// Lines of any accounts, a range of the loop's arena.
        case lines(Range<Int>)
        /// One line that must not overtake or be overtaken by parked marks of its account.
        case line(AccountLabel, Range<Int>)
        case mark(ParkedMark)
    }

    let queue: EventQueue
    /// How many pipelines of this loop write to it.
    var users = 0
    @exclusivity(unchecked) private(set) var isDirty = false
    /// Fixed for the length of a batch.
    @exclusivity(unchecked) private(set) var isConflating = false
    @exclusivity(unchecked) private var pieces: [Piece] = []
    @exclusivity(unchecked) private var start = 0
    @exclusivity(unchecked) private var end = 0

    /// So many pieces, and the batch is handed over early.
    static let maxPieces = 1_024

    private let kinds: EventKinds
    private let symbols: Set<String>?

    init(queue: EventQueue) {
        self.queue = queue
        self.kinds = queue.filter.kinds
        self.symbols = queue.filter.symbols
    }

    /// See ``EventFilter``.
    @inline(__always)
    func accepts(kind: EventKinds, symbol: String) -> Bool {
        guard self.kinds.contains(kind) else { return false }
        guard let wanted = self.symbols else { return true }
        return symbol.isEmpty || wanted.contains(symbol)
    }

    var isFull: Bool { self.pieces.count >= SinkStage.maxPieces }

    /// - Returns: whether this begins a batch.
    @inline(__always)
    func begin() -> Bool {
        if self.isDirty { return false }
        self.isDirty = true
        self.isConflating = self.queue.isConflating
        return true
    }

    /// A line that was just written to the arena.
    @inline(__always)
    func add(_ range: Range<Int>, of label: AccountLabel) {
        if self.isConflating {
            self.pieces.append(.line(label, range))
        } else if range.lowerBound == self.end, self.end > self.start {
            self.end = range.upperBound
        } else {
            self.closeRange()
            self.start = range.lowerBound
            self.end = range.upperBound
        }
    }

    func add(_ mark: ParkedMark) {
        self.closeRange()
        self.pieces.append(.mark(mark))
    }

    private func closeRange() {
        if self.end > self.start { self.pieces.append(.lines(self.start..<self.end)) }
        self.start = 0
        self.end = 0
    }

    /// Hands the batch over.
    func flush(from arena: LineArena) {
        self.closeRange()
        self.queue.append(self.pieces, from: arena)
        self.pieces.removeAll(keepingCapacity: true)
        self.isDirty = false
    }
}

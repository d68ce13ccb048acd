import DequeModule

/// What is on its way into the pipe of a child, and what the next child has to be told again. Pure.
///
/// Lines travel in slices of whole lines, small enough that a slow reader can be told from one that stands still. A slice
/// that did not get into the pipe of a child that died is written to the next one. What did get into it may have died with
/// the child unread; therefore the newest lifecycle lines, up to ``keptLimit`` bytes of them, are written to each new child
/// first, as they were, with their old `n`.
struct ChildFeed: Sendable {
    private struct Slice {
        var bytes: [UInt8]
        /// Those of its lines that are to be repeated to another child.
        var lifecycle: [[UInt8]]
        let isRepeated: Bool
    }

    /// About this many bytes make a slice; one line at least.
    static let sliceSize = 4 * 1_024
    static let keptLimit = 256 * 1_024

    private var slices = Deque<Slice>()
    /// The first so many have been handed to the pipe and not been confirmed.
    private var handed = 0
    private var kept = Deque<[UInt8]>()
    private var keptBytes = 0

    /// Nothing is on its way.
    var isEmpty: Bool { self.slices.isEmpty }

    /// Bytes that no child has got yet.
    var newBytes: Int { self.slices.reduce(0) { $0 + ($1.isRepeated ? 0 : $1.bytes.count) } }

    /// Lines that no child has got yet and that have to be delivered.
    var newLifecycleCount: Int { self.slices.reduce(0) { $0 + $1.lifecycle.count } }

    /// A new child has an empty pipe.
    mutating func begin() {
        let unwritten = self.slices.filter { !$0.isRepeated }
        self.slices.removeAll()
        self.handed = 0
        self.append(self.kept, isRepeated: true)
        self.slices.append(contentsOf: unwritten)
    }

    /// - Parameter lines: whole lines.
    /// - Returns: whether there is one among them that has to be delivered.
    @discardableResult
    mutating func add(_ lines: [UInt8]) -> Bool {
        var slice = Slice(bytes: [], lifecycle: [], isRepeated: false)
        var hasLifecycle = false
        EventLines.forEach(in: lines) { line in
            if !slice.bytes.isEmpty, slice.bytes.count + line.count > ChildFeed.sliceSize {
                self.slices.append(slice)
                slice = Slice(bytes: [], lifecycle: [], isRepeated: false)
            }
            slice.bytes.append(contentsOf: line)
            if !EventLines.isMark(line) {
                hasLifecycle = true
                slice.lifecycle.append([UInt8](line))
            }
        }
        if !slice.bytes.isEmpty { self.slices.append(slice) }
        return hasLifecycle
    }

    private mutating func append(_ lines: Deque<[UInt8]>, isRepeated: Bool) {
        var slice = Slice(bytes: [], lifecycle: [], isRepeated: isRepeated)
        for line in lines {
            if !slice.bytes.isEmpty, slice.bytes.count + line.count > ChildFeed.sliceSize {
                self.slices.append(slice)
                slice.bytes = []
            }
            slice.bytes += line
        }
        if !slice.bytes.isEmpty { self.slices.append(slice) }
    }

    /// What is to be written now; each is to be answered by one of ``written()``, in order, if it gets into the pipe whole.
    mutating func takeUnwritten() -> [[UInt8]] {
        let unwritten = self.slices.dropFirst(self.handed).map(\.bytes)
        self.handed = self.slices.count
        return unwritten
    }

    /// The oldest slice is in the pipe.
    mutating func written() {
        guard let slice = self.slices.popFirst() else { return }
        self.handed -= 1
        for line in slice.lifecycle {
            self.kept.append(line)
            self.keptBytes += line.count
        }
        while self.keptBytes > ChildFeed.keptLimit, let oldest = self.kept.popFirst() { self.keptBytes -= oldest.count }
    }
}

/// Memory into which a loop writes the lines of one batch, once, whoever wants them. One per event loop.
final class LineArena {
    @exclusivity(unchecked) private(set) var base: UnsafeMutableRawPointer
    @exclusivity(unchecked) private var capacity: Int
    /// Bytes written in this batch.
    @exclusivity(unchecked) private(set) var count = 0

    private static let smallest = 8 * 1_024

    init() {
        self.capacity = LineArena.smallest
        self.base = .allocate(byteCount: LineArena.smallest, alignment: 16)
    }

    deinit {
        self.base.deallocate()
    }

    /// Room for one line. What was reserved before is moved when the arena grows: keep offsets, not pointers.
    @inline(__always)
    func reserve(_ bytes: Int) -> UnsafeMutableRawPointer {
        if self.capacity &- self.count < bytes { self.grow(by: bytes) }
        return self.base + self.count
    }

    private func grow(by bytes: Int) {
        let capacity = max(self.capacity * 2, self.count + bytes)
        let grown = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        grown.copyMemory(from: self.base, byteCount: self.count)
        self.base.deallocate()
        self.base = grown
        self.capacity = capacity
    }

    /// Keeps what was written into the room reserved last.
    @inline(__always)
    func commit(_ bytes: Int) {
        self.count &+= bytes
    }

    /// Starts the next batch in the same memory.
    func removeAll() {
        self.count = 0
    }

    func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: self.base + range.lowerBound, count: range.count)
    }
}

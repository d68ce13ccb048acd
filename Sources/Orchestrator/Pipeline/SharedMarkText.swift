import HybridStream

/// The parts of a line that all holders of one mark share, as text: written for the first, copied for the others.
///
/// One per event loop.
final class SharedMarkText {
    private let memory: UnsafeMutableRawPointer
    private static let markRoom = 128
    private static let endingRoom = 256

    @exclusivity(unchecked) private var mark: FixedPoint?
    @exclusivity(unchecked) private(set) var markCount = 0

    @exclusivity(unchecked) private var stale = false
    @exclusivity(unchecked) private var conflated = 0
    @exclusivity(unchecked) private var seq: Int64 = 0
    @exclusivity(unchecked) private var exchangeTime: Int64 = 0
    @exclusivity(unchecked) private var receivedTime: Int64 = 0
    @exclusivity(unchecked) private var emittedTime: Int64 = 0
    @exclusivity(unchecked) private(set) var endingCount = 0

    init() {
        self.memory = .allocate(byteCount: SharedMarkText.markRoom + SharedMarkText.endingRoom, alignment: 16)
    }

    deinit {
        self.memory.deallocate()
    }

    /// The mark and all up to the value of `unrealized_pnl`: ``markCount`` bytes.
    @inline(__always)
    func markText(_ mark: FixedPoint?) -> UnsafeRawPointer {
        // Same digits and same scale: 1.0 and 1.00 are one number but two texts.
        let isKnown =
            self.markCount > 0 && self.mark?.mantissa == mark?.mantissa && self.mark?.scale == mark?.scale
        if !isKnown {
            var writer = RawWriter(self.memory)
            PositionLine.writeMark(mark, to: &writer)
            self.markCount = writer.position - self.memory
            self.mark = mark
        }
        return UnsafeRawPointer(self.memory)
    }

    /// The value of `stale` and the rest of the line: ``endingCount`` bytes.
    @inline(__always)
    func ending(_ update: PositionUpdate, emittedTime: Int64) -> UnsafeRawPointer {
        let start = self.memory + SharedMarkText.markRoom
        let isKnown =
            self.endingCount > 0 && self.stale == update.stale && self.conflated == update.conflated
            && self.seq == update.seq && self.exchangeTime == update.exchangeTime
            && self.receivedTime == update.receivedTime && self.emittedTime == emittedTime
        if !isKnown {
            var writer = RawWriter(start)
            PositionLine.writeEnding(update, emittedTime: emittedTime, to: &writer)
            self.endingCount = writer.position - start
            self.stale = update.stale
            self.conflated = update.conflated
            self.seq = update.seq
            self.exchangeTime = update.exchangeTime
            self.receivedTime = update.receivedTime
            self.emittedTime = emittedTime
        }
        return UnsafeRawPointer(start)
    }
}

/// Events per second over the last ten seconds, from a running total. Looked at once a second, not per event.
struct RateMeter {
    static let window = 10
    /// The total at the beginning of the second that the index stands for, modulo the window.
    private var totals: InlineArray<11, Int64> = .init(repeating: 0)
    private(set) var second: Int64
    private let startSecond: Int64

    init(second: Int64) {
        self.second = second
        self.startSecond = second
    }

    /// A new second has begun.
    /// - Parameter total: events until then.
    mutating func advance(to second: Int64, total: Int64) {
        guard second > self.second else { return }
        let missed = min(second - self.second, Int64(RateMeter.window + 1))
        for back in 0..<missed { self.totals[RateMeter.index(second - back)] = total }
        self.second = second
    }

    /// - Parameters:
    ///   - second: now; seconds without events count.
    ///   - total: events until now.
    func rate(second: Int64, total: Int64) -> Double {
        var copy = self
        copy.advance(to: second, total: total)
        let span = min(Int64(RateMeter.window), copy.second - copy.startSecond)
        guard span > 0 else { return Double(total) }
        return Double(total - copy.totals[RateMeter.index(copy.second - span)]) / Double(span)
    }

    private static func index(_ second: Int64) -> Int {
        Int(second % Int64(RateMeter.window + 1))
    }
}

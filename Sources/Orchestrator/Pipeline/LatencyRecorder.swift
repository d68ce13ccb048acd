import Histogram

/// Distribution of a latency in microseconds, up to two seconds, with about 6 % error, in little more than 1 KiB.
struct LatencyRecorder {
    /// Longer ones count as this.
    static let longest: UInt64 = 2_000_000
    /// After so many events the distribution starts again: counts have 32 bits.
    private static let mostEvents: UInt64 = 4_000_000_000

    private var histogram = Histogram<UInt32>(
        highestTrackableValue: LatencyRecorder.longest,
        numberOfSignificantValueDigits: .one
    )

    @inline(__always)
    mutating func record(microseconds: UInt64) {
        if self.histogram.totalCount >= LatencyRecorder.mostEvents { self.histogram.reset() }
        self.histogram.record(microseconds < LatencyRecorder.longest ? microseconds : LatencyRecorder.longest)
    }

    /// Nil before the first event.
    func percentile(_ percentile: Double) -> Int? {
        guard self.histogram.totalCount > 0 else { return nil }
        return Int(self.histogram.valueAtPercentile(percentile))
    }

    var footprint: Int { self.histogram.estimatedFootprintInBytes }
}

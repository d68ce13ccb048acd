/// How long to wait before the next attempt: exponential with full jitter.
///
/// With 500 ms and 30 s the upper bound grows attempt by attempt: 0.5, 1, 2, 4, 8, 16, 30, 30 … s; the delay is drawn
/// evenly between nothing and the bound, so a thousand clients that lost the same server do not come back together.
public struct Backoff: Sendable {
    public let initial: Duration
    public let max: Duration
    /// Attempts since the last ``reset()``.
    public private(set) var attempts = 0

    public init(initial: Duration, max: Duration) {
        self.initial = initial
        self.max = Swift.max(initial, max)
    }

    /// The bound of the given attempt, counted from 0; never above ``max``.
    public func bound(attempt: Int) -> Duration {
        // Doubling stops long before the multiplication could overflow.
        guard attempt < 32 else { return self.max }
        return min(self.max, self.initial * (1 << attempt))
    }

    public mutating func next(using random: inout SplitMix64) -> Duration {
        let bound = self.bound(attempt: self.attempts).nanoseconds
        self.attempts += 1
        return .nanoseconds(Int64.random(in: 0...Swift.max(0, bound), using: &random))
    }

    public mutating func reset() {
        self.attempts = 0
    }
}

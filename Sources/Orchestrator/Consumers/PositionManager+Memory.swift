extension PositionManager {
    /// What the position manager remembers of a holding.
    public struct Memory: Decodable, Sendable, Equatable {
        /// Refusals since the last stop that was accepted, and when to ask again.
        public var retry = Retry()

        public init() {}
    }
}

/// When a consumer may ask again for what was refused, or for what was accepted and is not to be seen yet.
public struct Retry: Decodable, Sendable, Equatable {
    /// In a row.
    public var refusals = 0
    /// Nothing is asked before, in milliseconds since 1970.
    public var notBefore: Int64 = 0

    public init() {}

    /// A rate limit is waited out this long, in milliseconds.
    static let rateLimitPause: Int64 = 15_000
    /// The longest of all pauses, and as much again for clocks that differ. What lies further ahead comes from a clock
    /// that has been set back since, and a position without a stop does not wait for it.
    private static let farthest: Int64 = 120_000

    /// 0.3, 0.7, 1.5 and then every 5 seconds, in milliseconds.
    static func pause(_ refusals: Int) -> Int64 {
        switch refusals {
        case ...1: 300
        case 2: 700
        case 3: 1_500
        default: 5_000
        }
    }

    func isWaiting(_ time: Int64) -> Bool { time < self.notBefore && self.notBefore - time <= Self.farthest }

    /// - Parameters:
    ///   - isSuccess: once accepted it is done. An order may still find nobody to trade with.
    ///   - acceptedPause: how long to wait for the effect of what was accepted.
    ///   - impossiblePause: the exchange said that no attempt can succeed, and it may be wrong.
    ///   - refusedPause: by the number of refusals.
    mutating func settled(
        _ outcome: IntentOutcome,
        _ time: Int64,
        isSuccess: Bool = true,
        acceptedPause: Int64 = 0,
        impossiblePause: Int64,
        refusedPause: (Int) -> Int64 = Retry.pause
    ) {
        switch outcome {
        case .accepted:
            if isSuccess { self.refusals = 0 }
            self.notBefore = time + acceptedPause
        case .leftover:
            self.refusals = 0
            self.notBefore = time
        case .refused(let isRateLimit):
            self.refusals += 1
            self.notBefore = time + (isRateLimit ? Self.rateLimitPause : refusedPause(self.refusals))
        case .impossible:
            self.refusals += 1
            self.notBefore = time + impossiblePause
        }
    }
}

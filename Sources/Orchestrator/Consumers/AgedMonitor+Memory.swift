extension AgedMonitor {
    public enum Phase: String, Decodable, Sendable, CaseIterable {
        /// Younger than `max_age`.
        case fresh
        /// Closes at break-even after costs, or better.
        case grace
        /// Closes at a loss that grows with time.
        case progressive
    }

    /// What the aged monitor remembers of a holding.
    public struct Memory: Decodable, Sendable, Equatable {
        /// As last seen.
        public var phase = Phase.fresh
        /// Limit orders that have closed nothing, or not all.
        public var limitRounds = 0
        /// The exchange said that it cannot be closed: nothing more is asked, and somebody has to look.
        public var isGivenUp = false
        public var retry = Retry()

        public init() {}
    }
}

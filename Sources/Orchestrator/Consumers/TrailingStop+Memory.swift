public import HybridStream

extension TrailingStop {
    public enum State: String, Decodable, Sendable {
        /// The mark has not been far enough from entry yet.
        case waiting
        /// The stop follows the peak.
        case active
        /// The exchange has accepted the order that closes the position.
        case triggered
    }

    /// What the trailing stop remembers of a holding.
    public struct Memory: Decodable, Sendable, Equatable {
        public var state = State.waiting
        /// The most profitable mark since the holding began, or since its entry changed before activation; nil before the
        /// first.
        public var peak: FixedPoint?
        /// The entry price while it waits: what the peak was reached with.
        public var entry: FixedPoint?
        /// The last stop that the exchange has accepted from this consumer.
        public var stop: FixedPoint?
        /// When it did, in milliseconds since 1970.
        public var amended: Int64?
        /// The exchange's own trailing stop stands, or stood.
        public var isArmed = false
        public var amending = Retry()
        public var arming = Retry()
        public var closing = Retry()
        /// The exchange called it impossible: nothing is asked while the row stays the same.
        public var isAmendingHeld = false
        public var isArmingHeld = false
        /// The first row that was seen after that.
        public var heldRow: Row?

        public init() {}
    }

    /// What makes a row another one.
    public struct Row: Decodable, Sendable, Equatable {
        public var size: FixedPoint
        public var entry: FixedPoint
        /// Milliseconds since 1970.
        public var updatedTime: Int64

        init(_ position: Position) {
            self.size = position.size
            self.entry = position.entryPrice
            self.updatedTime = position.updatedTime
        }
    }
}

extension TrailingStop.Memory {
    /// A row that has changed is a reason to ask again for what was impossible.
    mutating func seeRow(_ position: Position) {
        guard self.isAmendingHeld || self.isArmingHeld else { return }
        let row = TrailingStop.Row(position)
        guard let held = self.heldRow else {
            self.heldRow = row
            return
        }
        guard held != row else { return }
        if self.isAmendingHeld { self.amending = Retry() }
        if self.isArmingHeld { self.arming = Retry() }
        self.isAmendingHeld = false
        self.isArmingHeld = false
        self.heldRow = nil
    }

    mutating func amendingSettled(_ price: FixedPoint, _ outcome: IntentOutcome, _ time: Int64) {
        self.amending.settled(outcome, time, impossiblePause: TrailingStop.impossiblePause)
        self.isAmendingHeld = outcome == .impossible
        guard outcome == .accepted else { return }
        self.stop = price
        self.amended = time
    }

    mutating func armingSettled(_ outcome: IntentOutcome, _ time: Int64) {
        self.arming.settled(outcome, time, impossiblePause: TrailingStop.impossiblePause)
        self.isArmingHeld = outcome == .impossible
        if outcome == .accepted { self.isArmed = true }
    }

    mutating func closingSettled(_ outcome: IntentOutcome, _ time: Int64) {
        self.closing.settled(
            outcome,
            time,
            isSuccess: false,
            acceptedPause: TrailingStop.closePatience,
            impossiblePause: TrailingStop.impossibleClosePause
        )
        // Something can only be left over by an order that was accepted.
        if outcome == .accepted || outcome == .leftover { self.state = .triggered }
    }
}

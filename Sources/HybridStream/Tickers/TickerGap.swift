/// A time without marks: what was lost, what delivers again, and how long it took.
public struct TickerGap: Equatable, Sendable {
    /// Why, in words.
    public var reason: String
    /// From the last sign of life to the end of the gap, or until now while it lasts.
    public var length: Duration
    /// Symbols that were held and delivered nothing, by slot.
    public var lost: [Int]
    /// Those of them that are still held and deliver again.
    public var restored: [Int]
    /// Those of them that are still held and deliver nothing: refused by the exchange, or not yet back.
    public var missing: [Int]

    public init(reason: String, length: Duration, lost: [Int], restored: [Int], missing: [Int]) {
        self.reason = reason
        self.length = length
        self.lost = lost
        self.restored = restored
        self.missing = missing
    }
}

/// Recovery is measured by data that came on the new subscription, never by what was sent.
extension TickerFeedMachine {
    /// A gap that has not ended.
    struct OpenGap: Sendable {
        var reason: String
        var since: Uptime
        var lost: Set<Int>
        /// When it is reported that something is missing; nil once it was.
        var verifyAt: Uptime?

        var deadline: Uptime { self.verifyAt ?? .distantFuture }
    }

    /// So long after a loss everything should be back.
    public static let verifyAfter = Duration.seconds(15)

    /// The connection that held topics is gone.
    mutating func connectionEnded(_ reason: String, now: Uptime) {
        let since = self.lastFrame ?? now
        for slot in self.ledger.held where self.ledger.isReceiving(slot) {
            self.lost(slot, since: since, reason: reason)
        }
    }

    mutating func lost(_ slot: Int, since: Uptime, reason: String) {
        var gap =
            self.gap ?? OpenGap(reason: reason, since: since, lost: [], verifyAt: since + TickerFeedMachine.verifyAfter)
        gap.lost.insert(slot)
        gap.since = min(gap.since, since)
        self.gap = gap
    }

    /// Says so when everything is back, or when that takes too long. Called at every tick, and after a read if
    /// ``needsGapCheck`` says so.
    public mutating func checkGap(now: Uptime, actions: inout [Action]) {
        self.needsGapCheck = false
        guard let gap = self.gap else { return }
        if case .stopped = self.phase { return }
        var restored: [Int] = []
        var missing: [Int] = []
        var isWaiting = false
        for slot in gap.lost.sorted() where self.ledger.isHeld(slot) {
            if self.ledger.isReceiving(slot), !self.isStale(slot) {
                restored.append(slot)
            } else {
                missing.append(slot)
                if !self.ledger.isQuarantined(slot) { isWaiting = true }
            }
        }
        let report = TickerGap(
            reason: gap.reason,
            length: now - gap.since,
            lost: gap.lost.sorted(),
            restored: restored,
            missing: missing
        )
        if !isWaiting {
            self.gap = nil
            actions.append(.recovered(report))
        } else if let verifyAt = gap.verifyAt, now >= verifyAt {
            self.gap?.verifyAt = nil
            actions.append(.notRecovered(report))
        }
    }
}

import HybridStream

/// Sees to it that each position is protected: sets a stop loss where none stands.
///
/// The stop lies `stop_loss_percent` from entry, rounded to the tick away from the mark. Where the mark is already past
/// that price, or the entry is unknown, it lies as far from the mark: a stop beyond the mark would be refused or close at
/// once.
public struct PositionManager: Consumer {
    public static let name = "position_manager"

    public let parameters: PositionManagerParameters

    public init(_ parameters: PositionManagerParameters) { self.parameters = parameters }

    /// The row that shows an accepted stop may be late by this, in milliseconds.
    static let rowPatience: Int64 = 2_000
    /// A stop that the exchange calls impossible is asked for again after this, in milliseconds: a useless request does
    /// less harm than an unprotected position.
    static let impossiblePause: Int64 = 60_000

    public func begin(_ opening: Opening) -> Memory { Memory() }

    public func decide(
        _ moment: Moment,
        _ memory: inout Memory
    ) throws(ConsumerError) -> (intent: Intent?, quiet: QuietBand) {
        let side = moment.opening.side
        guard self.parameters.stopLossPercent.isPositive, moment.stop == nil, side != .none else {
            return (nil, .everything())
        }
        if memory.retry.isWaiting(moment.time) { return (nil, .everything(until: memory.retry.notBefore)) }
        let entry = moment.position.entryPrice
        if entry.isPositive {
            let price = try self.stop(from: entry, moment)
            if side.isBetter(moment.mark, than: price) {
                // A price of zero or less is on this side of every mark.
                return price.isPositive ? (self.intent(price), .none) : (nil, .everything())
            }
        }
        let price = try self.stop(from: moment.mark, moment)
        return (price.isPositive ? self.intent(price) : nil, .none)
    }

    private func stop(from price: FixedPoint, _ moment: Moment) throws(ConsumerError) -> FixedPoint {
        let side = moment.opening.side
        let what = "the stop loss"
        let exact = try PercentMath.moved(price, by: side.move(-self.parameters.stopLossPercent), what)
        return try PercentMath.rounded(exact, to: moment.tickSize, up: side.roundsAwayUp, what)
    }

    private func intent(_ price: FixedPoint) -> Intent {
        .setStop(price: price, triggerBy: self.parameters.stopTriggerBy)
    }

    public func settled(_ intent: Intent, _ outcome: IntentOutcome, _ memory: inout Memory, time: Int64) {
        guard case .setStop = intent else { return }
        memory.retry.settled(
            outcome,
            time,
            acceptedPause: Self.rowPatience,
            impossiblePause: Self.impossiblePause
        )
    }
}

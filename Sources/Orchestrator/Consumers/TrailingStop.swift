import HybridStream

/// Follows the mark with a stop, once the position is far enough in profit.
///
/// `managed`: the stop loss is amended as the peak moves. `exchange`: the exchange's own trailing stop is armed once.
/// Either way the stop moves to entry at `breakeven_percent`.
public struct TrailingStop: Consumer {
    public static let name = "trailing_stop"

    public let parameters: TrailingStopParameters
    /// Between amendments that are not urgent, in milliseconds.
    let minUpdateInterval: Int64

    public init(_ parameters: TrailingStopParameters) {
        self.parameters = parameters
        self.minUpdateInterval = parameters.minUpdateInterval.milliseconds
    }

    /// For so long an accepted stop stands although the row shows another, in milliseconds.
    static let rowPatience: Int64 = 2_000
    /// What the exchange calls impossible is asked for again after this, in milliseconds, even if the row stays the same.
    static let impossiblePause: Int64 = 60_000
    /// The same for a close.
    static let impossibleClosePause: Int64 = 15_000
    /// A position that is still there so long after its close was accepted is closed again, in milliseconds: the order
    /// may have been cancelled unfilled.
    static let closePatience: Int64 = 30_000

    /// How far clocks may differ, in milliseconds.
    private static let clockDifference: Int64 = 60_000

    public func begin(_ opening: Opening) -> Memory { Memory() }

    public func decide(
        _ moment: Moment,
        _ memory: inout Memory
    ) throws(ConsumerError) -> (intent: Intent?, quiet: QuietBand) {
        let side = moment.opening.side
        guard side != .none else { return (nil, .everything()) }
        var quiet = QuietBand.everything()
        var course = Course(peak: try self.observe(moment, &memory, &quiet))
        if memory.state == .triggered { return self.close(moment, memory, quiet) }
        if memory.state == .active, self.parameters.execution == .managed {
            let stop = try self.stop(behind: course.peak, moment)
            guard side.isBetter(moment.mark, than: stop) else {
                // Where the mark comes back to this side, the stop can be set after all.
                quiet.endAtGain(stop, side)
                return self.close(moment, memory, quiet)
            }
            quiet.endAtLoss(stop, side)
            if stop.isPositive { course.stop = stop }
        }
        if let intent = try self.arming(moment, memory, &quiet) { return (intent, .none) }
        if let intent = try self.amendment(moment, memory, course, &quiet) { return (intent, .none) }
        return (nil, quiet)
    }

    /// What a managed stop follows.
    struct Course {
        var peak: FixedPoint
        /// The stop behind the peak, if there is to be one.
        var stop: FixedPoint?
    }

    /// Remembers what is seen.
    /// - Returns: the peak.
    private func observe(
        _ moment: Moment,
        _ memory: inout Memory,
        _ quiet: inout QuietBand
    ) throws(ConsumerError) -> FixedPoint {
        let side = moment.opening.side
        // Who adds to a position has a new entry, and a peak from before it would close the position on activation.
        if memory.state == .waiting, memory.entry != moment.position.entryPrice {
            memory.entry = moment.position.entryPrice
            memory.peak = nil
        }
        let peak: FixedPoint
        if let known = memory.peak, !side.isBetter(moment.mark, than: known) {
            peak = known
        } else {
            peak = moment.mark
            memory.peak = peak
        }
        quiet.endAtGain(peak, side)
        let entry = moment.position.entryPrice
        if memory.state == .waiting, entry.isPositive {
            let activation = try self.activation(entry, side)
            if side.reaches(moment.mark, activation) {
                memory.state = .active
            } else {
                quiet.endAtGain(activation, side)
            }
        }
        if self.parameters.execution == .exchange, !memory.isArmed, Self.hasTrailingStop(moment.position) {
            memory.isArmed = true
        }
        memory.seeRow(moment.position)
        return peak
    }

    private func activation(_ entry: FixedPoint, _ side: Side) throws(ConsumerError) -> FixedPoint {
        try PercentMath.moved(entry, by: side.move(self.parameters.activationPercent), "the activation price")
    }

    /// Where a managed stop belongs.
    private func stop(behind peak: FixedPoint, _ moment: Moment) throws(ConsumerError) -> FixedPoint {
        let side = moment.opening.side
        let what = "the stop behind the peak"
        let exact = try PercentMath.moved(peak, by: side.move(-self.parameters.callbackPercent), what)
        return try PercentMath.rounded(exact, to: moment.tickSize, up: side.roundsAwayUp, what)
    }

    private func close(_ moment: Moment, _ memory: Memory, _ quiet: QuietBand) -> (Intent?, QuietBand) {
        guard memory.closing.isWaiting(moment.time) else { return (.closePosition(.market), .none) }
        var quiet = quiet
        quiet.end(at: memory.closing.notBefore)
        return (nil, quiet)
    }

    /// A trailing stop that stands on the exchange, whoever has set it.
    private static func hasTrailingStop(_ position: Position) -> Bool {
        let text = position.trailingStop
        if text.isEmpty || text == "0" { return false }
        return FixedPoint(text)?.isPositive ?? false
    }

    /// The exchange's own trailing stop, once.
    private func arming(
        _ moment: Moment,
        _ memory: Memory,
        _ quiet: inout QuietBand
    ) throws(ConsumerError) -> Intent? {
        let entry = moment.position.entryPrice
        guard self.parameters.execution == .exchange, !memory.isArmed, entry.isPositive else { return nil }
        if memory.arming.isWaiting(moment.time) {
            quiet.end(at: memory.arming.notBefore)
            return nil
        }
        let side = moment.opening.side
        let what = "the activation price"
        let tick = moment.tickSize
        let activation = try PercentMath.rounded(self.activation(entry, side), to: tick, up: side == .buy, what)
        // A short's price of zero is never reached, and zero would mean at once.
        guard memory.state == .active || activation.isPositive else { return nil }
        let callback = self.parameters.callbackPercent
        let share = try PercentMath.share(callback, of: activation, "the trailing distance")
        let distance = max(
            tick.normalized,
            try PercentMath.rounded(share, to: tick, up: true, "the trailing distance")
        )
        return .setTrailingStop(
            distance: distance,
            activation: memory.state == .active ? .zero : activation,
            triggerBy: self.parameters.triggerBy
        )
    }

    public func settled(_ intent: Intent, _ outcome: IntentOutcome, _ memory: inout Memory, time: Int64) {
        switch intent {
        case .setStop(let price, _): memory.amendingSettled(price, outcome, time)
        case .setTrailingStop: memory.armingSettled(outcome, time)
        case .closePosition: memory.closingSettled(outcome, time)
        }
    }

    /// Whether an instant is so little ago, or ahead by no more than clocks differ: after a clock was set back, what it
    /// has shown before is not waited for.
    func isWithin(_ span: Int64, of instant: Int64, _ time: Int64) -> Bool {
        let age = time - instant
        return age < span && age > -Self.clockDifference
    }
}

import HybridStream

/// Which price is good enough.
extension AgedMonitor {
    /// How far ahead a band of a falling threshold reaches, in milliseconds: the further, the earlier a mark on its way
    /// to the threshold is looked at.
    private static let foresight: Int64 = 10_000
    private static let hour = FixedPoint(3_600_000)
    /// Percent × milliseconds of an hour: a price times this is compared, so that nothing need be divided.
    private static let whole = FixedPoint(360_000_000)

    /// Whether the mark pays for opening and closing.
    func isEven(_ moment: Moment, _ quiet: inout QuietBand) throws(ConsumerError) -> Bool {
        let side = moment.opening.side
        let entry = moment.position.entryPrice
        // A row that does not know the entry is followed by one that does.
        guard entry.isPositive else { return false }
        let what = "the price after costs"
        let price = try PercentMath.moved(entry, by: side.move(try self.costs()), what)
        if side.reaches(moment.mark, price) { return true }
        quiet.endAtGain(price, side)
        return false
    }

    /// Whether the loss at the mark is accepted by now.
    /// - Parameter late: milliseconds since the grace period ended.
    func isBearable(_ moment: Moment, lateBy late: Int64, _ quiet: inout QuietBand) throws(ConsumerError) -> Bool {
        let what = "the accepted loss"
        let step = self.parameters.lossStepPercent
        let most = try PercentMath.product(self.parameters.maxLossPercent, Self.hour, what)
        if try self.loss(after: late) >= most { return true }
        guard step.isPositive else { return try self.isEven(moment, &quiet) }
        var soon = late.addingSaturating(Self.foresight)
        if try self.loss(after: soon) >= most {
            soon = min(soon, PercentMath.count(of: step, in: most) ?? soon)
        }
        quiet.end(at: moment.time.addingSaturating(soon - late))
        let side = moment.opening.side
        let entry = moment.position.entryPrice
        guard entry.isPositive else { return false }
        let mark = try PercentMath.product(moment.mark, Self.whole, "the mark by the hour")
        if side.reaches(mark, try self.threshold(entry, side, after: late)) { return true }
        // The threshold only falls while the band lasts, and rounding makes the band narrower.
        let reached = try self.threshold(entry, side, after: soon)
        quiet.endAtGain(PercentMath.quotient(reached, by: Self.whole.mantissa, up: side == .sell), side)
        return false
    }

    /// The price at which the position closes, times ``whole``.
    private func threshold(_ entry: FixedPoint, _ side: Side, after late: Int64) throws(ConsumerError) -> FixedPoint {
        let what = "the price after costs and accepted loss"
        let cost = try PercentMath.product(try self.costs(), Self.hour, what)
        let move = try PercentMath.sum(cost, -(try self.loss(after: late)), what)
        return try PercentMath.product(entry, try PercentMath.sum(Self.whole, side.move(move), what), what)
    }

    /// The accepted loss in percent, times the milliseconds of an hour.
    private func loss(after late: Int64) throws(ConsumerError) -> FixedPoint {
        try PercentMath.product(self.parameters.lossStepPercent, FixedPoint(Int(late)), "the accepted loss")
    }

    private func costs() throws(ConsumerError) -> FixedPoint {
        guard let cost = self.cost else { throw PercentMath.tooLong("twice commission_percent") }
        return cost
    }
}

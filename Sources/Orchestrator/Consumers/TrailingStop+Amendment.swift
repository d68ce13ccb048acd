import HybridStream

extension TrailingStop {
    /// A better stop than the one that stands, if there is one and it is time for it.
    func amendment(
        _ moment: Moment,
        _ memory: Memory,
        _ course: Course,
        _ quiet: inout QuietBand
    ) throws(ConsumerError) -> Intent? {
        let side = moment.opening.side
        var best = course.stop
        if let even = try self.breakEven(moment, peak: course.peak) {
            if side.isBetter(moment.mark, than: even) {
                best = best.map { side.best($0, even) } ?? even
            } else {
                quiet.endAtGain(even, side)
            }
        }
        // In the band the stop at entry may fall away as the mark comes closer. What is left is worse, so if nothing is
        // asked for now, nothing will be.
        guard let wanted = best else { return nil }
        if let standing = self.standing(moment, memory, &quiet) {
            guard side.isBetter(wanted, than: standing),
                try self.isWorthwhile(wanted, standing, moment.time, memory, &quiet)
            else { return nil }
        }
        if memory.amending.isWaiting(moment.time) {
            quiet.end(at: memory.amending.notBefore)
            return nil
        }
        return .setStop(price: wanted, triggerBy: self.parameters.triggerBy)
    }

    /// The stop at entry, once the peak was far enough from it.
    private func breakEven(_ moment: Moment, peak: FixedPoint) throws(ConsumerError) -> FixedPoint? {
        let side = moment.opening.side
        let entry = moment.position.entryPrice
        let percent = self.parameters.breakevenPercent
        guard percent.isPositive, entry.isPositive,
            side.reaches(peak, try PercentMath.moved(entry, by: side.move(percent), "the break-even price"))
        else { return nil }
        let price = try PercentMath.rounded(
            entry,
            to: moment.tickSize,
            up: side.roundsAwayUp,
            "the break-even stop"
        )
        return price.isPositive ? price : nil
    }

    /// The stop that stands; the row may not show yet what was accepted a moment ago.
    private func standing(_ moment: Moment, _ memory: Memory, _ quiet: inout QuietBand) -> FixedPoint? {
        guard let own = memory.stop, let amended = memory.amended,
            self.isWithin(Self.rowPatience, of: amended, moment.time),
            moment.stop.map({ moment.opening.side.isBetter(own, than: $0) }) ?? true
        else { return moment.stop }
        quiet.end(at: amended + Self.rowPatience)
        return own
    }

    /// Whether a better stop is so much better that a request is due.
    private func isWorthwhile(
        _ wanted: FixedPoint,
        _ standing: FixedPoint,
        _ time: Int64,
        _ memory: Memory,
        _ quiet: inout QuietBand
    ) throws(ConsumerError) -> Bool {
        let what = "the improvement of the stop"
        let gain = try PercentMath.sum(wanted, -standing, what).magnitude
        if gain >= (try PercentMath.share(self.parameters.urgentImprovementPercent, of: standing, what)) { return true }
        guard gain >= (try PercentMath.share(self.parameters.minImprovementPercent, of: standing, what)) else {
            return false
        }
        if let amended = memory.amended, self.isWithin(self.minUpdateInterval, of: amended, time) {
            quiet.end(at: amended + self.minUpdateInterval)
            return false
        }
        return true
    }
}

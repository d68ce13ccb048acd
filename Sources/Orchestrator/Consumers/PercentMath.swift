import HybridStream

/// Exact arithmetic of percentages and ticks, the same for every consumer.
///
/// Nothing is divided except where it is rounded on purpose, so that a threshold is met at its very price.
enum PercentMath {
    /// `price × (1 + percent / 100)`, exactly; a negative percentage lies below the price.
    /// - Parameter what: what the number means, for the error.
    static func moved(
        _ price: FixedPoint,
        by percent: FixedPoint,
        _ what: String
    ) throws(ConsumerError) -> FixedPoint {
        guard let whole = FixedPoint(100).adding(percent) else { throw self.tooLong(what) }
        return try self.share(whole, of: price, what)
    }

    /// `price × percent / 100`, exactly.
    static func share(
        _ percent: FixedPoint,
        of price: FixedPoint,
        _ what: String
    ) throws(ConsumerError) -> FixedPoint {
        // A hundredth is two more digits after the point.
        let percent = Int(percent.scale) + 2 <= FixedPoint.maxScale ? percent : percent.normalized
        guard Int(percent.scale) + 2 <= FixedPoint.maxScale,
            let product = price.multiplied(by: FixedPoint(mantissa: percent.mantissa, scale: percent.scale + 2))
        else { throw self.tooLong(what) }
        return product
    }

    /// The nearest multiple of the tick size above or below, without trailing zeros; the price itself if it is one.
    static func rounded(
        _ price: FixedPoint,
        to tickSize: FixedPoint,
        up: Bool,
        _ what: String
    ) throws(ConsumerError) -> FixedPoint {
        guard tickSize.isPositive else {
            throw ConsumerError(
                "\(what) cannot be rounded to a tick size of \(tickSize); wait for the instrument's rules"
            )
        }
        guard let (whole, unit) = self.aligned(price, tickSize) else { throw self.tooLong(what) }
        let (count, overflow) = self.divided(whole, by: unit, up: up).multipliedReportingOverflow(by: tickSize.mantissa)
        if overflow { throw self.tooLong(what) }
        return FixedPoint(mantissa: count, scale: tickSize.scale).normalized
    }

    /// `value / divisor`, rounded at a digit that is finer than those of `value` as far as there is room.
    static func quotient(_ value: FixedPoint, by divisor: Int128, up: Bool) -> FixedPoint {
        let fine = UInt8(min(FixedPoint.maxScale, Int(value.scale) + 6))
        let value = value.adding(FixedPoint(mantissa: 0, scale: fine)) ?? value
        return FixedPoint(mantissa: self.divided(value.mantissa, by: divisor, up: up), scale: value.scale)
    }

    /// How often `part` fits into `whole`, rounded up; nil if that is no 64-bit number.
    static func count(of part: FixedPoint, in whole: FixedPoint) -> Int64? {
        guard part.isPositive, let (whole, part) = self.aligned(whole, part) else { return nil }
        return Int64(exactly: self.divided(whole, by: part, up: true))
    }

    static func product(
        _ left: FixedPoint,
        _ right: FixedPoint,
        _ what: String
    ) throws(ConsumerError) -> FixedPoint {
        guard let product = left.multiplied(by: right) else { throw self.tooLong(what) }
        return product
    }

    static func sum(_ left: FixedPoint, _ right: FixedPoint, _ what: String) throws(ConsumerError) -> FixedPoint {
        guard let sum = left.adding(right) else { throw self.tooLong(what) }
        return sum
    }

    static func tooLong(_ what: String) -> ConsumerError {
        ConsumerError("\(what) does not fit into 38 digits, so nothing is decided; look at the position's prices")
    }

    /// Both mantissas at the larger of the two scales; nil if one does not fit.
    private static func aligned(_ left: FixedPoint, _ right: FixedPoint) -> (Int128, Int128)? {
        // A zero has no value, but a scale.
        guard let left = left.adding(FixedPoint(mantissa: 0, scale: right.scale)),
            let right = right.adding(FixedPoint(mantissa: 0, scale: left.scale))
        else { return nil }
        return (left.mantissa, right.mantissa)
    }

    /// - Precondition: `divisor` is positive.
    private static func divided(_ value: Int128, by divisor: Int128, up: Bool) -> Int128 {
        let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
        if up { return rest > 0 ? quotient + 1 : quotient }
        return rest < 0 ? quotient - 1 : quotient
    }
}

/// A rule is written for a long position; for a short one up is down.
extension Side {
    /// Whether a price is more profitable than another: higher for a long, lower for a short.
    func isBetter(_ price: FixedPoint, than other: FixedPoint) -> Bool {
        self == .sell ? price < other : price > other
    }

    func best(_ first: FixedPoint, _ second: FixedPoint) -> FixedPoint {
        self.isBetter(second, than: first) ? second : first
    }

    /// Whether a mark is at a price or more profitable.
    func reaches(_ mark: FixedPoint, _ price: FixedPoint) -> Bool { !self.isBetter(price, than: mark) }

    /// A percentage of profit as one of the price.
    func move(_ profit: FixedPoint) -> FixedPoint { self == .sell ? -profit : profit }

    /// Whether a price on the losing side of the mark is rounded up, so that it comes no closer.
    var roundsAwayUp: Bool { self == .sell }
}

extension QuietBand {
    // Beyond every price, and with so few digits that comparing them is cheap.
    private static let lowest = FixedPoint(Int.min / 2)
    private static let highest = FixedPoint(Int.max / 2)

    /// No mark counts.
    static func everything(until: Int64 = .max) -> QuietBand {
        QuietBand(low: self.lowest, high: self.highest, until: until)
    }

    /// A mark at this price or more profitable counts.
    mutating func endAtGain(_ price: FixedPoint, _ side: Side) {
        if side == .sell { self.low = max(self.low, price) } else { self.high = min(self.high, price) }
    }

    /// A mark at this price or less profitable counts.
    mutating func endAtLoss(_ price: FixedPoint, _ side: Side) {
        if side == .sell { self.high = min(self.high, price) } else { self.low = max(self.low, price) }
    }

    /// From this time on every mark counts, in milliseconds since 1970.
    mutating func end(at time: Int64) { self.until = min(self.until, time) }
}

/// Unrealised profit and loss of a position at a mark price.
///
/// Formulas as the exchange documents and captures confirm them: linear `(mark − entry) × size × sign` in the settle
/// coin; inverse `size × (1/entry − 1/mark) × sign` in the base coin.
public enum ProfitAndLoss {
    /// How many digits an inverse contract's value has: the exchange settles coins to eight.
    public static let inverseScale: UInt8 = 8

    /// Exact. Nil without an entry or a mark, or where 38 digits do not hold the result.
    @inlinable
    public static func linear(size: FixedPoint, entry: FixedPoint, mark: FixedPoint, short: Bool) -> FixedPoint? {
        // The exchange writes an unknown price as zero; taken at its word it would make a profit of the whole position.
        guard entry.isPositive, mark.isPositive else { return nil }
        guard let move = short ? entry.subtracting(mark) : mark.subtracting(entry) else { return nil }
        return move.multiplied(by: size)?.normalized
    }

    /// The exact quotient rounded half to even at eight digits. Nil without an entry or a mark, or on overflow.
    public static func inverse(size: FixedPoint, entry: FixedPoint, mark: FixedPoint, short: Bool) -> FixedPoint? {
        // size × (mark − entry) / (entry × mark), over integers: trailing zeros off first keeps the numbers small.
        let entry = entry.normalized
        let mark = mark.normalized
        let size = size.normalized
        guard entry.isPositive, mark.isPositive,
            let (entryMantissa, markMantissa, priceScale) = FixedPoint.aligned(entry, mark)
        else { return nil }
        let move = short ? entryMantissa - markMantissa : markMantissa - entryMantissa
        let (numerator, overflow1) = move.multipliedReportingOverflow(by: size.mantissa)
        var (denominator, overflow2) = entryMantissa.multipliedReportingOverflow(by: markMantissa)
        if overflow1 || overflow2 { return nil }
        // numerator carries scale (size + price), denominator 2 × price; the result shall carry `inverseScale`.
        let shift = Int(Self.inverseScale) + Int(priceScale) - Int(size.scale)
        var factor: Int128 = 1
        if shift >= 0 {
            guard shift <= 38 else { return nil }
            factor = FixedPoint.powerOfTen(shift)
        } else {
            guard shift >= -38 else { return nil }
            let (grown, overflow) = denominator.multipliedReportingOverflow(by: FixedPoint.powerOfTen(-shift))
            if overflow { return nil }
            denominator = grown
        }
        let divisor = denominator.magnitude
        let wide = numerator.magnitude.multipliedFullWidth(by: factor.magnitude)
        guard wide.high < divisor else { return nil }
        let (quotient, rest) = divisor.dividingFullWidth(wide)
        let half = divisor / 2
        let isRoundedUp =
            rest > half || (rest == half && divisor.isMultiple(of: 2) && !quotient.isMultiple(of: 2))
        let (rounded, overflow) = quotient.addingReportingOverflow(isRoundedUp ? 1 : 0)
        guard !overflow, let value = Int128(exactly: rounded) else { return nil }
        return FixedPoint(mantissa: numerator < 0 ? -value : value, scale: Self.inverseScale).normalized
    }
}

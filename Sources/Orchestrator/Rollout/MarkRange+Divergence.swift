package import HybridStream

extension MarkRange {
    /// Digits after the point of a percentage.
    fileprivate static let percentScale: UInt8 = 6

    /// How far a mark lies outside, in percent of the nearest bound, rounded up at the sixth digit so that no limit is kept
    /// by rounding alone; zero inside. Nil where it cannot be said: a bound that is no price, or more than 38 digits.
    package func divergence(of mark: FixedPoint) -> FixedPoint? {
        guard self.low.isPositive, self.low <= self.high else { return nil }
        if mark < self.low { return Self.percent(of: self.low.subtracting(mark), in: self.low) }
        if mark > self.high { return Self.percent(of: mark.subtracting(self.high), in: self.high) }
        return .zero
    }

    private static func percent(of distance: FixedPoint?, in bound: FixedPoint) -> FixedPoint? {
        let unit = FixedPoint(mantissa: 1, scale: Self.percentScale + 2)
        guard let distance, let part = bound.normalized.multiplied(by: unit),
            let count = PercentMath.count(of: part, in: distance.normalized)
        else { return nil }
        return FixedPoint(mantissa: Int128(count), scale: Self.percentScale)
    }
}

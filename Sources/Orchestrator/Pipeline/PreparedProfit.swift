import HybridStream

/// The profit of a linear position in 64-bit integers, which hold nearly all there are. What they do not hold is left to
/// ``HybridStream/ProfitAndLoss``; the results are the same.
struct PreparedProfit {
    private let entry: Int64
    /// Negative for a short.
    private let amount: Int64
    private let entryScale: UInt8
    private let amountScale: UInt8

    /// Nil for what has to be computed in full.
    init?(_ position: Position) {
        guard position.isOpen, position.key.category == .linear,
            let entry = Int64(exactly: position.entryPrice.mantissa),
            let amount = Int64(exactly: position.amount.mantissa), position.entryPrice.scale <= 9,
            position.size.scale <= 9
        else { return nil }
        self.entry = entry
        self.amount = amount
        self.entryScale = position.entryPrice.scale
        self.amountScale = position.size.scale
    }

    /// Without trailing zeros. Nil if 64 bits do not hold it.
    @inline(__always)
    func profit(at mark: FixedPoint) -> FixedPoint? {
        guard let digits = Int64(exactly: mark.mantissa), mark.scale <= 9 else { return nil }
        var from = self.entry
        var to = digits
        var scale = mark.scale
        var overflow = false
        while scale < self.entryScale, !overflow {
            (to, overflow) = to.multipliedReportingOverflow(by: 10)
            scale &+= 1
        }
        var known = self.entryScale
        while known < scale, !overflow {
            (from, overflow) = from.multipliedReportingOverflow(by: 10)
            known &+= 1
        }
        let (move, overflow2) = to.subtractingReportingOverflow(from)
        var (value, overflow3) = move.multipliedReportingOverflow(by: self.amount)
        if overflow || overflow2 || overflow3 { return nil }
        scale &+= self.amountScale
        while scale > 0 {
            let (quotient, rest) = value.quotientAndRemainder(dividingBy: 10)
            if rest != 0 { break }
            value = quotient
            scale &-= 1
        }
        return FixedPoint(mantissa: Int128(value), scale: scale)
    }
}

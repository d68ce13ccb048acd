import HybridStream

/// How much of a position one order closes.
///
/// The exchange takes multiples of a step, between a least and a most. A position may be larger than the most: then one order
/// closes a part, its consumer is told that something is left, and asks for the rest under the next id. It may be smaller
/// than the least, or than a step, after the exchange has revised them: no order that names its quantity can close that.
///
/// Source: https://bybit-exchange.github.io/docs/v5/market/instrument
enum ClosingQuantity: Equatable {
    case part(FixedPoint)
    /// An order without a quantity, which closes what is there.
    case rest

    /// - Parameter isMarket: market orders may have less than others.
    init(_ size: FixedPoint, rules: Instrument, isMarket: Bool) {
        var quantity = size
        let most = isMarket ? rules.maxMarketOrderQty ?? rules.maxOrderQty : rules.maxOrderQty
        if let most, most.isPositive, quantity > most { quantity = most }
        let isCapped = quantity < size
        if let step = rules.qtyStep, step.isPositive {
            do {
                quantity = try PercentMath.rounded(quantity, to: step, up: false, "the quantity")
            } catch {
                // Not within the numbers that can be had: the exchange has the last word on the quantity as it is.
                self = .part(quantity)
                return
            }
        }
        if quantity.isPositive, rules.minOrderQty.map({ quantity >= $0 }) ?? true {
            // As the row wrote it, if nothing had to be taken off.
            self = .part(quantity == size ? size : quantity)
        } else {
            // Rules by which the most is less than the least say nothing about the position.
            self = isCapped ? .part(size) : .rest
        }
    }
}

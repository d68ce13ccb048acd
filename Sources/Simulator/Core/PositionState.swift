/// Direction of a position or an order. A flat position has none.
enum Side: String {
    case none = ""
    case buy = "Buy"
    case sell = "Sell"

    var opposite: Side {
        switch self {
        case .none: .none
        case .buy: .sell
        case .sell: .buy
        }
    }

    var sign: Int64 {
        switch self {
        case .none: 0
        case .buy: 1
        case .sell: -1
        }
    }
}

/// Why a position row was produced.
enum RowCause: UInt8 {
    case open, increase, reduce, flip, amend, close
    /// A row without any change, pushed because an order came or went.
    case `repeat`

    var text: String {
        switch self {
        case .open: "open"
        case .increase: "increase"
        case .reduce: "reduce"
        case .flip: "flip"
        case .amend: "amend"
        case .close: "close"
        case .repeat: "repeat"
        }
    }
}

/// The numbers of one position, in units (10⁻⁸), and how fills change them.
struct PositionState: Equatable {
    var side = Side.none
    var size: Int64 = 0
    /// What the size was bought for: Σ price × size (linear) or Σ size ÷ price (inverse), in units squared.
    var cost: Int128 = 0
    /// Average entry, rounded to units.
    var entry: Int64 = 0
    var stopLoss: Int64 = 0
    var takeProfit: Int64 = 0
    /// Distance of the trailing stop.
    var trailing: Int64 = 0
    /// The trailing stop rests until this price traded; 0 arms it at once.
    var activation: Int64 = 0
    var trailingArmed = false
    /// Best price since the trailing stop was armed.
    var peak: Int64 = 0
    var stopByMark = false
    var profitByMark = false
    /// Realised by this holding, fees included.
    var realised: Int64 = 0
    /// Realised on this symbol ever.
    var realisedEver: Int64 = 0
    var leverage: Int64 = 10
    var createdTime: Int64 = 0
    var openTime: Int64 = 0
    var updatedTime: Int64 = 0
    /// Sequence of the last trade; -1 before the first.
    var sequence: Int64 = -1

    var hasStops: Bool { self.stopLoss != 0 || self.takeProfit != 0 || self.trailing != 0 }

    /// What closing at `price` would bring, in the settle coin, without fees.
    func profit(_ quantity: Int64, at price: Int64, instrument: Instrument) -> Int64 {
        guard self.entry > 0, price > 0 else { return 0 }
        let move = Int128(price - self.entry) * Int128(self.side.sign) * Int128(quantity)
        if instrument.category == .inverse {
            // size × (1/entry − 1/price), rounded once.
            return Units.narrow(
                Units.divide(move * Int128(Units.one), by: Int128(self.entry) * Int128(price))
            )
        }
        return Units.narrow(Units.divide(move, by: Int128(Units.one)))
    }

    /// Applies one fill; `closing` fills never turn the position around.
    mutating func apply(
        _ side: Side,
        _ quantity: Int64,
        at price: Int64,
        fee: Int64,
        instrument: Instrument,
        now: Int64
    )
        -> RowCause
    {
        self.realisedEver -= fee
        self.updatedTime = now
        if self.createdTime == 0 { self.createdTime = now }
        if self.size == 0 || self.side == side {
            let opens = self.size == 0
            if opens {
                self.side = side
                self.openTime = now
                self.realised = 0
            }
            self.realised -= fee
            self.add(quantity, at: price, instrument: instrument)
            return opens ? .open : .increase
        }
        let closed = min(quantity, self.size)
        let profit = self.profit(closed, at: price, instrument: instrument)
        self.realised += profit - fee
        self.realisedEver += profit
        let rest = quantity - closed
        if closed < self.size {
            self.cost = Units.divide(self.cost * Int128(self.size - closed), by: Int128(self.size))
            self.size -= closed
            return .reduce
        }
        self.flatten()
        guard rest > 0 else { return .close }
        self.side = side
        self.openTime = now
        self.realised = 0
        self.add(rest, at: price, instrument: instrument)
        return .flip
    }

    private mutating func add(_ quantity: Int64, at price: Int64, instrument: Instrument) {
        self.size += quantity
        if instrument.category == .inverse {
            self.cost += Units.divide(Int128(quantity) * Units.oneSquared, by: Int128(price))
            self.entry = Units.narrow(Units.divide(Int128(self.size) * Units.oneSquared, by: self.cost))
        } else {
            self.cost += Int128(quantity) * Int128(price)
            self.entry = Units.narrow(Units.divide(self.cost, by: Int128(self.size)))
        }
    }

    private mutating func flatten() {
        self.side = .none
        self.size = 0
        self.cost = 0
        self.entry = 0
        self.openTime = 0
        self.clearStops()
    }

    mutating func clearStops() {
        self.stopLoss = 0
        self.takeProfit = 0
        self.setTrailing(0, activation: 0)
    }

    mutating func setTrailing(_ distance: Int64, activation: Int64) {
        self.trailing = distance
        self.activation = activation
        self.trailingArmed = false
        self.peak = 0
    }

    /// Which stop fires at these prices, if any. Moves the trailing stop along.
    mutating func firingStop(last: Int64, mark: Int64) -> StopKind? {
        guard self.size > 0 else { return nil }
        let sign = self.side.sign
        if self.stopLoss != 0, ((self.stopByMark ? mark : last) - self.stopLoss) * sign <= 0 { return .stopLoss }
        if self.takeProfit != 0, ((self.profitByMark ? mark : last) - self.takeProfit) * sign >= 0 {
            return .takeProfit
        }
        guard self.trailing != 0 else { return nil }
        if !self.trailingArmed, self.activation == 0 || (last - self.activation) * sign >= 0 {
            self.trailingArmed = true
            self.peak = last
        }
        guard self.trailingArmed else { return nil }
        if (last - self.peak) * sign > 0 { self.peak = last }
        return (self.peak - last) * sign >= self.trailing ? .trailing : nil
    }
}

/// The three stops a position can carry.
enum StopKind: String, CaseIterable {
    case takeProfit = "TakeProfit"
    case stopLoss = "StopLoss"
    case trailing = "TrailingStop"

    func price(in state: PositionState) -> Int64 {
        switch self {
        case .takeProfit: state.takeProfit
        case .stopLoss: state.stopLoss
        case .trailing: state.trailing
        }
    }
}

/// A position of one account in one market and leg. Once created it stays, flat or not.
final class Position {
    unowned let account: Account
    let market: Market
    /// 0 one-way, 1 hedge long, 2 hedge short.
    let index: Int
    var state = PositionState()
    /// The conditional orders behind the stops.
    var stopOrders: [StopKind: Order] = [:]

    init(account: Account, market: Market, index: Int) {
        self.account = account
        self.market = market
        self.index = index
    }

    var instrument: Instrument { self.market.instrument }

    /// Key within the account, and order of a listing.
    static func key(_ market: Market, _ index: Int) -> Int { market.number * 3 + index }
}

/// One leg of one symbol as the exchange last described it. Immutable: a new row makes a new `Position`.
///
/// Numbers that are computed with are ``FixedPoint``; everything else keeps the wire's text. Unset prices and stops are
/// `""` whatever the wire used (`"0"`, `"0.00"` or `""`).
public final class Position: Sendable {
    public let key: PositionKey
    public let side: Side
    /// Contracts or coins held, never negative; zero when flat.
    public let size: FixedPoint
    /// Average entry price; zero when flat or unknown.
    public let entryPrice: FixedPoint
    /// The mark price at the time of the row; nil if the row had none.
    public let rowMarkPrice: FixedPoint?
    public let leverage: String
    public let liquidationPrice: String
    public let stopLoss: String
    public let takeProfit: String
    public let trailingStop: String
    /// Entry × size as the row says.
    public let positionValue: String
    /// Cross sequence of the symbol; orders rows together with ``updatedTime``. -1 if never traded.
    public let seq: Int64
    /// Milliseconds since 1970.
    public let updatedTime: Int64
    /// Milliseconds since 1970: the first position ever on this symbol.
    public let createdTime: Int64
    /// Milliseconds since 1970 at which this holding began; 0 if the row did not say.
    public let openTime: Int64

    public init(
        key: PositionKey,
        side: Side,
        size: FixedPoint,
        entryPrice: FixedPoint,
        rowMarkPrice: FixedPoint? = nil,
        leverage: String = "",
        liquidationPrice: String = "",
        stopLoss: String = "",
        takeProfit: String = "",
        trailingStop: String = "",
        positionValue: String = "",
        seq: Int64 = -1,
        updatedTime: Int64 = 0,
        createdTime: Int64 = 0,
        openTime: Int64 = 0
    ) {
        self.key = key
        self.side = side
        self.size = size
        self.entryPrice = entryPrice
        self.rowMarkPrice = rowMarkPrice
        self.leverage = leverage
        self.liquidationPrice = liquidationPrice
        self.stopLoss = stopLoss
        self.takeProfit = takeProfit
        self.trailingStop = trailingStop
        self.positionValue = positionValue
        self.seq = seq
        self.updatedTime = updatedTime
        self.createdTime = createdTime
        self.openTime = openTime
    }

    /// Whether there is something to watch.
    @inlinable public var isOpen: Bool { self.side != .none && self.size.isPositive }

    /// Size with sign: negative when short.
    public var amount: FixedPoint { self.side == .sell ? -self.size : self.size }

    /// Profit or loss at `mark`, in the settle coin (linear) or the base coin (inverse). Zero when flat; nil where it
    /// cannot be said (no entry price, or more than 38 digits).
    @inlinable
    public func unrealizedPnL(at mark: FixedPoint) -> FixedPoint? {
        guard self.isOpen else { return .zero }
        let short = self.side == .sell
        switch self.key.category {
        case .linear:
            return ProfitAndLoss.linear(size: self.size, entry: self.entryPrice, mark: mark, short: short)
        case .inverse:
            return ProfitAndLoss.inverse(size: self.size, entry: self.entryPrice, mark: mark, short: short)
        }
    }
}

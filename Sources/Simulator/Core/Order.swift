/// An order, open or closed.
final class Order {
    enum Status: String {
        case new = "New"
        case partiallyFilled = "PartiallyFilled"
        case untriggered = "Untriggered"
        case triggered = "Triggered"
        case filled = "Filled"
        case cancelled = "Cancelled"
        case rejected = "Rejected"
        case deactivated = "Deactivated"
    }

    let id: String
    let link: String
    unowned let position: Position
    let side: Side
    let isMarket: Bool
    var quantity: Int64
    /// Limit price; 0 for a market order.
    let price: Int64
    /// GTC, IOC, FOK or PostOnly.
    let timeInForce: String
    let reduceOnly: Bool
    let closeOnTrigger: Bool
    /// 0 for an order without a condition.
    var triggerPrice: Int64 = 0
    /// 1 rises to the trigger, 2 falls to it, 0 none.
    var triggerDirection = 0
    var triggerBy = ""
    var stopKind: StopKind?
    var createType = "CreateByUser"
    /// Stops to put on the position once filled.
    var takeProfit: Int64 = 0
    var stopLoss: Int64 = 0

    var status = Status.new
    var filled: Int64 = 0
    var filledValue: Int64 = 0
    /// Σ price × quantity, in units squared: the average fill price comes from it.
    var filledCost: Int128 = 0
    var fee: Int64 = 0
    var closedProfit: Int64 = 0
    var cancelType = "UNKNOWN"
    var rejectReason = "EC_NoError"
    let createdTime: Int64
    var updatedTime: Int64

    init(
        id: String,
        link: String,
        position: Position,
        side: Side,
        quantity: Int64,
        price: Int64 = 0,
        isMarket: Bool = true,
        timeInForce: String = "IOC",
        reduceOnly: Bool = false,
        closeOnTrigger: Bool = false,
        now: Int64
    ) {
        self.id = id
        self.link = link
        self.position = position
        self.side = side
        self.quantity = quantity
        self.price = price
        self.isMarket = isMarket
        self.timeInForce = timeInForce
        self.reduceOnly = reduceOnly
        self.closeOnTrigger = closeOnTrigger
        self.createdTime = now
        self.updatedTime = now
    }

    var leaves: Int64 { self.quantity - self.filled }
    var account: Account { self.position.account }
    var market: Market { self.position.market }

    var isOpen: Bool {
        switch self.status {
        case .new, .partiallyFilled, .untriggered, .triggered: true
        case .filled, .cancelled, .rejected, .deactivated: false
        }
    }

    var averagePrice: Int64 {
        self.filled == 0 ? 0 : Units.narrow(Units.divide(self.filledCost, by: Int128(self.filled)))
    }

    /// Whether these prices meet the trigger.
    func triggers(last: Int64, mark: Int64, index: Int64) -> Bool {
        guard self.status == .untriggered, self.stopKind == nil else { return false }
        let reference =
            switch self.triggerBy {
            case "MarkPrice": mark
            case "IndexPrice": index
            default: last
            }
        return self.triggerDirection == 2 ? reference <= self.triggerPrice : reference >= self.triggerPrice
    }
}

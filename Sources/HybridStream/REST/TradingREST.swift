/// What an account's actions need of REST. ``RESTClient`` is the one; simulations may put their own in place.
public protocol TradingREST: Sendable {
    /// Sets stops of a position.
    /// - Throws: ``RESTError``; see ``TradingVerdict``.
    func setTradingStop(_ request: TradingStopRequest, account: AccountIdentity) async throws
    /// Sends an order that closes, or reduces, a position. Success means that the exchange has taken it, not that it is
    /// filled.
    /// - Throws: ``RESTError``; see ``TradingVerdict``.
    func closePosition(_ order: ClosingOrder, account: AccountIdentity) async throws
    /// Looks an order up by its `orderLinkId`; nil if the exchange has answered and knows none.
    /// - Throws: ``RESTError``.
    func order(
        linkID: String,
        category: Category,
        symbol: String,
        account: AccountIdentity
    ) async throws -> OrderInformation?
    /// The rows of a symbol, also those that are flat.
    /// - Throws: ``RESTError``; `malformed` also if a row cannot be read.
    func positions(category: Category, symbol: String, account: AccountIdentity) async throws -> [Position]
}

/// A change of a position's stops; what is nil stays as it is.
///
/// Source: https://bybit-exchange.github.io/docs/v5/position/trading-stop
public struct TradingStopRequest: Sendable, Equatable {
    public var key: PositionKey
    public var stopLoss: FixedPoint?
    /// An absolute distance.
    public var trailingStop: FixedPoint?
    /// The trailing stop is armed when this price has traded; zero or nil arms it at once.
    public var activation: FixedPoint?
    /// `MarkPrice`, `LastPrice` or `IndexPrice`.
    public var triggerBy: String

    public init(
        key: PositionKey,
        stopLoss: FixedPoint? = nil,
        trailingStop: FixedPoint? = nil,
        activation: FixedPoint? = nil,
        triggerBy: String
    ) {
        self.key = key
        self.stopLoss = stopLoss
        self.trailingStop = trailingStop
        self.activation = activation
        self.triggerBy = triggerBy
    }

    var json: String {
        var fields = [
            #""category":"\#(self.key.category.rawValue)""#, #""symbol":"\#(JSONText.escaped(self.key.symbol))""#,
            #""tpslMode":"Full""#, #""positionIdx":\#(self.key.positionIndex)"#,
        ]
        if let stop = self.stopLoss {
            fields.append(#""stopLoss":"\#(stop)","slTriggerBy":"\#(JSONText.escaped(self.triggerBy))""#)
        }
        if let distance = self.trailingStop {
            fields.append(#""trailingStop":"\#(distance)""#)
            if let activation = self.activation, activation.isPositive {
                fields.append(#""activePrice":"\#(activation)""#)
            }
        }
        return "{\(fields.joined(separator: ","))}"
    }
}

/// An order that can only make a position smaller: there is no way to say otherwise.
///
/// Source: https://bybit-exchange.github.io/docs/v5/order/create-order
public struct ClosingOrder: Sendable, Equatable {
    public var key: PositionKey
    /// Of the position.
    public var side: Side
    /// Zero closes whatever is there, up to the most that one order may have: the only way to close less than the least
    /// that an order may have.
    public var quantity: FixedPoint
    /// Immediate or cancel at this price; nil for a market order.
    public var limit: FixedPoint?
    /// At most 36 of `[A-Za-z0-9-_]`; the exchange takes each only once.
    public var linkID: String

    public init(key: PositionKey, side: Side, quantity: FixedPoint, limit: FixedPoint? = nil, linkID: String) {
        self.key = key
        self.side = side
        self.quantity = quantity
        self.limit = limit
        self.linkID = linkID
    }

    var json: String {
        let side = self.side == .sell ? "Buy" : "Sell"
        var fields = [
            #""category":"\#(self.key.category.rawValue)""#, #""symbol":"\#(JSONText.escaped(self.key.symbol))""#,
            #""side":"\#(side)""#,
        ]
        if let limit = self.limit {
            fields.append(#""orderType":"Limit","timeInForce":"IOC","price":"\#(limit)""#)
        } else {
            fields.append(#""orderType":"Market""#)
        }
        fields += [
            #""qty":"\#(self.quantity)""#, #""reduceOnly":true"#, #""positionIdx":\#(self.key.positionIndex)"#,
        ]
        // The exchange takes a quantity of zero in this company only.
        if self.quantity.isZero { fields.append(#""closeOnTrigger":true"#) }
        fields += [
            #""orderLinkId":"\#(JSONText.escaped(self.linkID))""#
        ]
        return "{\(fields.joined(separator: ","))}"
    }
}

/// An order as the exchange knows it.
///
/// Source: https://bybit-exchange.github.io/docs/v5/order/open-order
public struct OrderInformation: Sendable, Equatable {
    public var orderID = ""
    public var linkID = ""
    /// `New`, `PartiallyFilled`, `Filled`, `Cancelled` …; others may come.
    public var status = ""
    public var quantity = FixedPoint.zero
    public var executed = FixedPoint.zero
    public var isReduceOnly = false
    public var rejectReason = ""

    public init() {}

    /// Nothing more will happen to it.
    public var isEnded: Bool {
        switch self.status {
        case "New", "PartiallyFilled", "Untriggered", "Triggered", "Created": false
        default: true
        }
    }

    /// Reads one row.
    /// - Throws: ``RESTError/Code/malformed`` if it has no id, no status or an amount that is none. What an order has closed
    ///   must not pass for nothing, and a row that cannot be read not for an order that does not exist.
    static func read(from reader: inout JSONReader) throws -> OrderInformation {
        var order = OrderInformation()
        try reader.forEachMember { key, reader in
            switch key {
            case "orderId": order.orderID = try reader.readScalar()?.string ?? ""
            case "orderLinkId": order.linkID = try reader.readScalar()?.string ?? ""
            case "orderStatus": order.status = try reader.readScalar()?.string ?? ""
            case "qty": order.quantity = try Self.amount(key.string, &reader)
            case "cumExecQty": order.executed = try Self.amount(key.string, &reader)
            case "rejectReason": order.rejectReason = try reader.readScalar()?.string ?? ""
            case "reduceOnly": order.isReduceOnly = try reader.readScalar()?.string == "true"
            default: break
            }
        }
        guard !order.orderID.isEmpty, !order.status.isEmpty else {
            throw RESTError(.malformed, message: "an order's row has no orderId or no orderStatus")
        }
        return order
    }

    /// An empty text means nothing of it.
    private static func amount(_ name: String, _ reader: inout JSONReader) throws -> FixedPoint {
        let text = try reader.readScalar()
        if let value = text?.decimal { return value }
        guard text?.string.isEmpty == true else {
            throw RESTError(.malformed, message: "an order's \(name) is not a number")
        }
        return .zero
    }
}

/// Text within the quotation marks of JSON.
enum JSONText {
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

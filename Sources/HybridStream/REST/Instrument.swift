/// What can be traded, and in which steps. Revised by the exchange twice a month: do not keep for long.
///
/// Source: https://bybit-exchange.github.io/docs/v5/market/instrument
public struct Instrument: Sendable, Equatable {
    public var symbol = ""
    /// `PreLaunch`, `Trading`, `Delivering` or `Closed`; others may come.
    public var status = ""
    /// `LinearPerpetual`, `LinearFutures`, `InversePerpetual` or `InverseFutures`; others may come.
    public var contractType = ""
    public var baseCoin = ""
    public var quoteCoin = ""
    public var settleCoin = ""
    /// Prices are multiples of it.
    public var tickSize: FixedPoint?
    public var minPrice: FixedPoint?
    public var maxPrice: FixedPoint?
    /// Quantities are multiples of it.
    public var qtyStep: FixedPoint?
    public var minOrderQty: FixedPoint?
    public var maxOrderQty: FixedPoint?
    public var maxMarketOrderQty: FixedPoint?
    /// The least value of an order, in the quote coin.
    public var minNotionalValue: FixedPoint?
    /// Milliseconds since 1970; 0 for perpetual contracts.
    public var deliveryTime: Int64 = 0

    public init(symbol: String) {
        self.symbol = symbol
    }

    /// Reads one row; nil if it has no symbol.
    static func read(from reader: inout JSONReader) throws -> Instrument? {
        var instrument = Instrument(symbol: "")
        try reader.forEachMember { key, reader in
            switch key {
            case "symbol": instrument.symbol = try reader.readScalar()?.string ?? ""
            case "status": instrument.status = try reader.readScalar()?.string ?? ""
            case "contractType": instrument.contractType = try reader.readScalar()?.string ?? ""
            case "baseCoin": instrument.baseCoin = try reader.readScalar()?.string ?? ""
            case "quoteCoin": instrument.quoteCoin = try reader.readScalar()?.string ?? ""
            case "settleCoin": instrument.settleCoin = try reader.readScalar()?.string ?? ""
            case "deliveryTime": instrument.deliveryTime = try reader.readScalar()?.integer ?? 0
            case "priceFilter":
                try reader.forEachMember { key, reader in
                    switch key {
                    case "tickSize": instrument.tickSize = try reader.readScalar()?.decimal
                    case "minPrice": instrument.minPrice = try reader.readScalar()?.decimal
                    case "maxPrice": instrument.maxPrice = try reader.readScalar()?.decimal
                    default: break
                    }
                }
            case "lotSizeFilter":
                try reader.forEachMember { key, reader in
                    switch key {
                    case "qtyStep": instrument.qtyStep = try reader.readScalar()?.decimal
                    case "minOrderQty": instrument.minOrderQty = try reader.readScalar()?.decimal
                    case "maxOrderQty": instrument.maxOrderQty = try reader.readScalar()?.decimal
                    case "maxMktOrderQty": instrument.maxMarketOrderQty = try reader.readScalar()?.decimal
                    case "minNotionalValue": instrument.minNotionalValue = try reader.readScalar()?.decimal
                    default: break
                    }
                }
            default: break
            }
        }
        return instrument.symbol.isEmpty ? nil : instrument
    }
}

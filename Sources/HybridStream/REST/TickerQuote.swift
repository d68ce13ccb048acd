/// What a symbol is worth, as the ticker listing says.
///
/// Source: https://bybit-exchange.github.io/docs/v5/market/tickers
public struct TickerQuote: Sendable, Equatable {
    public let symbol: String
    public let markPrice: FixedPoint?
    public let lastPrice: FixedPoint?
    public let indexPrice: FixedPoint?
    /// Milliseconds since 1970 by the exchange's clock; 0 if the reply did not say.
    public let time: Int64

    public init(
        symbol: String,
        markPrice: FixedPoint?,
        lastPrice: FixedPoint? = nil,
        indexPrice: FixedPoint? = nil,
        time: Int64
    ) {
        self.symbol = symbol
        self.markPrice = markPrice
        self.lastPrice = lastPrice
        self.indexPrice = indexPrice
        self.time = time
    }

    /// Reads the `result`. Rows without a symbol are left out.
    static func readList(from reader: inout JSONReader, time: Int64) throws -> [TickerQuote] {
        var quotes: [TickerQuote] = []
        try Listing.read(from: &reader) { reader in
            var symbol = ""
            var mark: FixedPoint?
            var last: FixedPoint?
            var index: FixedPoint?
            try reader.forEachMember { key, reader in
                switch key {
                case "symbol": symbol = try reader.readScalar()?.string ?? ""
                case "markPrice": mark = try reader.readScalar()?.decimal
                case "lastPrice": last = try reader.readScalar()?.decimal
                case "indexPrice": index = try reader.readScalar()?.decimal
                default: break
                }
            }
            if !symbol.isEmpty {
                quotes.append(
                    TickerQuote(symbol: symbol, markPrice: mark, lastPrice: last, indexPrice: index, time: time)
                )
            }
        }
        return quotes
    }
}

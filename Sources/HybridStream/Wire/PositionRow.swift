/// One row of the `position` topic or of `GET /v5/position/list`, as a ``Position``.
///
/// Rows are full objects, never deltas. The two sources differ in one name: `entryPrice` on the socket, `avgPrice` over
/// REST. Unknown keys are ignored, numbers and strings read alike, unknown enums are tolerated: one odd field must not
/// hide a position. Only a row whose symbol or size cannot be read is refused.
///
/// ```json
/// {"positionIdx":0,"symbol":"BTCUSDT","side":"Buy","size":"0.006","entryPrice":"23989.61666667","leverage":"10",
///  "positionValue":"143.9377","markPrice":"24922.99","takeProfit":"0","trailingStop":"0","liqPrice":"",
///  "createdTime":"1676887474897","updatedTime":"1678887821202","seq":814547789569}
/// ```
/// Source: https://bybit-exchange.github.io/docs/v5/websocket/private/position
public enum PositionRow {
    /// Why a row could not be used.
    public enum Refusal: Error, Equatable, Sendable {
        case missingSymbol
        case unreadableSize(String)
        case unknownCategory(String)
        /// The side is not `Buy` or `Sell` but the size is not zero either.
        case unreadableSide(String)
        /// The leg is named by something that is no number; taken for 0 it would make up another position.
        case unreadableIndex(String)

        /// A row of a kind of contract this program does not watch, rather than a broken one.
        public var isForeign: Bool {
            if case .unknownCategory = self { return true }
            return false
        }
    }

    /// Reads the object that comes next. The reader stands behind it afterwards, also when the row was refused.
    /// - Parameter category: what the surrounding reply says; a row's own `category` overrides it.
    /// - Throws: `JSONReader.Failure` where the document itself is broken.
    public static func read(from reader: inout JSONReader, category: Category) throws -> Result<Position, Refusal> {
        guard try reader.nextIsObject() else {
            try reader.skipValue()
            return .failure(.missingSymbol)
        }
        var row = Fields(category: category)
        try reader.forEachMember { key, value in
            try row.take(key, from: &value)
        }
        return row.position()
    }
}

extension PositionRow {
    private struct Fields {
        var category: Category
        var unknownCategory: String?
        var symbol = ""
        var index: Int? = 0
        var indexText = ""
        var side = ""
        var size: FixedPoint?
        var sizeText = ""
        var isSizeEmpty = false
        var entry: FixedPoint?
        var mark: FixedPoint?
        var leverage = ""
        var liquidation = ""
        var stopLoss = ""
        var takeProfit = ""
        var trailingStop = ""
        var value = ""
        var seq: Int64 = -1
        var updated: Int64 = 0
        var created: Int64 = 0
        var opened: Int64 = 0

        init(category: Category) {
            self.category = category
        }

        mutating func take(_ key: JSONSlice, from reader: inout JSONReader) throws {
            switch key {
            case "symbol": self.symbol = try reader.readScalar()?.string ?? ""
            case "category":
                let text = try reader.readScalar()?.string ?? ""
                if let category = Category(rawValue: text) {
                    self.category = category
                } else if !text.isEmpty {
                    self.unknownCategory = text
                }
            case "positionIdx":
                let scalar = try reader.readScalar()
                self.indexText = scalar?.string ?? ""
                self.index = scalar?.integer.flatMap { Int(exactly: $0) }
            case "side": self.side = try reader.readScalar()?.string ?? ""
            case "size":
                let scalar = try reader.readScalar()
                self.sizeText = scalar?.string ?? ""
                self.size = scalar?.decimal
                self.isSizeEmpty = scalar.map { $0.kind == .string && $0.bytes.isEmpty } ?? false
            case "entryPrice", "avgPrice": self.entry = try reader.readScalar()?.decimal ?? self.entry
            case "markPrice": self.mark = try reader.readScalar()?.decimal
            case "leverage": self.leverage = try reader.readScalar()?.string ?? ""
            case "liqPrice": self.liquidation = try Self.price(&reader)
            case "stopLoss": self.stopLoss = try Self.price(&reader)
            case "takeProfit": self.takeProfit = try Self.price(&reader)
            case "trailingStop": self.trailingStop = try Self.price(&reader)
            case "positionValue": self.value = try reader.readScalar()?.string ?? ""
            case "seq": self.seq = try reader.readScalar()?.integer ?? -1
            case "updatedTime": self.updated = try Self.time(&reader)
            case "createdTime": self.created = try Self.time(&reader)
            case "openTime": self.opened = try Self.time(&reader)
            default: try reader.skipValue()
            }
        }

        /// `"0"`, `"0.00"` and `""` all mean that it is not set.
        private static func price(_ reader: inout JSONReader) throws -> String {
            guard let scalar = try reader.readScalar(), !scalar.bytes.isEmpty else { return "" }
            if let value = scalar.decimal, value.isZero { return "" }
            return scalar.string
        }

        /// Milliseconds since 1970; 0 for what cannot be one. A stamp from beyond the year 2286 would make every row that
        /// comes later an old one.
        private static func time(_ reader: inout JSONReader) throws -> Int64 {
            guard let time = try reader.readScalar()?.integer, time > 0, time < 10_000_000_000_000 else { return 0 }
            return time
        }

        func position() -> Result<Position, Refusal> {
            if self.symbol.isEmpty { return .failure(.missingSymbol) }
            if let unknown = self.unknownCategory { return .failure(.unknownCategory(unknown)) }
            let side: Side =
                switch self.side {
                case "Buy": .buy
                case "Sell": .sell
                default: .none
                }
            guard let index = self.index else { return .failure(.unreadableIndex(self.indexText)) }
            // A flat row may write its size as "", but then it must not name a side. A size that is missing or `null`
            // does not say that the position is closed.
            let saysFlat = self.isSizeEmpty && (self.side.isEmpty || self.side == "None")
            guard let size = self.size ?? (saysFlat ? .zero : nil), !size.isNegative
            else { return .failure(.unreadableSize(self.sizeText)) }
            if side == .none, size.isPositive { return .failure(.unreadableSide(self.side)) }
            let mark = self.mark.flatMap { $0.isPositive ? $0 : nil }
            return .success(
                Position(
                    key: PositionKey(category: self.category, symbol: self.symbol, positionIndex: index),
                    side: size.isZero ? .none : side,
                    size: size,
                    entryPrice: self.entry ?? .zero,
                    rowMarkPrice: mark,
                    leverage: self.leverage,
                    liquidationPrice: self.liquidation,
                    stopLoss: self.stopLoss,
                    takeProfit: self.takeProfit,
                    trailingStop: self.trailingStop,
                    positionValue: self.value,
                    seq: self.seq,
                    updatedTime: self.updated,
                    createdTime: self.created,
                    openTime: self.opened
                )
            )
        }
    }
}

@testable import HybridStream

/// One row of a position, by the slow reading of its JSON.
struct PositionRowReading {
    /// What a row says, as texts; nil if it is refused.
    private(set) var facts: [String]?
    /// False where nothing can be claimed: texts that are none.
    private(set) var isClear = true

    private var texts: [String: String] = [:]
    private var numbers: [String: [UInt8]] = [:]
    private var integers: [String: Int64?] = [:]

    init(_ element: ReferenceJSON, category: Category) {
        guard case .object(let members) = element else { return }
        for (key, value) in members { self.take(key.text, value) }
        self.facts = self.summary(category: category)
    }

    private mutating func take(_ key: String, _ value: ReferenceJSON) {
        switch key {
        case "symbol", "category", "side", "leverage", "positionValue":
            self.text(key, value)
        case "size":
            self.numbers[key] = value.scalar
            self.texts["sizeIsEmpty"] = value.scalar?.isEmpty == true ? "yes" : nil
        case "entryPrice", "avgPrice":
            // Either name; a later one that is no number does not undo an earlier one.
            if let number = value.scalar, Self.fits(number) { self.numbers["entry"] = number }
        case "markPrice":
            self.numbers[key] = value.scalar
        case "liqPrice", "stopLoss", "takeProfit", "trailingStop":
            let isZero = value.scalar.flatMap { ReferenceDecimal($0) }.map { $0.fits && $0.isZero } == true
            self.text(key, isZero ? .null : value)
        case "positionIdx", "seq", "updatedTime", "createdTime", "openTime":
            self.integers[key] = .some(value.integer)
        default: break
        }
    }

    private mutating func text(_ key: String, _ value: ReferenceJSON) {
        self.texts[key] = value.string
        if value.string == nil { self.isClear = false }
    }

    private static func fits(_ number: [UInt8]) -> Bool { ReferenceDecimal(number).map(\.fits) == true }

    /// Stamps that cannot be a time are not believed.
    private func time(_ key: String) -> Int64 {
        guard let time = self.integers[key, default: 0], time > 0, time < 10_000_000_000_000 else { return 0 }
        return time
    }

    private func summary(category: Category) -> [String]? {
        let symbol = self.texts["symbol"] ?? ""
        let named = self.texts["category"] ?? ""
        guard !symbol.isEmpty, named.isEmpty || named == "linear" || named == "inverse",
            let index = self.integers["positionIdx", default: 0]
        else { return nil }
        let side = self.texts["side"] ?? ""
        let isSided = side == "Buy" || side == "Sell"
        let size: FixedPoint
        if let number = self.numbers["size"], let decimal = ReferenceDecimal(number), decimal.fits {
            guard !decimal.isNegative || decimal.isZero, decimal.isZero || isSided,
                let value = FixedPoint(number.text)
            else { return nil }
            size = value
        } else {
            guard self.texts["sizeIsEmpty"] != nil, side.isEmpty || side == "None" else { return nil }
            size = .zero
        }
        let mark = self.numbers["markPrice"].flatMap { FixedPoint($0.text) }
        return [
            "\(named.isEmpty ? category.rawValue : named)/\(symbol)/\(index)", size.isZero ? "" : side,
            "\(size)", "\(self.numbers["entry"].flatMap { FixedPoint($0.text) } ?? .zero)",
            mark.map { $0.isPositive ? "\($0)" : "" } ?? "", self.texts["leverage"] ?? "",
            self.texts["liqPrice"] ?? "", self.texts["stopLoss"] ?? "", self.texts["takeProfit"] ?? "",
            self.texts["trailingStop"] ?? "", self.texts["positionValue"] ?? "",
            "\(self.integers["seq", default: nil] ?? -1)", "\(self.time("updatedTime"))",
            "\(self.time("createdTime"))", "\(self.time("openTime"))",
        ]
    }
}

extension PositionRowReading {
    /// Compares what a client read from a list of rows.
    static func check(
        _ positions: [Position],
        refused: Int,
        of elements: [ReferenceJSON],
        category: Category
    ) {
        let readings = elements.map { PositionRowReading($0, category: category) }
        expect(
            positions.count + refused == elements.count,
            "\(elements.count) rows became \(positions.count)+\(refused)"
        )
        guard readings.allSatisfy(\.isClear) else { return }
        let expected = readings.compactMap(\.facts)
        let found = positions.map { Self.facts($0) }
        expect(found == expected, "read \(found), not \(expected)")
    }

    private static func facts(_ position: Position) -> [String] {
        [
            "\(position.key)", position.side.rawValue, "\(position.size)", "\(position.entryPrice)",
            position.rowMarkPrice.map { "\($0)" } ?? "", position.leverage, position.liquidationPrice,
            position.stopLoss, position.takeProfit, position.trailingStop, position.positionValue,
            "\(position.seq)", "\(position.updatedTime)", "\(position.createdTime)", "\(position.openTime)",
        ]
    }
}

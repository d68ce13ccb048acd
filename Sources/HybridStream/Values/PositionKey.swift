/// What state belongs to: one leg of one symbol.
public struct PositionKey: Sendable, Hashable {
    public let category: Category
    public let symbol: String
    /// 0 one-way, 1 the long leg of a hedge, 2 the short leg.
    public let positionIndex: Int

    public init(category: Category, symbol: String, positionIndex: Int) {
        self.category = category
        self.symbol = symbol
        self.positionIndex = positionIndex
    }
}

extension PositionKey: CustomStringConvertible {
    public var description: String { "\(self.category.rawValue)/\(self.symbol)/\(self.positionIndex)" }
}

package import HybridStream

/// A difference between REST and the hybrid stream that a later sweep has confirmed.
package struct Divergence: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case mark, position
    }

    package var symbol: String
    /// 0 one-way, 1 the long leg of a hedge, 2 the short leg.
    package var positionIndex: Int
    package var kind: Kind
    /// Of a mark: how far apart in percent, as far as both sweeps agree on it. Zero of a position.
    package var percent: FixedPoint
    /// Both sides, for people.
    package var text: String

    package init(symbol: String, positionIndex: Int, kind: Kind, percent: FixedPoint, text: String) {
        self.symbol = symbol
        self.positionIndex = positionIndex
        self.kind = kind
        self.percent = percent
        self.text = text
    }
}

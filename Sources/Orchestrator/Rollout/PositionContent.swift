package import HybridStream

/// What is compared of a position: side, size and entry, or that there is none.
package enum PositionContent: Sendable, Equatable {
    case flat
    /// - Parameter entry: average price; zero if it is not known.
    case open(side: Side, size: FixedPoint, entry: FixedPoint)

    package init(_ position: Position) {
        self =
            position.isOpen
            ? .open(side: position.side, size: position.size, entry: position.entryPrice) : .flat
    }

    package var isOpen: Bool { self != .flat }

    /// Whether both may describe the same holding. Numbers count, not how they are written; an entry that one of both does
    /// not know says nothing.
    package func agrees(with other: PositionContent) -> Bool {
        switch (self, other) {
        case (.flat, .flat): true
        case (.open(let side, let size, let entry), .open(let otherSide, let otherSize, let otherEntry)):
            side == otherSide && size == otherSize && (entry == otherEntry || entry.isZero || otherEntry.isZero)
        default: false
        }
    }
}

extension PositionContent: CustomStringConvertible {
    /// For people: `Buy 0.5 at 65000`, `no position`.
    package var description: String {
        switch self {
        case .flat: "no position"
        case .open(let side, let size, let entry): "\(side.rawValue) \(size) at \(entry)"
        }
    }
}

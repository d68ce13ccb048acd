public import HybridStream

/// One holding of one leg, from its first fill until it is flat. What consumers remember belongs to it and not to the symbol:
/// a position that is opened again starts clean.
public struct Opening: Sendable, Hashable {
    public let key: PositionKey
    public let side: Side
    /// When it began by the exchange's clock, in milliseconds since 1970; 0 if the exchange does not say.
    public let openTime: Int64
    /// When it was first heard of, in milliseconds since 1970.
    public let firstSeen: Int64
    /// The number of the event that told of it, which no other event of the account has.
    public let n: Int64

    public init(key: PositionKey, side: Side, openTime: Int64, firstSeen: Int64, n: Int64 = 0) {
        self.key = key
        self.side = side
        self.openTime = openTime
        self.firstSeen = firstSeen
        self.n = n
    }

    public init(_ position: Position, time: Int64, n: Int64 = 0) {
        self.init(key: position.key, side: position.side, openTime: position.openTime, firstSeen: time, n: n)
    }

    /// When its age begins, in milliseconds since 1970.
    public var began: Int64 { self.openTime > 0 ? self.openTime : self.firstSeen }

    /// Whether a row still speaks of this holding. Where the exchange does not tell when it began, the side decides.
    public func covers(_ position: Position) -> Bool {
        guard position.isOpen, position.key == self.key, position.side == self.side else { return false }
        return self.openTime == 0 || position.openTime == 0 || self.openTime == position.openTime
    }
}

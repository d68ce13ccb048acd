extension StatusReport {
    /// One open position, merged with its newest mark. Decimals keep the wire's text; an unset price is `""`.
    public struct Position: Sendable, Equatable, Decodable {
        public var symbol: String
        public var positionIndex: Int
        public var side: String
        public var size: String
        public var entryPrice: String
        public var markPrice: String
        /// Milliseconds; nil if no mark has come yet.
        public var markAge: Int64?
        public var stale: Bool
        public var unrealizedPnL: String
        public var stopLoss: String
        /// No stop on the exchange though the strategy demands one; nil if the strategy demands none.
        public var unprotected: Bool?
        public var trailing: Trailing?
        public var aged: Aged?

        public init(
            symbol: String,
            positionIndex: Int,
            side: String,
            size: String,
            entryPrice: String,
            markPrice: String,
            markAge: Int64?,
            stale: Bool,
            unrealizedPnL: String,
            stopLoss: String,
            unprotected: Bool? = nil,
            trailing: Trailing? = nil,
            aged: Aged? = nil
        ) {
            self.symbol = symbol
            self.positionIndex = positionIndex
            self.side = side
            self.size = size
            self.entryPrice = entryPrice
            self.markPrice = markPrice
            self.markAge = markAge
            self.stale = stale
            self.unrealizedPnL = unrealizedPnL
            self.stopLoss = stopLoss
            self.unprotected = unprotected
            self.trailing = trailing
            self.aged = aged
        }

        private enum CodingKeys: String, CodingKey {
            case symbol, side, size, stale, unprotected, trailing, aged
            case positionIndex = "position_idx"
            case entryPrice = "entry_price"
            case markPrice = "mark_price"
            case markAge = "mark_age_ms"
            case unrealizedPnL = "unrealized_pnl"
            case stopLoss = "stop_loss"
        }
    }

    /// What the trailing stop holds for a position.
    public struct Trailing: Sendable, Equatable, Decodable {
        public var state: String
        public var peak: String
        public var stop: String

        public init(state: String, peak: String, stop: String) {
            self.state = state
            self.peak = peak
            self.stop = stop
        }
    }

    /// What the aged-position monitor holds for a position.
    public struct Aged: Sendable, Equatable, Decodable {
        public var phase: String
        public var age: Int64

        public init(phase: String, age: Int64) {
            self.phase = phase
            self.age = age
        }

        private enum CodingKeys: String, CodingKey {
            case phase
            case age = "age_ms"
        }
    }

    /// Stands for the positions in a report that leaves them out; a table needs no more.
    public struct PositionCounts: Sendable, Equatable, Decodable {
        public var open: Int
        public var stale: Int
        public var unprotected: Int

        public init(open: Int, stale: Int, unprotected: Int) {
            self.open = open
            self.stale = stale
            self.unprotected = unprotected
        }

        public init(of positions: [Position]) {
            self.init(
                open: positions.count,
                stale: positions.count(where: \.stale),
                unprotected: positions.count { $0.unprotected == true }
            )
        }
    }
}

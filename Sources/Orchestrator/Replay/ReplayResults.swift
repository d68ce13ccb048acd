public import HybridStream

/// Why a recording cannot be replayed.
public struct ReplayError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// What an action is, whenever and under whichever id.
public struct RecordedAction: Sendable, Equatable {
    public var consumer: String
    /// `set_stop`, `set_trailing_stop` or `close_position`.
    public var action: String
    public var symbol: String
    public var positionIndex: Int
    public var parameters: [PipelineEvent.Action.Parameter]

    public init(
        consumer: String,
        action: String,
        symbol: String,
        positionIndex: Int,
        parameters: [PipelineEvent.Action.Parameter]
    ) {
        self.consumer = consumer
        self.action = action
        self.symbol = symbol
        self.positionIndex = positionIndex
        self.parameters = parameters
    }
}

/// An action that a replay has decided.
public struct ReplayAction: Sendable, Equatable {
    public var account: String
    /// The `orderLinkId`.
    public var id: String
    /// Milliseconds since 1970 by the exchange's clock.
    public var time: Int64
    public var what: RecordedAction

    init(account: String, _ action: Action) {
        self.account = account
        self.id = action.id
        self.time = action.created
        self.what = RecordedAction(
            consumer: action.seat.name,
            action: action.name,
            symbol: action.opening.key.symbol,
            positionIndex: action.opening.key.positionIndex,
            parameters: action.parameters
        )
    }
}

/// One holding of a replay and what it has brought.
public struct ReplayHolding: Sendable {
    public enum Exit: Sendable, Equatable {
        /// As the recording tells it.
        case recorded
        /// By a stop that would have stood.
        case stop
        /// By an order of a consumer.
        case consumer(ConsumerSeat)
    }

    public let account: String
    /// As it was last; if it is closed, before that.
    public private(set) var position: Position
    public internal(set) var stopsMoved = 0
    /// The consumer that asked for its close.
    public internal(set) var closedBy: ConsumerSeat?
    public private(set) var exit: Exit?
    /// Zero if no price was known.
    public private(set) var exitPrice = FixedPoint.zero
    /// Of what was closed, before costs.
    public private(set) var realized = FixedPoint.zero
    /// Of what is open, before costs.
    public private(set) var unrealized = FixedPoint.zero

    init(account: String, position: Position) {
        self.account = account
        self.position = position
    }

    /// What profit is counted in: the settle coin of a linear contract, the base coin of an inverse one.
    public var coin: String {
        let symbol = self.position.key.symbol
        switch self.position.key.category {
        case .inverse:
            // `BTCUSD`, and `BTCUSDZ26` of a dated contract.
            return symbol.range(of: "USD").map { String(symbol[..<$0.lowerBound]) } ?? symbol
        case .linear:
            // `BTCPERP`, `BTC-26DEC25` and `BTCUSDC…` are settled in USDC.
            return symbol.contains("USDT") ? "USDT" : "USDC"
        }
    }

    /// The recording has a newer row.
    mutating func follow(_ position: Position) {
        if self.exit == nil { self.position = position }
    }

    /// A part is closed.
    /// - Parameter price: zero if none is known.
    mutating func reduce(by size: FixedPoint, at price: FixedPoint) {
        guard self.exit == nil, price.isPositive else { return }
        let part = Position(
            key: self.position.key,
            side: self.position.side,
            size: size,
            entryPrice: self.position.entryPrice
        )
        guard let profit = part.unrealizedPnL(at: price), let sum = self.realized.adding(profit) else { return }
        self.realized = sum.normalized
    }

    /// All of it is closed. Only the first end counts.
    mutating func end(_ exit: Exit, at price: FixedPoint) {
        guard self.exit == nil else { return }
        self.reduce(by: self.position.size, at: price)
        self.exit = exit
        self.exitPrice = price
    }

    mutating func value(at mark: FixedPoint) {
        guard self.exit == nil else { return }
        self.unrealized = self.position.unrealizedPnL(at: mark)?.normalized ?? .zero
    }
}

extension String {
    fileprivate func range(of word: String) -> Range<String.Index>? { self.firstRange(of: word) }
}

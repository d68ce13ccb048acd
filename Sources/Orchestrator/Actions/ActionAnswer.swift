public import HybridStream

/// What the exchange said to an action, or what is known because it said nothing.
public struct ActionAnswer: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
        case accepted
        /// The stop stands already, or a parameter was missing: the row tells.
        case unchanged
        /// There is nothing to close.
        case flat
        /// An order with this id exists.
        case duplicate
        /// It may have been carried out.
        /// - Parameter wasAnswered: the exchange has replied, so nothing of it is on its way any more.
        case ambiguous(wasAnswered: Bool, isRateLimit: Bool)
        case refused(isRateLimit: Bool)
        /// No attempt can succeed.
        case impossible
    }

    public var kind: Kind
    /// The exchange's `retCode`.
    public var code: Int?
    public var text: String

    public init(_ kind: Kind, code: Int? = nil, text: String = "") {
        self.kind = kind
        self.code = code
        self.text = text
    }
}

/// What a look at the exchange has found.
public enum ActionFinding: Sendable {
    /// The order is known and not at its end.
    case orderIsOpen
    /// The order is at its end, having closed so much.
    case orderEnded(executed: FixedPoint, reason: String)
    /// The exchange knows no such order.
    case noOrder
    /// The position as it is.
    case position(Position)
    /// The exchange could not be asked.
    case failed(String)
}

/// What a failed write means for whoever has asked for it.
///
/// Source: https://bybit-exchange.github.io/docs/v5/error
public enum TradingVerdict: Sendable, Equatable {
    /// The stop is as it should be already, or a parameter was missing: the row tells.
    case unchanged
    /// There is no position.
    case flat
    /// The exchange has an order with this `orderLinkId`.
    case duplicate
    /// It may have had its effect.
    /// - Parameter wasAnswered: a reply has come, so nothing of it is on its way any more.
    case ambiguous(wasAnswered: Bool)
    /// Declined; a later attempt may succeed.
    case refused(isRateLimit: Bool)
    /// Declined, and no attempt can succeed: no money, no market, no permission.
    case impossible

    public init(_ error: RESTError) {
        // The address is banned, whatever else the page says: nobody has looked at the request.
        if error.category == .banned {
            self = .refused(isRateLimit: true)
            return
        }
        switch error.retCode {
        case 34040: self = .unchanged
        case 110017: self = .flat
        case 110030, 110072: self = .duplicate
        case .some(let code) where Self.impossibleCodes.contains(code): self = .impossible
        case 10001 where Self.speaksOfNoPosition(error.retMsg): self = .flat
        case 10014, Self.overloadedCode: self = .ambiguous(wasAnswered: true)
        default: self = Self.byCategory(error)
        }
    }

    /// What stands in the way of every attempt: balance and margin, contracts that are not live, symbols that may not be
    /// traded. A contract that can only be reduced (110023, 110042) is none of them: closing is all that is left there.
    private static let impossibleCodes: Set<Int> = [10029, 110004, 110007, 110012, 110044, 110045, 110074, 110125]

    /// The trading service's own protection from load, told in the body of a reply with status 200.
    private static let overloadedCode = 429

    /// Also said for a moment after an entry, before the position is registered.
    private static func speaksOfNoPosition(_ text: String) -> Bool { text.lowercased().contains("zero position") }

    private static func byCategory(_ error: RESTError) -> TradingVerdict {
        if error.isPermanentForAccount { return .impossible }
        switch error.category {
        case .rateLimited:
            // Turned away by our own queue it has not left.
            if !error.ambiguous { return .refused(isRateLimit: true) }
            return .ambiguous(wasAnswered: true)
        case .permission: return .impossible
        case .transport, .timeout, .server, .malformed, .cancelled, .rejected, .parameter, .banned, .clock, .invalidKey,
            .signature, .ipNotAllowed, .expired, .local:
            if !error.ambiguous { return .refused(isRateLimit: false) }
            return .ambiguous(wasAnswered: Self.isFinal(error))
        }
    }

    /// Whether a reply tells that nothing of the request is on its way any more. A fault of the exchange does not: whoever
    /// gave up waiting stands before those who may still carry it out, and an order that is being processed is on its way.
    private static func isFinal(_ error: RESTError) -> Bool {
        error.httpStatus != nil && error.code != .server && error.code != .processing
    }

    /// The same for a code of the exchange whose reply is long gone, as in a recording.
    public init(code: Int, text: String) { self.init(RESTError.saying(code, text)) }

    public static func isRateLimit(code: Int) -> Bool { self.isRateLimit(RESTError.saying(code, "")) }

    /// The request was turned away for being one too many.
    public static func isRateLimit(_ error: RESTError) -> Bool {
        error.category == .rateLimited || error.category == .banned || error.retCode == Self.overloadedCode
    }
}

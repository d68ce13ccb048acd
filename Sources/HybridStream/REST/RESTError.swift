/// Why a REST call failed.
///
/// Equality compares the ``code`` only. The texts hold no secret: no key, no signature, nothing of `origin_string[…]`.
public struct RESTError: Error, Sendable {
    /// What went wrong, from a closed set.
    public var code: Code
    /// What the exchange or the connection said about it, in one line.
    public var message: String
    /// Method and path of the call, like `GET /v5/position/list`; empty if none was made.
    public var endpoint: String
    /// The account the call was made for; nil for public calls.
    public var account: String?
    /// The exchange's own code; nil if there was no readable reply. See https://bybit-exchange.github.io/docs/v5/error
    public var retCode: Int?
    /// The exchange's own text, shortened and without secrets.
    public var retMsg: String
    /// The status of the reply; nil if there was none.
    public var httpStatus: Int?
    /// The exchange's time as the reply told it, in milliseconds since 1970.
    public var serverMilliseconds: Int64?
    /// How long to wait at least before the next attempt, where that is known.
    public var retryAfter: Duration?

    public init(
        _ code: Code,
        message: String,
        endpoint: String = "",
        account: String? = nil,
        retCode: Int? = nil,
        retMsg: String = "",
        httpStatus: Int? = nil,
        serverMilliseconds: Int64? = nil,
        retryAfter: Duration? = nil
    ) {
        self.code = code
        self.message = message
        self.endpoint = endpoint
        self.account = account
        self.retCode = retCode
        self.retMsg = retMsg
        self.httpStatus = httpStatus
        self.serverMilliseconds = serverMilliseconds
        self.retryAfter = retryAfter
    }

    public var category: Category { self.code.traits.category }

    /// The same call may succeed later. Says nothing about whether it already had an effect: see ``ambiguous``.
    public var retryable: Bool { self.code.traits.retryable }

    /// The exchange may have carried the request out. A write must be looked up before it is sent again.
    public var ambiguous: Bool { self.code.traits.ambiguous }

    /// Nothing but a change by the operator helps this account; other accounts are not affected.
    public var isPermanentForAccount: Bool { self.code.traits.permanent }

    /// What the operator can do; empty if there is nothing to do.
    public var advice: String { self.code.traits.advice }
}

extension RESTError: Equatable {
    public static func == (left: RESTError, right: RESTError) -> Bool { left.code == right.code }
}

extension RESTError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        var text = self.endpoint.isEmpty ? "" : "\(self.endpoint): "
        if let account = self.account { text = "account \(account): " + text }
        text += self.message
        let codes = [self.httpStatus.map { "HTTP \($0)" }, self.retCode.map { "retCode \($0)" }].compactMap { $0 }
        if !codes.isEmpty { text += " [\(codes.joined(separator: ", "))]" }
        if !self.advice.isEmpty { text += "; \(self.advice)" }
        return text
    }

    public var debugDescription: String { self.description }
}

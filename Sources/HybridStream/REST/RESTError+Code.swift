extension RESTError {
    /// What a caller decides by.
    public enum Category: String, Sendable, Hashable, CaseIterable {
        /// No connection, or it broke.
        case transport
        case timeout
        /// The exchange refuses this host's address; all REST of the process pauses.
        case banned
        case rateLimited
        /// Our time is not the exchange's.
        case clock
        case invalidKey
        case signature
        case permission
        case ipNotAllowed
        case expired
        /// A fault of the exchange.
        case server
        /// The request itself is wrong.
        case parameter
        /// The exchange understood and declined: no such order, nothing to reduce, no money.
        case rejected
        /// A reply that cannot be read.
        case malformed
        case cancelled
        /// A fault on this host.
        case local
    }

    /// One of a closed set of causes. New ones can be added without breaking a `switch`.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        fileprivate enum Name: String, CaseIterable {
            case connectFailed, connectTimeout, connectionLost, timeout, banned, queueFull, rateLimited, overloaded
            case clockSkew, invalidKey, accountBlocked, signature, permission, accountMode, ipNotAllowed, expired
            case server, parameter, processing, rejected, malformed, tooLarge, cancelled, signingUnavailable
            case unusableCredentials
        }

        fileprivate let name: Name

        public var description: String { self.name.rawValue }

        /// No connection: name not found, refused, TLS failed. The request never left.
        public static let connectFailed = Code(name: .connectFailed)
        /// No connection in time. The request never left.
        public static let connectTimeout = Code(name: .connectTimeout)
        /// The connection broke between request and reply.
        public static let connectionLost = Code(name: .connectionLost)
        /// No complete reply in time.
        public static let timeout = Code(name: .timeout)
        /// HTTP 403: too many requests from this address, or a place that is not served.
        public static let banned = Code(name: .banned)
        /// Too many calls wait for the budget already.
        public static let queueFull = Code(name: .queueFull)
        /// 10006: too many calls of this account to this endpoint.
        public static let rateLimited = Code(name: .rateLimited)
        /// HTTP 429: the exchange protects itself.
        public static let overloaded = Code(name: .overloaded)
        /// 10002: the timestamp lies outside the receive window.
        public static let clockSkew = Code(name: .clockSkew)
        /// 10003, 10007, HTTP 401: no such key here. Often a key of another environment.
        public static let invalidKey = Code(name: .invalidKey)
        /// 10008, 10009, 10024, 10027: the user, the address or the region is barred.
        public static let accountBlocked = Code(name: .accountBlocked)
        /// 10004: the signature does not match, so the secret is not that of the key.
        public static let signature = Code(name: .signature)
        /// 10005, 10029: the key may not do this.
        public static let permission = Code(name: .permission)
        /// 10028: the account is not a unified trading account.
        public static let accountMode = Code(name: .accountMode)
        /// 10010: the key is bound to other addresses.
        public static let ipNotAllowed = Code(name: .ipNotAllowed)
        /// 33004, -2015: the key has expired.
        public static let expired = Code(name: .expired)
        /// 10000, 10016, 10019, HTTP 5xx.
        public static let server = Code(name: .server)
        /// 10001, 10017, HTTP 400, 404 and the like.
        public static let parameter = Code(name: .parameter)
        /// 110079: the order is being processed.
        public static let processing = Code(name: .processing)
        /// Any other code of the exchange; see ``RESTError/retCode``.
        public static let rejected = Code(name: .rejected)
        /// Not the JSON that was expected.
        public static let malformed = Code(name: .malformed)
        /// A reply beyond ``RESTReply/maxBodySize``.
        public static let tooLarge = Code(name: .tooLarge)
        /// The caller's task was cancelled, or the client was shut down.
        public static let cancelled = Code(name: .cancelled)
        /// libcrypto could not sign.
        public static let signingUnavailable = Code(name: .signingUnavailable)
        /// The key holds characters that cannot stand in a header.
        public static let unusableCredentials = Code(name: .unusableCredentials)

        public static var all: [Code] { Name.allCases.map { Code(name: $0) } }
    }

    struct Traits {
        var category: Category
        var retryable = false
        var ambiguous = false
        var permanent = false
        var advice = ""
    }
}

extension RESTError.Code {
    var traits: RESTError.Traits {
        switch self.name {
        case .connectFailed:
            .init(category: .transport, retryable: true, advice: "check the network and the endpoint's address")
        case .connectTimeout: .init(category: .timeout, retryable: true, advice: "check the network")
        case .connectionLost: .init(category: .transport, retryable: true, ambiguous: true)
        case .timeout: .init(category: .timeout, retryable: true, ambiguous: true)
        case .banned:
            .init(
                category: .banned,
                retryable: true,
                advice: "all REST calls pause; lower stream.rest_budget if other programs share this address, "
                    + "and make sure that the exchange serves this region"
            )
        case .queueFull: .init(category: .rateLimited, retryable: true)
        case .rateLimited: .init(category: .rateLimited, retryable: true, ambiguous: true)
        case .overloaded: .init(category: .rateLimited, retryable: true, ambiguous: true)
        case .clockSkew: .init(category: .clock, retryable: true, advice: "keep the host's clock synchronised")
        case .invalidKey:
            .init(
                category: .invalidKey,
                permanent: true,
                advice: "check that the key exists and belongs to the configured environment"
            )
        case .accountBlocked:
            .init(category: .permission, permanent: true, advice: "ask the exchange why the account is restricted")
        case .signature:
            .init(category: .signature, permanent: true, advice: "check that the secret belongs to the key")
        case .permission: .init(category: .permission, advice: "give the key the permission it lacks")
        case .accountMode:
            .init(category: .permission, permanent: true, advice: "upgrade the account to a unified trading account")
        case .ipNotAllowed:
            .init(category: .ipNotAllowed, permanent: true, advice: "add this host's address to the key's list")
        case .expired: .init(category: .expired, permanent: true, advice: "create a new key")
        case .server: .init(category: .server, retryable: true, ambiguous: true)
        case .parameter: .init(category: .parameter)
        case .processing: .init(category: .rejected, retryable: true, ambiguous: true)
        case .rejected: .init(category: .rejected)
        case .malformed: .init(category: .malformed, retryable: true, ambiguous: true)
        case .tooLarge: .init(category: .malformed, ambiguous: true)
        case .cancelled: .init(category: .cancelled, ambiguous: true)
        case .signingUnavailable: .init(category: .local, advice: "check the host's OpenSSL configuration")
        case .unusableCredentials:
            .init(category: .invalidKey, permanent: true, advice: "copy the key again, without spaces or line ends")
        }
    }
}

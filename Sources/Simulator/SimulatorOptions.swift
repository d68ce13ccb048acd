/// How busy the exchange keeps the accounts' positions by itself.
public enum SimulatorActivity: String, Sendable, CaseIterable {
    /// Positions change only by requests and by the control port.
    case none
    /// Each account does something about every twenty seconds.
    case low
    /// Each account does something about every second.
    case high
}

/// What to simulate. Every field has a default; all times are milliseconds.
public struct SimulatorOptions: Sendable {
    /// Address to listen on.
    public var host = "127.0.0.1"
    /// Port for REST and WebSockets; 0 takes a free one.
    public var port = 0
    /// Port of the control API on loopback; 0 takes a free one, nil means none.
    public var controlPort: Int? = 0
    /// Names of the accounts that exist from the start.
    public var accounts: [String] = ["sub-001", "sub-002"]
    /// Number of linear symbols. The first few dozen have real names, the rest are generated (`SYM025USDT`).
    public var symbols = 24
    /// Everything random follows from this.
    public var seed: UInt64 = 1
    /// What happens on the accounts by itself.
    public var activity = SimulatorActivity.low
    /// Most open positions the activity opens per account.
    public var activityPositions = 6
    /// Files with certificate chain and key (PEM); nil serves plain text.
    public var tls: (certificate: String, key: String)?
    /// Time between two price steps, and so the least time between two deltas of one symbol.
    public var tickInterval = 100
    /// Whether prices move by themselves from the start.
    public var pricesRunning = true
    /// The exchange's own limits.
    public var limits = SimulatorLimits()
    /// Choices where the real exchange's behaviour is unknown or varies.
    public var behaviour = SimulatorBehaviour()
    /// Entries kept in the record of truth; marks have a ring of their own of the same length.
    public var recordCapacity = 1_000_000
    /// Whether every published mark is recorded.
    public var recordMarks = true
    /// Whether every REST request is recorded.
    public var recordRequests = true
    /// Whether every WebSocket ping is recorded.
    public var recordPings = false
    /// Whether positions start hedged (USDT perpetuals only).
    public var hedged = false

    public init() {}
}

/// Limits of the exchange. They are checked only when `enforced`.
public struct SimulatorLimits: Sendable {
    public var enforced = false
    /// New WebSocket connections allowed per window.
    public var connections = 500
    public var connectionWindow: Int64 = 300_000
    /// REST requests allowed per window over all accounts; beyond that everything is refused with 403.
    public var requests = 600
    public var requestWindow: Int64 = 5_000
    /// How long the 403 lasts.
    public var requestBan: Int64 = 600_000
    /// Multiplies the per-account, per-endpoint limits, in percent.
    public var endpointPercent = 100

    public init() {}
}

/// What the published sources leave open, each as a setting.
public struct SimulatorBehaviour: Sendable {
    /// How unset stops and flat values are written.
    public enum UnsetStyle: String, Sendable { case mixed, zero, empty }
    /// How `seq` is written before the first trade of a position.
    public enum NeverTraded: String, Sendable { case number, string }

    /// Text of a refused authentication.
    public var authFailure = "Params Error"
    /// Whether a refused authentication is followed by a close.
    public var closeAfterFailedAuth = false
    /// Whether a second authentication on one socket succeeds again.
    public var secondAuthSucceeds = true
    /// Whether one bad private topic rejects the whole request.
    public var privateAllOrNothing = true
    /// Whether unsubscribing an inactive topic succeeds.
    public var unsubscribeInactiveSucceeds = true
    /// Whether `position.linear` is echoed as such in data frames, or as `position`.
    public var echoCategorisedTopic = true
    /// A public socket that neither subscribed nor pinged is cut after this.
    public var publicIdleTimeout: Int64 = 60_000
    /// The private idle time when the URL names none.
    public var privateActiveTime: Int64 = 600_000
    /// Idle private sockets are looked for this often.
    public var idleScan: Int64 = 30_000
    public var neverTradedSeq = NeverTraded.number
    public var unset = UnsetStyle.mixed
    /// Whether the order of topics around one fill varies.
    public var shufflesTopics = true
    /// Most fills a market order is split into.
    public var fillsPerOrder = 3
    /// Time from the acknowledgement of an order to its first event: from, to.
    public var orderLatency: (from: Int64, to: Int64) = (3, 12)
    /// Whether pushing an order repeats the position row although nothing changed.
    public var repeatsRowsOnOrders = true

    public init() {}
}

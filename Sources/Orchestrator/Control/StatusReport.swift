/// What a running instance says about itself: the answer to `status`.
///
/// Written as JSON by ``StatusReport/write(into:)`` (keys in the contract's order), read by any JSON decoder. Times are
/// wall-clock instants, ages are milliseconds at the moment the report was made, decimals are texts as the exchange
/// wrote them. A field that is nil is written as `null`: nothing has been observed yet.
public struct StatusReport: Sendable, Equatable, Decodable {
    /// Changes only when a key changes its meaning.
    public static let schemaVersion = 1

    public var instance: String
    public var pid: Int32
    public var startedAt: Timestamp
    public var revision: Int
    /// Of the whole fleet, or of the accounts that were asked for. Set by ``rollUp(wholeFleet:)``.
    public var health: Health
    public var tickers: Tickers
    public var budgets: Budgets
    public var accounts: [Account]

    public init(
        instance: String,
        pid: Int32,
        startedAt: Timestamp,
        revision: Int,
        health: Health = .healthy,
        tickers: Tickers,
        budgets: Budgets,
        accounts: [Account]
    ) {
        self.instance = instance
        self.pid = pid
        self.startedAt = startedAt
        self.revision = revision
        self.health = health
        self.tickers = tickers
        self.budgets = budgets
        self.accounts = accounts
    }

    private enum CodingKeys: String, CodingKey {
        case instance, pid, revision, health, tickers, budgets, accounts
        case startedAt = "started_at"
    }

    /// The one public ticker connection that all accounts share.
    public struct Tickers: Sendable, Equatable, Decodable {
        public var state: ConnectionState
        /// Symbols that somebody holds (or held less than `ticker_linger` ago).
        public var desired: Int
        /// … that the exchange has acknowledged on this connection.
        public var active: Int
        /// … for which data came on this connection.
        public var receiving: Int
        /// … that the exchange refuses; retried slowly.
        public var quarantined: [String]
        /// Attempts to connect since the start.
        public var connects: Int
        public var lastFrameAge: Int64?
        /// Why the connection was last lost or refused.
        public var lastError: String?

        public init(
            state: ConnectionState,
            desired: Int,
            active: Int,
            receiving: Int,
            quarantined: [String],
            connects: Int,
            lastFrameAge: Int64?,
            lastError: String? = nil
        ) {
            self.state = state
            self.desired = desired
            self.active = active
            self.receiving = receiving
            self.quarantined = quarantined
            self.connects = connects
            self.lastFrameAge = lastFrameAge
            self.lastError = lastError
        }

        private enum CodingKeys: String, CodingKey {
            case state, desired, active, receiving, quarantined, connects
            case lastFrameAge = "last_frame_age_ms"
            case lastError = "last_error"
        }
    }

    /// How much of the exchange's limits this process has used in the current window.
    public struct Budgets: Sendable, Equatable, Decodable {
        public var connectionsUsed: Int
        public var connectionsLimit: Int
        public var restUsed: Int
        public var restLimit: Int

        public init(connectionsUsed: Int, connectionsLimit: Int, restUsed: Int, restLimit: Int) {
            self.connectionsUsed = connectionsUsed
            self.connectionsLimit = connectionsLimit
            self.restUsed = restUsed
            self.restLimit = restLimit
        }

        private enum CodingKeys: String, CodingKey {
            case connectionsUsed = "connections_used"
            case connectionsLimit = "connections_limit"
            case restUsed = "rest_used"
            case restLimit = "rest_limit"
        }
    }

    /// Where one WebSocket connection is.
    public enum ConnectionState: String, Sendable, Decodable, CaseIterable {
        /// Not wanted: nothing is held, or the account is disabled.
        case idle
        case connecting
        /// Connected, not yet signed in.
        case authenticating
        case live
        /// Lost; waiting for the next attempt.
        case reconnecting
        case closed
        /// Given up until somebody changes something.
        case failed
    }

    /// The roll-up that scripts act on. Worse is greater.
    public enum Health: String, Sendable, Decodable, CaseIterable, Comparable {
        case healthy, degraded, critical

        private var rank: Int {
            switch self {
            case .healthy: 0
            case .degraded: 1
            case .critical: 2
            }
        }

        public static func < (left: Health, right: Health) -> Bool { left.rank < right.rank }
    }
}

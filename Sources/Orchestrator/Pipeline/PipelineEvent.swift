/// What an account's stream carries besides positions.
public enum PipelineEvent: Sendable, Equatable {
    /// The account's state changed.
    case accountState(old: String, new: String, reason: String)
    case alert(Alert)
    case action(Action)
    case rollout(Rollout)
    case recovery(Recovery)
    case consumers(Consumers)

    /// A time in which nothing was heard is over.
    public struct Recovery: Sendable, Equatable {
        public enum Stream: String, Sendable, Codable {
            /// The account's own connection.
            case `private`
            /// The ticker connection, or single symbols on it.
            case tickers
        }

        public var stream: Stream
        public var reason: String
        /// Milliseconds from the last sign of life.
        public var gapMilliseconds: Int64
        /// Positions (private) or symbols (tickers) of the account that were cut off.
        public var lost: Int
        /// Positions that are open and confirmed, or symbols that deliver again.
        public var restored: Int
        /// Held symbols that do not deliver yet.
        public var missing: [String]
        /// Lifecycle events of the time in between.
        public var changes: Int
        public var text: String

        public init(
            stream: Stream,
            reason: String,
            gapMilliseconds: Int64,
            lost: Int,
            restored: Int,
            missing: [String] = [],
            changes: Int = 0,
            text: String
        ) {
            self.stream = stream
            self.reason = reason
            self.gapMilliseconds = gapMilliseconds
            self.lost = lost
            self.restored = restored
            self.missing = missing
            self.changes = changes
            self.text = text
        }
    }

    /// Something an operator should know, or no longer has to.
    public struct Alert: Sendable, Equatable {
        public enum Severity: String, Sendable, Codable {
            case warning, critical
        }

        public enum State: String, Sendable, Codable {
            case opened, resolved
        }

        public var code: String
        public var severity: Severity
        public var state: State
        /// Empty where the alert is not about one symbol.
        public var symbol: String
        public var text: String

        public init(code: String, severity: Severity, state: State, symbol: String = "", text: String) {
            self.code = code
            self.severity = severity
            self.state = state
            self.symbol = symbol
            self.text = text
        }
    }

    /// What a consumer asked for and what became of it.
    public struct Action: Sendable, Equatable {
        public enum Outcome: String, Sendable, Codable {
            case journalled, accepted, done, rejected, unknown
        }

        /// When the consumer may ask again.
        public enum Refusal: String, Sendable, Codable {
            /// Soon.
            case again
            /// There were too many requests.
            case rateLimit = "rate_limit"
            /// No attempt can succeed as things are.
            case impossible
        }

        /// One parameter; values keep the text in which they are sent.
        public struct Parameter: Sendable, Equatable {
            public var name: String
            public var value: String

            public init(_ name: String, _ value: String) {
                self.name = name
                self.value = value
            }
        }

        public var consumer: String
        public var action: String
        public var symbol: String
        public var positionIndex: Int
        public var orderLinkID: String
        /// Written as an object of strings, in this order.
        public var parameters: [Parameter]
        public var dryRun: Bool
        public var outcome: Outcome
        /// The exchange's `retCode`; written as `null` while it has not answered.
        public var returnCode: Int?
        public var text: String
        /// Of a `rejected` one; written only if it is there.
        public var refusal: Refusal?

        public init(
            consumer: String,
            action: String,
            symbol: String,
            positionIndex: Int,
            orderLinkID: String,
            parameters: [Parameter],
            dryRun: Bool,
            outcome: Outcome,
            returnCode: Int? = nil,
            text: String = "",
            refusal: Refusal? = nil
        ) {
            self.refusal = refusal
            self.consumer = consumer
            self.action = action
            self.symbol = symbol
            self.positionIndex = positionIndex
            self.orderLinkID = orderLinkID
            self.parameters = parameters
            self.dryRun = dryRun
            self.outcome = outcome
            self.returnCode = returnCode
            self.text = text
        }
    }

    /// From when on the account's consumers decide, and about what: with it a recording holds all that they decide by.
    public struct Consumers: Sendable, Equatable {
        public enum State: String, Sendable, Codable {
            /// A process has begun, and remembers what the store holds.
            case started
            /// The tick size of a symbol is known: from here on its positions are decided about.
            case ready
            /// Nothing more is decided: the process ends.
            case stopped
        }

        public var state: State
        /// Of `ready`; empty otherwise.
        public var symbol: String
        /// Of `ready`; empty otherwise.
        public var tickSize: String
        public var dryRun: Bool

        public init(state: State, symbol: String = "", tickSize: String = "", dryRun: Bool) {
            self.state = state
            self.symbol = symbol
            self.tickSize = tickSize
            self.dryRun = dryRun
        }
    }

    /// A step of a rollout.
    public struct Rollout: Sendable, Equatable {
        public var mode: String
        public var oldMode: String
        public var cause: String
        public var gate: String
        public var verdict: String
        public var text: String

        public init(mode: String, oldMode: String, cause: String, gate: String, verdict: String, text: String) {
            self.mode = mode
            self.oldMode = oldMode
            self.cause = cause
            self.gate = gate
            self.verdict = verdict
            self.text = text
        }
    }

    /// The kind, for filters.
    public var kind: EventKinds {
        switch self {
        case .accountState: .accountState
        case .alert: .alert
        case .action: .action
        case .rollout: .rollout
        case .recovery: .recovery
        case .consumers: .consumers
        }
    }

    /// The symbol it is about; empty if it is about none.
    public var symbol: String {
        switch self {
        case .accountState, .rollout, .recovery: ""
        case .alert(let alert): alert.symbol
        case .action(let action): action.symbol
        case .consumers(let consumers): consumers.symbol
        }
    }
}

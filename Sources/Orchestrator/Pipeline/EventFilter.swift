public import HybridStream

/// Kinds of events: the causes of a `position.update`, and the other events.
public struct EventKinds: OptionSet, Sendable, Hashable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    public static let opened = EventKinds(rawValue: 1 << 0)
    public static let increased = EventKinds(rawValue: 1 << 1)
    public static let reduced = EventKinds(rawValue: 1 << 2)
    public static let flipped = EventKinds(rawValue: 1 << 3)
    public static let amended = EventKinds(rawValue: 1 << 4)
    public static let closed = EventKinds(rawValue: 1 << 5)
    public static let mark = EventKinds(rawValue: 1 << 6)
    public static let resync = EventKinds(rawValue: 1 << 7)
    public static let stale = EventKinds(rawValue: 1 << 8)
    public static let fresh = EventKinds(rawValue: 1 << 9)
    public static let accountState = EventKinds(rawValue: 1 << 10)
    public static let alert = EventKinds(rawValue: 1 << 11)
    public static let action = EventKinds(rawValue: 1 << 12)
    public static let rollout = EventKinds(rawValue: 1 << 13)
    public static let recovery = EventKinds(rawValue: 1 << 14)
    public static let consumers = EventKinds(rawValue: 1 << 15)

    public static let all = EventKinds(rawValue: .max)
    /// Every `position.update`.
    public static let positions = EventKinds(rawValue: (1 << 10) - 1)

    /// What `bybitctl events --cause` takes: the causes of a `position.update`, and the names of the other events.
    public static let names: [String] =
        PositionUpdate.Cause.allCases.map(\.rawValue) + [
            "account.state", "action", "alert", "consumers", "recovery", "rollout",
        ]

    /// Nil for a word that is not in ``names``.
    public init?(name: String) {
        if let cause = PositionUpdate.Cause(rawValue: name) {
            self.init(cause)
            return
        }
        switch name {
        case "account.state": self = .accountState
        case "action": self = .action
        case "alert": self = .alert
        case "consumers": self = .consumers
        case "recovery": self = .recovery
        case "rollout": self = .rollout
        default: return nil
        }
    }

    @inlinable
    public init(_ cause: PositionUpdate.Cause) {
        switch cause {
        case .opened: self = .opened
        case .increased: self = .increased
        case .reduced: self = .reduced
        case .flipped: self = .flipped
        case .amended: self = .amended
        case .closed: self = .closed
        case .mark: self = .mark
        case .resync: self = .resync
        case .stale: self = .stale
        case .fresh: self = .fresh
        }
    }
}

/// What a reader wants to see.
public struct EventFilter: Sendable, Equatable {
    /// Nil for every account.
    public var accounts: Set<String>?
    /// Nil for every symbol. Events that are not about a symbol pass.
    public var symbols: Set<String>?
    public var kinds: EventKinds

    public init(accounts: Set<String>? = nil, symbols: Set<String>? = nil, kinds: EventKinds = .all) {
        self.accounts = accounts
        self.symbols = symbols
        self.kinds = kinds
    }

    public static let everything = EventFilter()

    public func accepts(account: String) -> Bool {
        self.accounts?.contains(account) ?? true
    }

    @inline(__always)
    func accepts(kind: EventKinds, symbol: String) -> Bool {
        guard self.kinds.contains(kind) else { return false }
        guard let wanted = self.symbols else { return true }
        return symbol.isEmpty || wanted.contains(symbol)
    }
}

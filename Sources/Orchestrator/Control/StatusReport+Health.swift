extension StatusReport.Health {
    /// An account's health, from what was observed.
    ///
    /// Critical: it failed, or a position has no stop though its strategy demands one. Degraded: it works, but starts,
    /// reconnects, fell back, or holds a position whose mark is stale. Disabled and drained accounts are healthy: nobody
    /// expects anything of them.
    public static func ofAccount(
        enabled: Bool,
        state: StatusReport.State,
        counts: StatusReport.PositionCounts
    ) -> StatusReport.Health {
        guard enabled else { return .healthy }
        switch state {
        case .disabled, .drained:
            return .healthy
        case .failed:
            return .critical
        case .starting, .degraded, .fallback, .draining:
            return counts.unprotected > 0 ? .critical : .degraded
        case .live:
            if counts.unprotected > 0 { return .critical }
            return counts.stale > 0 ? .degraded : .healthy
        }
    }

    /// The shared ticker connection's: it cannot be healthy while a symbol that somebody holds receives nothing.
    public static func ofTickers(_ tickers: StatusReport.Tickers) -> StatusReport.Health {
        // A refused symbol is not even desired; somebody holds it all the same.
        guard tickers.desired > 0 || !tickers.quarantined.isEmpty else { return .healthy }
        let allReceive = tickers.receiving >= tickers.desired && tickers.quarantined.isEmpty
        return tickers.state == .live && allReceive ? .healthy : .degraded
    }
}

extension StatusReport.Account {
    /// Disabled and drained accounts count neither for nor against the fleet.
    public var isCounted: Bool {
        self.enabled && self.state != .disabled && self.state != .drained
    }

    /// Worst first: the place of an account in a listing, smaller is earlier.
    private var rank: Int {
        guard self.isCounted else { return self.enabled ? 20 : 30 }
        let health =
            switch self.health {
            case .critical: 0
            case .degraded: 1
            case .healthy: 2
            }
        let state =
            switch self.state {
            case .failed: 0
            case .fallback: 1
            case .degraded: 2
            case .starting: 3
            case .draining: 4
            case .live, .drained, .disabled: 5
            }
        return health * 6 + state
    }

    /// Whether this one stands before the other: by health, then state, then name.
    public func isWorse(than other: StatusReport.Account) -> Bool {
        let (mine, others) = (self.rank, other.rank)
        return mine == others ? self.name < other.name : mine < others
    }
}

extension StatusReport {
    /// Sets the fleet's health from the accounts' and puts the accounts in order, worst first.
    /// - Parameter wholeFleet: false if the report is about some accounts only; then the shared ticker connection is
    ///   judged by what these accounts feel of it (stale positions), not as a whole.
    public mutating func rollUp(wholeFleet: Bool) {
        let counted = self.accounts.filter(\.isCounted)
        var health = counted.map(\.health).max() ?? .healthy
        if wholeFleet, !counted.isEmpty {
            health = max(health, .ofTickers(self.tickers))
        }
        self.health = health
        self.accounts.sort { $0.isWorse(than: $1) }
    }
}

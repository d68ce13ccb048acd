/// The WebSocket connections that a fleet has, and how long its accounts stand in line for them.
public struct FleetConnections: Sendable, Equatable, Codable {
    /// Accounts with a private connection: those in `canary`, `parallel`, `cutover` and `hybrid`.
    public var privateSockets: Int
    /// The ticker connection: 1, or 0 if no account has a private one.
    public var publicSockets: Int
    /// Connections that have to be opened.
    public var attempts: Int
    /// `stream.connection_budget`: so many attempts …
    public var budget: Int
    /// … in so many milliseconds.
    public var budgetMilliseconds: Int64
    /// What the exchange allows an address in five minutes before it bans it.
    public var exchangeLimit: Int
    /// Until every account is live if every attempt succeeds: what the budgets of connections and of REST cost, without the
    /// time that a connection itself takes.
    public var secondsUntilLive: Int

    enum CodingKeys: String, CodingKey {
        case privateSockets = "private_sockets"
        case publicSockets = "public_sockets"
        case attempts
        case budget
        case budgetMilliseconds = "budget_ms"
        case exchangeLimit = "exchange_limit"
        case secondsUntilLive = "seconds_until_live"
    }

    /// How long attempts wait for the budget: a sliding window, of which the accounts leave a share to the tickers.
    /// - Parameter used: attempts that the window has seen already.
    static func wait(attempts: Int, used: Int, budget: ConnectionBudget) -> Duration {
        let usable = max(1, budget.connections - budget.connections / 20)
        let first = max(0, usable - used)
        guard attempts > first else { return .zero }
        let windows = (attempts - first + usable - 1) / usable
        return budget.per * windows
    }
}

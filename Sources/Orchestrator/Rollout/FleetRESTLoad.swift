/// The REST requests that a fleet sends while all is well, against the limits that hold for them.
public struct FleetRESTLoad: Sendable, Equatable, Codable {
    /// `stream.rest_budget`, per second.
    public var limitPerSecond: Double
    /// What the exchange allows an address before it bans it, per second: 600 in 5 s.
    public var exchangeLimitPerSecond: Double
    /// A request for each settle coin.
    public var requestsPerSweep: Int
    /// Accounts that are polled: those in every mode but `hybrid`.
    public var pollingAccounts: Int
    /// `stream.rest_poll_interval`.
    public var configuredPollMilliseconds: Int64
    /// How often each of them is polled: stretched if polling would take more than half of the budget.
    public var pollMilliseconds: Int64
    public var pollingPerSecond: Double
    /// Accounts whose stream is compared with a sweep every `stream.reconcile_interval`.
    public var reconcilingAccounts: Int
    public var reconcilingPerSecond: Double
    public var totalPerSecond: Double

    enum CodingKeys: String, CodingKey {
        case limitPerSecond = "limit_per_second"
        case exchangeLimitPerSecond = "exchange_limit_per_second"
        case requestsPerSweep = "requests_per_sweep"
        case pollingAccounts = "polling_accounts"
        case configuredPollMilliseconds = "configured_poll_ms"
        case pollMilliseconds = "poll_ms"
        case pollingPerSecond = "polling_per_second"
        case reconcilingAccounts = "reconciling_accounts"
        case reconcilingPerSecond = "reconciling_per_second"
        case totalPerSecond = "total_per_second"
    }

    /// - Parameters:
    ///   - polling: accounts in every mode but `hybrid`.
    ///   - reconciling: accounts with a stream.
    init(polling: Int, reconciling: Int, stream: StreamConfiguration, exchange: ExchangeConfiguration) {
        let coins = Self.requestsPerSweep(exchange)
        let budget = PollBudget(
            budget: stream.restBudget,
            configured: stream.restPollInterval,
            accounts: polling,
            requestsPerSweep: coins
        )
        let limit = Double(stream.restBudget.requests) / (stream.restBudget.per / .seconds(1))
        let configured = stream.restPollInterval / .seconds(1)
        let interval = budget.interval / .seconds(1)
        let pollingRate = Double(polling * coins) / interval
        let reconcilingRate = Double(reconciling * coins) / (stream.reconcileInterval / .seconds(1))
        self.limitPerSecond = Self.rounded(limit)
        self.exchangeLimitPerSecond = 120
        self.requestsPerSweep = coins
        self.pollingAccounts = polling
        self.configuredPollMilliseconds = Int64((configured * 1_000).rounded())
        self.pollMilliseconds = Int64((interval * 1_000).rounded(.up))
        self.pollingPerSecond = Self.rounded(pollingRate)
        self.reconcilingAccounts = reconciling
        self.reconcilingPerSecond = Self.rounded(reconcilingRate)
        self.totalPerSecond = Self.rounded(pollingRate + reconcilingRate)
    }

    /// Requests that one listing of an account's positions takes at least.
    static func requestsPerSweep(_ exchange: ExchangeConfiguration) -> Int {
        exchange.category == .inverse ? 1 : max(1, Set(exchange.settleCoins).count)
    }

    var isStretched: Bool { self.pollMilliseconds > self.configuredPollMilliseconds }

    /// How long so many sweeps take at the least.
    func time(ofSweeps count: Int) -> Duration { .seconds(Double(count * self.requestsPerSweep) / self.limitPerSecond) }

    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

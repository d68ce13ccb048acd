package import HybridStream

/// How often a fleet can be polled over REST: its polling gets half of the REST budget, the rest is for sweeps after a connect,
/// fallback and orders.
package struct PollBudget: Sendable, Equatable {
    /// Between two sweeps of one account.
    package var interval: Duration
    /// Made by all polled accounts together, rounded up at the second digit.
    package var requestsPerSecond: FixedPoint
    /// The configured interval is too short for so many accounts.
    package var isStretched: Bool

    /// - Parameters:
    ///   - budget: requests of this process per duration.
    ///   - configured: the interval that the file asks for.
    ///   - accounts: how many are polled.
    ///   - requestsPerSweep: one per settle coin; one for inverse contracts.
    package init(budget: RESTBudget, configured: Duration, accounts: Int, requestsPerSweep: Int) {
        let requests = Int128(max(0, accounts)) * Int128(max(1, requestsPerSweep))
        // Twice, because only half of the budget is for this; in whole milliseconds, rounded up.
        let needed = Self.quotient(
            2 * requests * Int128(budget.per.nanoseconds),
            Int128(max(1, budget.requests)) * 1_000_000
        )
        let neededInterval = Duration.milliseconds(Int64(clamping: needed))
        self.isStretched = neededInterval > configured
        self.interval = max(configured, neededInterval)
        let hundredths = Self.quotient(
            requests * 100 * 1_000_000_000,
            Int128(max(1, self.interval.nanoseconds))
        )
        self.requestsPerSecond = FixedPoint(mantissa: hundredths, scale: 2)
    }

    /// Rounded up.
    private static func quotient(_ value: Int128, _ divisor: Int128) -> Int128 { (value + divisor - 1) / divisor }
}

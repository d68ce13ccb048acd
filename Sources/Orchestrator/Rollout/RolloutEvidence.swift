package import HybridStream

/// All that is known of one account at one instant as far as its rollout depends on it. The shell fills one in about once a
/// second, from values that it has at hand.
package struct RolloutEvidence: Sendable {
    /// A held symbol's marks, as the hybrid stream gets them.
    package struct Symbol: Sendable, Equatable {
        package var name: String
        /// Marks received within ``measured``.
        package var marks: Int
        /// The last minute or so, but not from before the symbol was held.
        package var measured: Duration
        /// Age of the newest mark; nil if none came while the symbol was held.
        package var lastMarkAge: Duration?

        package init(name: String, marks: Int, measured: Duration, lastMarkAge: Duration?) {
            self.name = name
            self.marks = marks
            self.measured = measured
            self.lastMarkAge = lastMarkAge
        }
    }

    package enum PrivateConnection: Sendable, Equatable {
        case up
        case down(since: Uptime)
    }

    package enum TickerFeed: Sendable, Equatable {
        case live
        /// Nobody holds anything, so it need not be connected.
        case idle
        case down(since: Uptime)
    }

    package var stage: RolloutStage
    /// When the mode, or the step of the cutover, began; of a process that has just started, its start.
    package var stageBegan: Uptime
    /// How many legs are open.
    package var openPositions = 0
    /// Since when at least one leg has been open all the time; nil if none is.
    package var openSince: Uptime?
    /// Held symbols, each once.
    package var symbols: [Symbol] = []
    /// Attempts of the account's hybrid stream to connect that failed.
    package var failedConnects: FailureTimes
    /// Subscriptions of the account's hybrid stream that failed: the private topic's, and those of tickers it holds.
    package var failedSubscriptions: FailureTimes
    package var comparison = StreamComparison.Summary()
    package var privateConnection = PrivateConnection.up
    package var tickerFeed = TickerFeed.idle
    /// When the hybrid stream last told anything: a mark, a change. When it was started, if it has told nothing yet.
    package var lastEvent: Uptime
    /// Confirmed by the comparison since the last evidence.
    package var divergences: [Divergence] = []
    /// The comparison has found something that is not settled, or lasts.
    package var hasDoubts = false
    /// Consumers that failed on an event since the last evidence, each with its name and why.
    package var consumerFailures: [String] = []

    package init(
        stage: RolloutStage,
        stageBegan: Uptime,
        lastEvent: Uptime,
        failedConnects: FailureTimes,
        failedSubscriptions: FailureTimes
    ) {
        self.stage = stage
        self.stageBegan = stageBegan
        self.lastEvent = lastEvent
        self.failedConnects = failedConnects
        self.failedSubscriptions = failedSubscriptions
    }
}

extension RolloutConfiguration {
    /// What counts the failed connects that the canary gate asks for.
    package var connectFailures: FailureTimes { FailureTimes(limit: self.gates.canary.maxFailedConnects) }

    /// What counts the failed subscriptions that a rollback asks for.
    package var subscriptionFailures: FailureTimes {
        FailureTimes(limit: self.rollbackWhen.subscriptionFailuresPerHour)
    }

    /// For how long what a comparison has found counts in a mode.
    package func comparisonWindow(in mode: Mode) -> Duration {
        mode == .cutover ? self.gates.cutover.soak : self.gates.parallel.soak
    }
}

package import HybridStream
package import NIOCore

/// One event loop of the fleet with what its accounts share. Its members are touched on that loop only.
package final class FleetLoop: @unchecked Sendable {
    package let eventLoop: any EventLoop
    package let hub: MarkHub
    package let pipeline: PipelineLoop
    package private(set) var accounts: [AccountSupervisor] = []

    package init(eventLoop: any EventLoop, feed: TickerFeed, recent: RecentEvents, time: TimeSource = .system) {
        self.eventLoop = eventLoop
        self.hub = feed.makeHub(on: eventLoop)
        let pipeline = PipelineLoop(recent: recent, clock: time)
        self.pipeline = pipeline
        self.hub.onBatchCompleted = { pipeline.batchEnded() }
    }

    package func add(_ account: AccountSupervisor) {
        self.eventLoop.assertInEventLoop()
        self.accounts.append(account)
    }

    package func remove(_ account: AccountSupervisor) {
        self.eventLoop.assertInEventLoop()
        self.accounts.removeAll { $0 === account }
    }

    /// Runs `body` on the loop for each of its accounts and returns what it says.
    package func collect<Value: Sendable>(
        _ body: @escaping @Sendable (AccountSupervisor) -> Value?
    ) async throws -> [Value] {
        try await self.eventLoop.submit { self.accounts.compactMap(body) }.get()
    }

    /// From now on the accounts of `loops` hear what befalls the tickers that they hold.
    package static func connect(_ loops: [FleetLoop], to feed: TickerFeed) {
        @Sendable func tellAll(_ body: @escaping @Sendable (AccountSupervisor) -> Void) {
            for loop in loops {
                loop.eventLoop.execute {
                    for account in loop.accounts { body(account) }
                }
            }
        }
        feed.eventLoop.execute {
            feed.onQuarantine = { symbol, text in tellAll { $0.tickerQuarantined(symbol, text: text) } }
            feed.onGap = { gap in tellAll { $0.tickersChanged(gap) } }
        }
    }
}

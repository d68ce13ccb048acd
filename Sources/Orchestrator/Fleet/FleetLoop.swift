import HybridStream
import NIOCore

/// One event loop of the fleet with what its accounts share. Its members are touched on that loop only.
final class FleetLoop: @unchecked Sendable {
    let eventLoop: any EventLoop
    let hub: MarkHub
    let pipeline: PipelineLoop
    private(set) var accounts: [AccountSupervisor] = []

    init(eventLoop: any EventLoop, feed: TickerFeed, recent: RecentEvents) {
        self.eventLoop = eventLoop
        self.hub = feed.makeHub(on: eventLoop)
        let pipeline = PipelineLoop(recent: recent)
        self.pipeline = pipeline
        self.hub.onBatchCompleted = { pipeline.batchEnded() }
    }

    func add(_ account: AccountSupervisor) {
        self.eventLoop.assertInEventLoop()
        self.accounts.append(account)
    }

    /// Runs `body` on the loop for each of its accounts and returns what it says.
    func collect<Value: Sendable>(_ body: @escaping @Sendable (AccountSupervisor) -> Value?) async throws -> [Value] {
        try await self.eventLoop.submit { self.accounts.compactMap(body) }.get()
    }
}

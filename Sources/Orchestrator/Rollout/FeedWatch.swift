package import HybridStream

/// How the shared ticker connection has been doing, as one account's rollout sees it.
package struct FeedWatch: Sendable {
    private var downSince: Uptime?

    package init() {}

    /// To be called about once a second.
    package mutating func look(_ feed: TickerFeed.Snapshot, now: Uptime) -> RolloutEvidence.TickerFeed {
        if feed.isLive || feed.isIdle {
            self.downSince = nil
            return feed.isLive ? .live : .idle
        }
        let since = self.downSince ?? now
        self.downSince = since
        return .down(since: since)
    }
}

package import HybridStream

/// When something failed: as many of the newest times as it takes to see that a limit is passed. Bounded by that.
package struct FailureTimes: Sendable, Equatable {
    /// Oldest first.
    private var times: [Uptime] = []
    private var kept: Int

    /// - Parameter limit: the largest number of failures that anybody asks about; one more is kept.
    package init(limit: Int) {
        self.kept = max(0, limit) + 1
    }

    /// Another limit applies from now on, also to what has failed already.
    package mutating func setLimit(_ limit: Int) {
        self.kept = max(0, limit) + 1
        if self.times.count > self.kept { self.times.removeFirst(self.times.count - self.kept) }
    }

    package mutating func add(_ now: Uptime) {
        if self.times.count >= self.kept { self.times.removeFirst(self.times.count - self.kept + 1) }
        self.times.append(now)
    }

    /// How many there were within the time before `now`, at most one more than the limit.
    package func count(within window: Duration, now: Uptime) -> Int {
        let start = now + (.zero - window)
        return self.times.count - self.times.prefix { $0 <= start }.count
    }
}

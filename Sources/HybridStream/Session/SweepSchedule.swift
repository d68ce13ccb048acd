/// When the next position sweep is due. One is in flight at most.
struct SweepSchedule: Sendable {
    private let retry: Duration
    private let longestRetry: Duration
    private(set) var isInFlight = false
    private var dueAt = Uptime.distantFuture
    /// Asked for while one was in flight: that one may have left too early to answer.
    private(set) var isRequestedAgain = false
    private(set) var failures = 0

    init(retry: Duration = .seconds(1), longestRetry: Duration = .seconds(30)) {
        self.retry = retry
        self.longestRetry = longestRetry
    }

    var deadline: Uptime { self.isInFlight ? .distantFuture : self.dueAt }

    /// A sweep that leaves now or later is needed.
    mutating func request(now: Uptime) {
        if self.isInFlight { self.isRequestedAgain = true }
        self.dueAt = now
    }

    /// One is due no later than `time`, also if one is in flight.
    mutating func request(by time: Uptime) {
        self.dueAt = min(self.dueAt, time)
    }

    /// True if one has to start now.
    mutating func start(now: Uptime) -> Bool {
        guard !self.isInFlight, now >= self.dueAt else { return false }
        self.isInFlight = true
        self.isRequestedAgain = false
        self.dueAt = .distantFuture
        return true
    }

    mutating func finished(success: Bool, interval: Duration, now: Uptime) {
        self.isInFlight = false
        if self.isRequestedAgain {
            self.dueAt = now
        } else if success {
            self.dueAt = min(self.dueAt, now + interval)
        } else {
            self.dueAt = now + min(min(self.longestRetry, interval), self.retry * (1 << min(self.failures, 10)))
        }
        self.failures = success ? 0 : self.failures + 1
    }
}

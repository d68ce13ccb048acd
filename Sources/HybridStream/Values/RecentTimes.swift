/// How often something happened in the last hour; bounded.
struct RecentTimes: Sendable {
    static let limit = 1000
    private var times: [Uptime] = []

    mutating func add(_ time: Uptime) {
        if self.times.count == Self.limit { self.times.removeFirst(Self.limit / 2) }
        self.times.append(time)
    }

    func count(now: Uptime) -> Int {
        self.times.reduce(0) { $0 + ($1 + .seconds(3600) > now ? 1 : 0) }
    }
}

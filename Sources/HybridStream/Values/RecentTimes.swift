/// How often something happened in the last hour, to the minute; bounded.
struct RecentTimes: Sendable {
    private static let kept = 60
    /// Oldest first; only minutes in which something happened.
    private var minutes: [(number: Int64, count: Int)] = []

    mutating func add(_ time: Uptime) {
        let number = Self.number(time)
        if let last = self.minutes.indices.last, self.minutes[last].number >= number {
            self.minutes[last].count += 1
            return
        }
        self.minutes.removeAll { $0.number <= number - Int64(Self.kept) }
        self.minutes.append((number, 1))
    }

    func count(now: Uptime) -> Int {
        let first = Self.number(now) - Int64(Self.kept)
        return self.minutes.reduce(0) { $0 + ($1.number > first ? $1.count : 0) }
    }

    private static func number(_ time: Uptime) -> Int64 { time.nanoseconds / 60_000_000_000 }
}

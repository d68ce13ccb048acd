/// How many connections may be attempted at a time while nobody knows whether the exchange can be reached at all.
///
/// An outage throws every account out in the same instant. Were all of them to try at once, the whole budget would be spent
/// in vain within a second, and nothing left of it when the exchange is back. So a few try first, each success lets more
/// follow, and after three failures in a row one attempt at a time finds out when it is worth it again.
public struct ConnectionPace: Sendable {
    /// What became of an attempt.
    public enum Outcome: Sendable {
        case connected
        case failed
        /// Given up before its outcome was known.
        case abandoned
    }

    /// So many attempts are under way at first; each success adds one.
    static let firstWindow = 16
    /// Failures in a row after which the exchange counts as out of reach.
    static let failuresToProbe = 3
    /// However long accounts would wait by themselves: one attempt in five seconds costs nothing.
    static let longestPause = Duration.seconds(5)
    /// An attempt whose outcome nobody has told for so long is none any more.
    static let patience = Duration.seconds(30)

    private let firstPause: Duration
    private let lastPause: Duration
    private var window = ConnectionPace.firstWindow
    /// When the attempts began whose outcome is not known, oldest first.
    private var underWay: [Uptime] = []
    private var failures = 0
    private var pause: Duration
    private var nextProbe = Uptime(nanoseconds: 0)

    /// - Parameters:
    ///   - initial: from the third failure to the first of the single attempts.
    ///   - max: between single attempts, which double their distance up to this or ``longestPause``.
    public init(initial: Duration = .milliseconds(500), max: Duration = .seconds(30)) {
        self.firstPause = min(initial, Self.longestPause)
        self.lastPause = min(max, Self.longestPause)
        self.pause = self.firstPause
    }

    /// One attempt at a time, until one succeeds.
    public var isProbing: Bool { self.failures >= Self.failuresToProbe }

    /// How many attempts may begin now.
    public mutating func room(now: Uptime) -> Int {
        if self.isProbing { return now >= self.nextProbe ? 1 : 0 }
        let forgotten = self.underWay.prefix { $0 + Self.patience <= now }.count
        self.underWay.removeFirst(forgotten)
        return max(0, self.window - self.underWay.count)
    }

    /// When there may be room although no outcome has been told.
    public var nextChance: Uptime? {
        if self.isProbing { return self.nextProbe }
        guard self.underWay.count >= self.window, let oldest = self.underWay.first else { return nil }
        return oldest + Self.patience
    }

    public mutating func began(_ count: Int, now: Uptime) {
        self.underWay.append(contentsOf: repeatElement(now, count: count))
        guard self.isProbing, count > 0 else { return }
        self.nextProbe = now + self.pause
        self.pause = min(self.pause * 2, self.lastPause)
    }

    public mutating func ended(_ outcome: Outcome, now: Uptime) {
        if !self.underWay.isEmpty { self.underWay.removeFirst() }
        switch outcome {
        case .connected:
            if self.isProbing { self.window = Self.firstWindow }
            self.failures = 0
            self.window += 1
        case .failed:
            self.failures += 1
            if self.failures == Self.failuresToProbe {
                self.pause = self.firstPause
                self.nextProbe = now + self.pause
            }
        case .abandoned:
            break
        }
    }
}

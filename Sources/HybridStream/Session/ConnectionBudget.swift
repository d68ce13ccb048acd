/// Keeps the process under the exchange's limit of new connections.
///
/// The exchange bans an address at 500 connections in five minutes, refused attempts included; this counts every attempt
/// in a sliding window and says when the next one may start. Who waits is served in order of urgency, then of arrival.
public struct ConnectionBudget: Sendable {
    /// Who goes first when there is not enough for all.
    public enum Urgency: Int, Sendable, Comparable {
        /// The shared ticker connection: all accounts depend on it.
        case tickers
        /// An account that holds positions.
        case holding
        case flat

        public static func < (left: Urgency, right: Urgency) -> Bool { left.rawValue < right.rawValue }
    }

    /// Stands for one waiting caller.
    public typealias Ticket = UInt64

    public let connections: Int
    public let per: Duration
    /// So many attempts are kept for the tickers: when a thousand accounts have used up theirs in vain, the connection that
    /// all of them need must not wait for minutes.
    public var reserve: Int { self.connections / 20 }
    private var attempts: [Uptime] = []
    private var firstAttempt = 0
    public private(set) var pace: ConnectionPace
    private var waiting: [(urgency: Urgency, ticket: Ticket)] = []

    public init(connections: Int, per: Duration, pace: ConnectionPace = ConnectionPace()) {
        self.pace = pace
        self.connections = max(1, connections)
        self.per = per
    }

    /// Attempts in the window that ends now.
    public mutating func used(now: Uptime) -> Int {
        self.forget(before: now)
        return self.attempts.count - self.firstAttempt
    }

    public var waitingCount: Int { self.waiting.count }

    public mutating func enqueue(_ ticket: Ticket, urgency: Urgency) {
        let place = self.waiting.firstIndex { urgency < $0.urgency } ?? self.waiting.endIndex
        self.waiting.insert((urgency, ticket), at: place)
    }

    public mutating func cancel(_ ticket: Ticket) {
        self.waiting.removeAll { $0.ticket == ticket }
    }

    /// The tickets that may connect now, in order, and when to ask again for the rest.
    public mutating func grant(now: Uptime) -> (granted: [Ticket], next: Uptime?) {
        self.forget(before: now)
        let free = max(0, self.connections - (self.attempts.count - self.firstAttempt))
        let tickers = self.waiting.prefix(free).prefix { $0.urgency == .tickers }.count
        let others = max(0, min(free - self.reserve, free - tickers, self.pace.room(now: now)))
        let granted = self.waiting.prefix(tickers + others).map(\.ticket)
        self.waiting.removeFirst(granted.count)
        self.attempts.append(contentsOf: repeatElement(now, count: granted.count))
        self.pace.began(granted.count - tickers, now: now)
        if self.waiting.isEmpty { return (granted, nil) }
        // Both may have to come true; whoever asks too early asks again.
        let slides = self.firstAttempt < self.attempts.count ? self.attempts[self.firstAttempt] + self.per : nil
        let next = [slides, self.pace.nextChance].compactMap { $0 }.filter { $0 > now }.min()
        return (granted, next)
    }

    /// What became of an attempt of an account, which decides how many may follow.
    public mutating func ended(_ outcome: ConnectionPace.Outcome, now: Uptime) {
        self.pace.ended(outcome, now: now)
    }

    private mutating func forget(before now: Uptime) {
        while self.firstAttempt < self.attempts.count, self.attempts[self.firstAttempt] + self.per <= now {
            self.firstAttempt += 1
        }
        if self.firstAttempt > 1024 {
            self.attempts.removeFirst(self.firstAttempt)
            self.firstAttempt = 0
        }
    }
}

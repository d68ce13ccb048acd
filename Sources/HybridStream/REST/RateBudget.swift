/// Keeps the REST calls of the process under the exchange's limits, and silent during a ban.
///
/// Three limits hold at once: so many calls in any window of the process-wide budget; so many under way; and per account
/// and endpoint what the exchange's headers say (see ``EndpointLimits``). Who waits is served by priority, then by
/// arrival; a lower priority gets a share however busy the higher ones are, and a caller whose endpoint must wait holds
/// up nobody else.
///
/// After a 403 nothing is sent at all for the pause; then one probe goes out, and only its success opens the gate again.
/// Sources: https://bybit-exchange.github.io/docs/v5/rate-limit
public struct RateBudget: Sendable {
    /// Who goes first when there is not enough for all.
    public enum Priority: Int, Sendable, Comparable, CaseIterable {
        /// Positions of accounts that hold some, and the fate of orders.
        case high
        case normal
        /// Reconciling and polling while all is well.
        case low

        public static func < (left: Priority, right: Priority) -> Bool { left.rawValue < right.rawValue }
    }

    /// Stands for one caller, from its arrival until it has finished.
    public typealias Ticket = UInt64

    /// Whether the exchange has banned this address.
    public enum Ban: Sendable, Equatable {
        case none
        /// Nothing is sent until then.
        case paused(until: Uptime)
        /// The pause is over and one request is under way to see whether the ban is lifted.
        case probing
    }

    /// How a call ended, as far as limits are concerned.
    public enum Outcome: Sendable, Equatable {
        /// The exchange answered, with success or an error of its own. Calls left in this window, and its end.
        case answered(remaining: Int?, resetsAt: Uptime?)
        /// 10006: too many calls of this account to this endpoint.
        case limited(resetsAt: Uptime?)
        /// HTTP 429: everybody should wait.
        case overloaded(Duration?)
        /// HTTP 403.
        case banned
        /// No answer.
        case failed
    }

    /// What can happen now.
    public struct Grants: Sendable, Equatable {
        /// May send now, in this order; each ends with ``RateBudget/finish(_:outcome:now:)``.
        public var granted: [Ticket] = []
        /// Will not be served because of a ban.
        public var refused: [Ticket] = []
        /// When to ask again for the rest, unless something finishes before.
        public var next: Uptime?
    }

    /// The pause after a 429 or a 10006 that does not say how long.
    public static let defaultPause: Duration = .seconds(2)
    /// The pause after a probe that got no answer.
    public static let probePause: Duration = .seconds(5)
    /// A waiting lower priority is passed over this many times, then served once.
    static let patience: [Priority: Int] = [.normal: 8, .low: 16]

    public let requests: Int
    public let per: Duration
    public let banPause: Duration
    public let maxUnderWay: Int
    public let maxWaiting: Int

    private struct Waiter {
        var ticket: Ticket
        var endpoint: EndpointLimits.Endpoint
    }

    private var waiting: [Priority: [Waiter]] = [:]
    private var passedOver: [Priority: Int] = [:]
    private var underWay: [Ticket: EndpointLimits.Endpoint] = [:]
    private var limits = EndpointLimits()
    private var sent: [Uptime] = []
    private var firstSent = 0
    private var pausedUntil = Uptime(nanoseconds: .min)
    private var bannedUntil: Uptime?
    private var probe: Ticket?

    /// - Parameters:
    ///   - requests: never more than this many in any window of length `per`.
    ///   - banPause: how long to be silent after a 403.
    ///   - maxUnderWay: replies awaited at the same time; the size of the connection pool.
    ///   - maxWaiting: further callers are turned away.
    public init(requests: Int, per: Duration, banPause: Duration, maxUnderWay: Int = 32, maxWaiting: Int = 8192) {
        self.requests = max(1, requests)
        self.per = max(.milliseconds(1), per)
        self.banPause = banPause
        self.maxUnderWay = max(1, maxUnderWay)
        self.maxWaiting = max(1, maxWaiting)
    }

    /// Calls sent in the window that ends now.
    public mutating func used(now: Uptime) -> Int {
        self.forget(before: now)
        return self.sent.count - self.firstSent
    }

    public var waitingCount: Int { self.waiting.values.reduce(0) { $0 + $1.count } }
    public var underWayCount: Int { self.underWay.count }

    public var ban: Ban {
        if self.probe != nil { return .probing }
        if let until = self.bannedUntil { return .paused(until: until) }
        return .none
    }

    /// A caller arrives.
    /// - Parameter account: nil for public calls.
    /// - Returns: false if too many wait already; the caller must then give up.
    public mutating func enqueue(_ ticket: Ticket, account: String?, endpoint: String, priority: Priority) -> Bool {
        guard self.waitingCount < self.maxWaiting else { return false }
        let waiter = Waiter(ticket: ticket, endpoint: .init(account: account, path: endpoint))
        self.waiting[priority, default: []].append(waiter)
        return true
    }

    /// A waiting caller leaves. One that was granted finishes instead.
    public mutating func cancel(_ ticket: Ticket) {
        for priority in Priority.allCases {
            self.waiting[priority]?.removeAll { $0.ticket == ticket }
        }
    }

    /// Who may send now.
    public mutating func grant(now: Uptime) -> Grants {
        self.forget(before: now)
        var grants = Grants()
        if let until = self.bannedUntil {
            guard now >= until else {
                grants.refused = self.turnAwayAll()
                return grants
            }
            guard self.probe == nil else { return grants }
        }
        while self.waitingCount > 0 {
            if now < self.pausedUntil {
                grants.next = self.pausedUntil
                return grants
            }
            // What is under way must finish first, and whoever finishes asks again.
            guard self.underWay.count < self.maxUnderWay else { return grants }
            guard self.sent.count - self.firstSent < self.requests else {
                grants.next = self.sent[self.firstSent] + self.per
                return grants
            }
            guard let waiter = self.takeNext(now: now) else {
                grants.next = self.waiting.values.joined().compactMap { self.limits.readyAt($0.endpoint, now: now) }
                    .min()
                return grants
            }
            self.sent.append(now)
            self.underWay[waiter.ticket] = waiter.endpoint
            self.limits.began(waiter.endpoint)
            grants.granted.append(waiter.ticket)
            if self.bannedUntil != nil {
                self.probe = waiter.ticket
                return grants
            }
        }
        return grants
    }

    /// A granted call has ended.
    public mutating func finish(_ ticket: Ticket, outcome: Outcome, now: Uptime) {
        guard let endpoint = self.underWay.removeValue(forKey: ticket) else { return }
        self.limits.ended(endpoint, outcome: outcome, now: now)
        let wasProbe = self.probe == ticket
        if wasProbe { self.probe = nil }
        switch outcome {
        case .banned:
            self.bannedUntil = now + self.banPause
        case .failed:
            if wasProbe { self.bannedUntil = now + min(self.banPause, Self.probePause) }
        case .overloaded(let pause):
            self.pausedUntil = max(self.pausedUntil, now + (pause ?? Self.defaultPause))
            if wasProbe { self.bannedUntil = nil }
        case .answered, .limited:
            // Only the probe shows that a ban is over: other answers may have been under way when it began.
            if wasProbe { self.bannedUntil = nil }
        }
    }
}

extension RateBudget {
    /// Removes the waiting caller who is next and whose endpoint is ready; nil if there is none.
    private mutating func takeNext(now: Uptime) -> Waiter? {
        var ready: [(priority: Priority, index: Int)] = []
        for priority in Priority.allCases {
            guard let queue = self.waiting[priority] else { continue }
            if let index = queue.firstIndex(where: { self.limits.isReady($0.endpoint, now: now) }) {
                ready.append((priority, index))
            }
        }
        guard let first = ready.first else { return nil }
        let overdue = ready.last { candidate in
            guard let patience = Self.patience[candidate.priority] else { return false }
            return self.passedOver[candidate.priority, default: 0] >= patience
        }
        let chosen = overdue ?? first
        for candidate in ready where candidate.priority > chosen.priority {
            self.passedOver[candidate.priority, default: 0] += 1
        }
        self.passedOver[chosen.priority] = 0
        return self.waiting[chosen.priority]?.remove(at: chosen.index)
    }

    private mutating func turnAwayAll() -> [Ticket] {
        let tickets = Priority.allCases.flatMap { self.waiting[$0] ?? [] }.map(\.ticket)
        self.waiting.removeAll()
        self.passedOver.removeAll()
        return tickets
    }

    private mutating func forget(before now: Uptime) {
        while self.firstSent < self.sent.count, self.sent[self.firstSent] + self.per <= now {
            self.firstSent += 1
        }
        if self.firstSent > 1024 {
            self.sent.removeFirst(self.firstSent)
            self.firstSent = 0
        }
    }
}

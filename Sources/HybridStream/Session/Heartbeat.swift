/// When to ping, and when an unanswered ping means that the peer is gone.
///
/// The exchange wants a JSON ping every 20 s and cuts a private socket after ten minutes with neither ping nor data.
/// Any inbound frame counts as life, so a busy socket is never taken for dead because a pong was late.
public struct Heartbeat: Sendable {
    public enum Action: Equatable, Sendable {
        case none
        case ping
        /// A ping was sent and nothing at all came for the whole timeout.
        case dead
    }

    private let interval: Duration
    private let timeout: Duration
    private var nextPing: Uptime
    private var pingSent: Uptime?
    private var lastFrame: Uptime

    public init(interval: Duration, timeout: Duration, now: Uptime) {
        self.interval = interval
        self.timeout = timeout
        self.nextPing = now + interval
        self.lastFrame = now
    }

    public mutating func received(now: Uptime) {
        self.lastFrame = now
        self.pingSent = nil
    }

    public mutating func check(now: Uptime) -> Action {
        if let sent = self.pingSent, now >= sent + self.timeout { return .dead }
        if now >= self.nextPing {
            self.nextPing = now + self.interval
            if self.pingSent == nil { self.pingSent = now }
            return .ping
        }
        return .none
    }

    public var deadline: Uptime {
        guard let sent = self.pingSent else { return self.nextPing }
        return min(self.nextPing, sent + self.timeout)
    }
}

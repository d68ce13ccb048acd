/// What is known about the exchange's clock, as a pure function of the monotonic clock.
///
/// A reply that names the server's time bounds it from both sides: when the request left the server had not yet reached
/// that time, when the reply came it had passed it. The middle of the two is the best guess, half the distance its
/// error. Signing ahead of the server fails from one second on whatever the receive window, signing behind it is
/// forgiven for seconds, so ``milliseconds(at:)`` stays at the early edge of what is possible.
///
/// The wall clock has no part in it: it may jump by hours without disturbing a signature.
public struct ServerTime: Sendable {
    /// The server's time minus the monotonic clock, in nanoseconds: somewhere between the two.
    private struct Bounds {
        var lower: Int64
        var upper: Int64
        var measured: Uptime

        var width: Int64 { self.upper - self.lower }

        /// Behind the middle by the possible error, but by no more than ``ServerTime/maxMargin``.
        var offset: Int64 {
            self.lower + self.width / 2 - min(self.width / 2, ServerTime.maxMargin.nanoseconds)
        }
    }

    /// A better sample is preferred to a newer one for this long; then the clocks may have drifted apart.
    public static let maxAge: Duration = .seconds(600)
    /// How far behind the middle of a slow reply the clock is kept. Half a second leaves most of the receive window.
    public static let maxMargin: Duration = .milliseconds(500)

    private var bounds: Bounds?

    public init() {}

    public var isKnown: Bool { self.bounds != nil }

    /// Milliseconds since 1970 by the exchange's clock, a little behind rather than ahead; nil before the first sample.
    public func milliseconds(at now: Uptime) -> Int64? {
        guard let bounds = self.bounds else { return nil }
        return (now.nanoseconds + bounds.offset) / 1_000_000
    }

    /// Takes a sample into account.
    /// - Parameters:
    ///   - serverMilliseconds: the time that the reply named.
    ///   - sent: before the request left.
    ///   - received: after the reply came.
    ///   - replacing: the exchange has just refused our time: take the sample even if the old one looks better.
    /// - Returns: whether the estimate changed. Times before 1970 or past 2255, and replies before their requests, are
    ///   ignored.
    @discardableResult
    public mutating func record(
        serverMilliseconds: Int64,
        sent: Uptime,
        received: Uptime,
        replacing: Bool = false
    ) -> Bool {
        guard serverMilliseconds > 0, serverMilliseconds < 9_000_000_000_000, received >= sent else { return false }
        let server = serverMilliseconds * 1_000_000
        // The server cut its time down to a millisecond.
        let sample = Bounds(
            lower: server - received.nanoseconds,
            upper: server + 1_000_000 - sent.nanoseconds,
            measured: received
        )
        guard replacing || self.prefers(sample) else { return false }
        self.bounds = sample
        return true
    }

    private func prefers(_ sample: Bounds) -> Bool {
        guard let bounds = self.bounds else { return true }
        let age = sample.measured - bounds.measured
        if age >= Self.maxAge || sample.width <= bounds.width { return true }
        // Both cannot be true: one of the clocks was set. 20 ms and 100 ppm are what clocks are allowed to differ.
        let slack = 20_000_000 + age.nanoseconds / 10_000
        return sample.lower > bounds.upper + slack || sample.upper < bounds.lower - slack
    }
}

import Synchronization

/// The exchange's clock, shared by everything in the process that signs. See ``ServerTime`` for the reasoning.
public final class ServerClock: Sendable {
    private let time = Mutex(ServerTime())
    private let uptime: @Sendable () -> Uptime
    private let wall: @Sendable () -> Int64

    public convenience init() {
        self.init(uptime: Uptime.now, wall: WallClock.milliseconds)
    }

    /// With clocks of one's own, for tests and simulations.
    /// - Parameter wall: milliseconds since 1970.
    public init(uptime: @escaping @Sendable () -> Uptime, wall: @escaping @Sendable () -> Int64) {
        self.uptime = uptime
        self.wall = wall
    }

    /// Milliseconds since 1970 by the exchange's clock. Before the first sample the host's wall clock.
    public func nowMilliseconds() -> Int64 {
        self.time.withLock { $0 }.milliseconds(at: self.uptime()) ?? self.wall()
    }

    /// How far the exchange's clock is ahead of the host's wall clock now; 0 before the first sample.
    public var offsetMilliseconds: Int64 {
        guard let server = self.time.withLock({ $0 }).milliseconds(at: self.uptime()) else { return 0 }
        return server - self.wall()
    }

    /// Whether the exchange has told its time yet.
    public var isSynchronized: Bool { self.time.withLock { $0.isKnown } }

    /// Takes a time that the exchange named into account.
    /// - Parameters:
    ///   - serverMilliseconds: milliseconds since 1970.
    ///   - sentUptime: the monotonic clock before the request left.
    ///   - receivedUptime: the same after the reply came.
    ///   - replacing: the exchange has just refused our time: trust this sample more than any earlier one.
    public func record(
        serverMilliseconds: Int64,
        sentUptime: Uptime,
        receivedUptime: Uptime,
        replacing: Bool = false
    ) {
        self.time.withLock {
            _ = $0.record(
                serverMilliseconds: serverMilliseconds,
                sent: sentUptime,
                received: receivedUptime,
                replacing: replacing
            )
        }
    }

    /// The instant of the monotonic clock at which the exchange's clock shows a time; nil before the first sample.
    func uptime(atServerMilliseconds milliseconds: Int64) -> Uptime? {
        let now = self.uptime()
        guard let server = self.time.withLock({ $0 }).milliseconds(at: now) else { return nil }
        let (distance, overflow) = milliseconds.subtractingReportingOverflow(server)
        return overflow ? nil : now + .milliseconds(distance)
    }
}

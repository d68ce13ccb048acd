import Glibc

/// The clocks a pipeline reads. Replaced in tests.
public struct PipelineClock: Sendable {
    /// Nanoseconds on the monotonic clock on which frames are stamped (`CLOCK_MONOTONIC`).
    public var uptime: @Sendable () -> UInt64
    /// Milliseconds since 1970.
    public var wall: @Sendable () -> Int64

    public init(uptime: @escaping @Sendable () -> UInt64, wall: @escaping @Sendable () -> Int64) {
        self.uptime = uptime
        self.wall = wall
    }

    public static let system = PipelineClock(
        uptime: {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
        },
        wall: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) &* 1_000 &+ Int64(time.tv_nsec) / 1_000_000
        }
    )
}

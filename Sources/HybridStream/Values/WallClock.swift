import Glibc
public import NIOCore

/// The system's clock of the day. For timestamps that people and programs read, never for timers.
public enum WallClock {
    /// Milliseconds since 1970.
    public static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

extension Uptime {
    /// The machine's monotonic clock; the same as NIO's timers use.
    public static func now() -> Uptime {
        Uptime(nanoseconds: Int64(truncatingIfNeeded: NIODeadline.now().uptimeNanoseconds))
    }

    /// For scheduling on an event loop.
    public var deadline: NIODeadline { .uptimeNanoseconds(UInt64(max(0, self.nanoseconds))) }
}

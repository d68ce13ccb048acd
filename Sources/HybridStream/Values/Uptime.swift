/// An instant on a monotonic clock, in nanoseconds since an arbitrary start.
///
/// Machines get it as an argument and never ask a clock; timers therefore survive jumps of the wall clock, and a
/// simulation can run hours in milliseconds.
public struct Uptime: Sendable, Hashable, Comparable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    public static let distantFuture = Uptime(nanoseconds: .max)
    /// Far enough back for every age, near enough for subtraction.
    public static let distantPast = Uptime(nanoseconds: .min / 2)

    public static func < (left: Uptime, right: Uptime) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates instead of overflowing.
    public static func + (left: Uptime, right: Duration) -> Uptime {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanoseconds)
        return overflow ? .distantFuture : Uptime(nanoseconds: sum)
    }

    public static func - (left: Uptime, right: Uptime) -> Duration {
        .nanoseconds(left.nanoseconds - right.nanoseconds)
    }
}

extension Duration {
    /// Whole nanoseconds, saturating.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflow2) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        if overflow || overflow2 { return seconds < 0 ? .min : .max }
        return sum
    }

    /// Whole milliseconds.
    public var milliseconds: Int64 { self.nanoseconds / 1_000_000 }
}

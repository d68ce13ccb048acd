/// The clocks. Machines get the time as an argument; the shells around them take it from here, so that a simulation can
/// put its own in their place.
public struct TimeSource: Sendable {
    /// The monotonic clock, for everything that is measured or waited for.
    public var uptime: @Sendable () -> Uptime
    /// Milliseconds since 1970, for timestamps that people and programs read.
    public var wall: @Sendable () -> Int64

    public init(uptime: @escaping @Sendable () -> Uptime, wall: @escaping @Sendable () -> Int64) {
        self.uptime = uptime
        self.wall = wall
    }

    public static let system = TimeSource(uptime: Uptime.now, wall: WallClock.milliseconds)
}

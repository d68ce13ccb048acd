/// The lowest and the highest price of a time.
public struct MarkRange: Sendable, Equatable {
    public var low: FixedPoint
    public var high: FixedPoint

    public init(low: FixedPoint, high: FixedPoint) {
        self.low = low
        self.high = high
    }
}

/// The last marks of one symbol, so that a price that REST gave can be compared with those of the same time.
struct MarkHistory: Sendable {
    private struct Point {
        var price: FixedPoint
        var received: Uptime
    }

    /// Ten a second: a request that takes longer than this is not compared.
    static let capacity = 128

    /// A ring; empty until the first mark.
    private var points: ContiguousArray<Point> = []
    private var next = 0
    private var count: Int64 = 0
    private var last: Uptime?

    /// All marks since the process began, and when the newest came; nil if none came while somebody listened.
    var ticks: (count: Int64, last: Uptime?) { (self.count, self.last) }

    @inline(__always)
    mutating func append(_ mark: Mark, conflated: Int) {
        // What REST said in a ticker's place does not speak for the ticker.
        guard mark.source == .hybrid else { return }
        self.count &+= 1 &+ Int64(conflated)
        self.last = mark.receivedUptime
        let point = Point(price: mark.price, received: mark.receivedUptime)
        if self.points.count < Self.capacity {
            if self.points.isEmpty { self.points.reserveCapacity(Self.capacity) }
            self.points.append(point)
        } else {
            self.points[self.next] = point
            self.next = (self.next &+ 1) % Self.capacity
        }
    }

    /// Nobody listens any more: what came before is no neighbour of what comes later.
    mutating func end() {
        self.points.removeAll(keepingCapacity: true)
        self.next = 0
        self.last = nil
    }

    /// The prices that were in force at some time between two instants: what came in between, and what had come last before.
    /// Nil if nothing came that early, or if it is not remembered any more.
    func range(from: Uptime, to: Uptime) -> MarkRange? {
        var range: MarkRange?
        for offset in 0..<self.points.count {
            // From the newest to the oldest.
            let point = self.points[(self.next + self.points.count - 1 - offset) % self.points.count]
            if point.received > to { continue }
            if var known = range {
                known.low = min(known.low, point.price)
                known.high = max(known.high, point.price)
                range = known
            } else {
                range = MarkRange(low: point.price, high: point.price)
            }
            if point.received <= from { return range }
        }
        return nil
    }
}

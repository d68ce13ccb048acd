/// The newest mark price of a symbol and where it came from.
public struct Mark: Sendable {
    public var price: FixedPoint
    /// Cross sequence of the frame that carried it.
    public var cs: Int64
    /// Milliseconds since 1970 by the exchange's clock.
    public var exchangeTime: Int64
    /// Milliseconds since 1970 at which the frame was read.
    public var receivedTime: Int64
    /// The same instant on the monotonic clock.
    public var receivedUptime: Uptime
    /// `rest` where the ticker is silent and REST was asked instead.
    public var source: PositionUpdate.Source

    public init(
        price: FixedPoint,
        cs: Int64,
        exchangeTime: Int64,
        receivedTime: Int64,
        receivedUptime: Uptime,
        source: PositionUpdate.Source = .hybrid
    ) {
        self.price = price
        self.cs = cs
        self.exchangeTime = exchangeTime
        self.receivedTime = receivedTime
        self.receivedUptime = receivedUptime
        self.source = source
    }
}

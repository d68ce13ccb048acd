/// What an account's pipeline has done so far.
public struct PipelineMetrics: Sendable, Equatable {
    /// Events that were numbered and handed over.
    public var emitted: Int64 = 0
    /// Marks merged on the way to the account because its loop was behind. What sinks and followers merged is in the
    /// statistics of their queues.
    public var conflated: Int64 = 0
    /// Marks that reached no sink because the store did not lease numbers in time.
    public var withheld: Int64 = 0
    public var consumerErrors: Int64 = 0
    /// Mean over the last ten seconds.
    public var eventsPerSecond: Double = 0
    /// Milliseconds since 1970; nil before the first event.
    public var lastEventTime: Int64?
    /// From reading the frame to handing the event over, in microseconds; nil before the first.
    public var latencyP50: Int?
    public var latencyP99: Int?

    public init() {}
}

/// One merged event: what an account holds, and what it is worth now.
///
/// Made on the account's event loop and handed over there without allocating. The account's name and the number `n` are
/// added where the event enters the pipeline.
public struct PositionUpdate: Sendable {
    /// Why the event was made.
    public enum Cause: String, Sendable, CaseIterable {
        case opened, increased, reduced, flipped
        /// Leverage, a stop, the entry or another setting changed; the size did not.
        case amended
        case closed
        case mark
        /// The position was found as it was stored.
        case resync
        case stale, fresh

        /// Lifecycle events are delivered exactly once and never conflated.
        @inlinable
        public var isLifecycle: Bool {
            switch self {
            case .opened, .increased, .reduced, .flipped, .amended, .closed, .resync: true
            case .mark, .stale, .fresh: false
            }
        }
    }

    /// Which path produced it.
    public enum Source: String, Sendable {
        case hybrid, rest
    }

    public var cause: Cause
    public var source: Source
    /// The position after the event; flat after `closed`.
    public var position: Position
    /// A small number that stands for the position's key within its account for as long as the process runs.
    public var slot: Int
    /// The newest mark; the row's own while no ticker has come. Nil if neither is known.
    public var mark: FixedPoint?
    /// The mark is too old to act on, or none has come yet.
    public var stale: Bool
    /// How many marks were merged into this one.
    public var conflated: Int
    /// Of a lifecycle event the row's `seq`; of a mark the ticker's `cs`.
    public var seq: Int64
    /// Milliseconds since 1970 by the exchange's clock.
    public var exchangeTime: Int64
    /// Milliseconds since 1970 at which the frame was read.
    public var receivedTime: Int64
    /// The same instant on the monotonic clock, in nanoseconds, for measuring latency; 0 if no frame was read.
    public var receivedUptime: UInt64

    public init(
        cause: Cause,
        source: Source,
        position: Position,
        slot: Int,
        mark: FixedPoint?,
        stale: Bool,
        conflated: Int = 0,
        seq: Int64,
        exchangeTime: Int64,
        receivedTime: Int64,
        receivedUptime: UInt64 = 0
    ) {
        self.cause = cause
        self.source = source
        self.position = position
        self.slot = slot
        self.mark = mark
        self.stale = stale
        self.conflated = conflated
        self.seq = seq
        self.exchangeTime = exchangeTime
        self.receivedTime = receivedTime
        self.receivedUptime = receivedUptime
    }

    /// See ``Position/unrealizedPnL(at:)``; nil without a mark.
    @inlinable
    public var unrealizedPnL: FixedPoint? {
        guard self.position.isOpen else { return .zero }
        guard let mark = self.mark else { return nil }
        return self.position.unrealizedPnL(at: mark)
    }
}

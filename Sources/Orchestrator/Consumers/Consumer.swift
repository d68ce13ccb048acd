public import HybridStream

/// What a consumer decides by: one moment of one holding. There is none for a stale mark or an unknown side.
public struct Moment: Sendable {
    public var opening: Opening
    /// The newest row: side, size, entry.
    public var position: Position
    public var mark: FixedPoint
    /// Milliseconds since 1970 by the exchange's clock, as the events tell it, so that a recording decides as the live event did.
    public var time: Int64
    /// Prices are multiples of it.
    public var tickSize: FixedPoint
    /// The stop loss that stands: the row's, or what the exchange has accepted since.
    public var stop: FixedPoint?
    /// Whether the trailing stop is active or has triggered.
    public var isTrailing: Bool

    public init(
        opening: Opening,
        position: Position,
        mark: FixedPoint,
        time: Int64,
        tickSize: FixedPoint,
        stop: FixedPoint?,
        isTrailing: Bool
    ) {
        self.opening = opening
        self.position = position
        self.mark = mark
        self.time = time
        self.tickSize = tickSize
        self.stop = stop
        self.isTrailing = isTrailing
    }
}

/// What a consumer asks for.
public enum Intent: Sendable, Hashable {
    case setStop(price: FixedPoint, triggerBy: TriggerPrice)
    /// The exchange's own trailing stop: an absolute distance, armed once `activation` has been reached. An activation of
    /// zero arms it at once: the exchange would refuse a price that the mark has already reached.
    case setTrailingStop(distance: FixedPoint, activation: FixedPoint, triggerBy: TriggerPrice)
    case closePosition(CloseMethod)

    public enum CloseMethod: Sendable, Hashable {
        case market
        /// Immediate or cancel at this price.
        case limit(FixedPoint)
    }

    public var isClosing: Bool { if case .closePosition = self { true } else { false } }
}

/// What became of an intent.
public enum IntentOutcome: Sendable, Hashable {
    /// The exchange has accepted it (or would have: `dry_run`).
    case accepted
    /// The exchange declined, and a later attempt may succeed.
    case refused(isRateLimit: Bool)
    /// The exchange declined, and no attempt can succeed.
    case impossible
    /// An immediate-or-cancel order ended, and something of the position is left.
    case leftover
}

/// Marks between `low` and `high` (both exclusive) before `until` change nothing for a consumer: it need not be asked, unless
/// something else than the mark changes.
public struct QuietBand: Sendable, Equatable {
    public var low: FixedPoint
    public var high: FixedPoint
    /// Milliseconds since 1970.
    public var until: Int64

    public init(low: FixedPoint, high: FixedPoint, until: Int64) {
        self.low = low
        self.high = high
        self.until = until
    }

    /// Every mark counts.
    public static let none = QuietBand(low: .zero, high: .zero, until: .min)
}

/// A consumer: parameters and rules, without state of its own, a clock or I/O.
///
/// What it remembers of a holding is a ``Memory`` that the caller keeps. It changes in ``decide(_:_:)`` only by what was seen
/// (a peak, a phase), never by what was asked for: that is told in ``settled(_:_:_:time:)``, after the exchange's word.
public protocol Consumer: Sendable {
    associatedtype Memory: Decodable, Sendable, Equatable

    /// As in the configuration: `trailing_stop` …
    static var name: String { get }

    /// What is remembered of a holding that begins.
    func begin(_ opening: Opening) -> Memory

    /// Looks at a moment.
    /// - Returns: what to do, if anything, and which marks need not be shown next. An intent that cannot be carried out now
    ///   (one is under way) is simply asked for again at the next moment.
    /// - Throws: ``ConsumerError`` if the numbers do not fit.
    func decide(_ moment: Moment, _ memory: inout Memory) throws(ConsumerError) -> (intent: Intent?, quiet: QuietBand)

    /// The exchange has answered.
    func settled(_ intent: Intent, _ outcome: IntentOutcome, _ memory: inout Memory, time: Int64)
}

/// Why a consumer could not decide.
public struct ConsumerError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

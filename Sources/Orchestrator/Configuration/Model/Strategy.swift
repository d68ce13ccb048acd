public import HybridStream

/// The consumers of an account's pipeline with their parameters; nil = not part of it.
public struct Strategy: Sendable, Equatable {
    public var positionManager: PositionManagerParameters?
    public var trailingStop: TrailingStopParameters?
    public var agedMonitor: AgedMonitorParameters?
    public var sinks: [SinkConfiguration] = []

    public init() {}

    /// The account's name put into the paths and arguments of the sinks.
    func filled(account: String) -> Strategy {
        guard !self.sinks.isEmpty else { return self }
        var copy = self
        copy.sinks = self.sinks.map { $0.filled(account: account) }
        return copy
    }
}

/// Which price triggers a stop on the exchange.
public enum TriggerPrice: String, Sendable, CaseIterable, Codable {
    case mark = "MarkPrice"
    case last = "LastPrice"
    case index = "IndexPrice"
}

/// Parameters of the consumer that sees to it that each position is protected.
public struct PositionManagerParameters: Sendable, Equatable {
    /// Percent from entry; 0 = sets none.
    public var stopLossPercent = FixedPoint(4)
    public var unprotectedAlertAfter: Duration = .seconds(30)
    public var stopTriggerBy = TriggerPrice.mark

    public init() {}
}

/// Parameters of the consumer that follows the mark with a stop.
public struct TrailingStopParameters: Sendable, Equatable {
    public enum Execution: String, Sendable, CaseIterable, Codable {
        /// The stop loss is amended as the peak moves.
        case managed
        /// The exchange's own trailing stop is armed once.
        case exchange
    }

    public var activationPercent = FixedPoint(2)
    public var callbackPercent = FixedPoint(mantissa: 5, scale: 1)
    /// 0 = off.
    public var breakevenPercent = FixedPoint(mantissa: 5, scale: 1)
    public var execution = Execution.managed
    public var minUpdateInterval: Duration = .seconds(30)
    public var minImprovementPercent = FixedPoint(mantissa: 5, scale: 2)
    public var urgentImprovementPercent = FixedPoint(1)
    public var triggerBy = TriggerPrice.mark

    public init() {}
}

/// Parameters of the consumer that closes positions that have grown old.
public struct AgedMonitorParameters: Sendable, Equatable {
    public enum CloseWith: String, Sendable, CaseIterable, Codable {
        case market
        /// Immediate-or-cancel limit orders, three rounds, then market.
        case limit
    }

    public var maxAge: Duration = .seconds(10_800)
    public var gracePeriod: Duration = .seconds(10_800)
    /// Per hour after grace.
    public var lossStepPercent = FixedPoint(mantissa: 5, scale: 1)
    public var maxLossPercent = FixedPoint(10)
    /// Per side.
    public var commissionPercent = FixedPoint(mantissa: 5, scale: 2)
    public var closeWith = CloseWith.market
    public var limitOffsetPercent = FixedPoint(mantissa: 1, scale: 1)
    public var isSkippedWhileTrailing = true

    public init() {}
}

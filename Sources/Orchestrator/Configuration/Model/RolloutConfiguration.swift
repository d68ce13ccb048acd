public import HybridStream

/// When an account may go up a mode, and when it goes down by itself.
public struct RolloutConfiguration: Sendable, Equatable {
    /// False: only alert.
    public var isAutoRollback = true
    public var gates = RolloutGates()
    public var rollbackWhen = RollbackConditions()
    public var waves = RolloutWaves()

    public init() {}
}

/// What must hold in a mode before the next one.
public struct RolloutGates: Sendable, Equatable {
    public var canary = CanaryGate()
    public var parallel = ParallelGate()
    public var cutover = CutoverGate()

    public init() {}
}

public struct CanaryGate: Sendable, Equatable {
    /// How long everything must hold.
    public var soak: Duration = .seconds(600)
    /// Per held symbol.
    public var minUpdatesPerSecond = FixedPoint(1)
    public var maxUpdateAge: Duration = .seconds(10)
    public var maxFailedConnects = 0

    public init() {}
}

public struct ParallelGate: Sendable, Equatable {
    public var soak: Duration = .seconds(1_800)
    /// Share of marks that must agree.
    public var minAgreementPercent = FixedPoint(mantissa: 999, scale: 1)
    /// Marks this near to each other agree.
    public var agreementWithinPercent = FixedPoint(mantissa: 1, scale: 1)
    /// No mark may be further away.
    public var maxDivergencePercent = FixedPoint(1)

    public init() {}
}

public struct CutoverGate: Sendable, Equatable {
    /// Per step.
    public var soak: Duration = .seconds(14_400)
    /// Percent of the symbols that the hybrid stream drives, rising to 100.
    public var steps = [50, 100]

    public init() {}
}

/// What sends an account back to `rest` at once.
public struct RollbackConditions: Sendable, Equatable {
    public var bothDown: Duration = .seconds(300)
    /// While positions are open.
    public var noEvent: Duration = .seconds(300)
    /// More than this many.
    public var subscriptionFailuresPerHour = 10
    public var maxDivergencePercent = FixedPoint(1)

    public init() {}
}

/// How `promote --waves` takes the fleet up.
public struct RolloutWaves: Sendable, Equatable {
    /// How many accounts have been promoted when a wave is complete.
    public enum Size: Sendable, Equatable {
        case accounts(Int)
        /// 1…100 of the fleet.
        case percent(Int)
    }

    public var sizes: [Size] = [.accounts(1), .percent(10), .percent(50), .percent(100)]
    public var soak: Duration = .seconds(900)
    /// More unhealthy accounts than this stop the wave.
    public var maxUnhealthy = 0

    public init() {}
}

import HybridStream

/// Closes positions that have grown old: in `grace` at break-even after costs, afterwards at a loss that grows with time,
/// at last whatever the price.
public struct AgedMonitor: Consumer {
    public static let name = "aged_monitor"

    public let parameters: AgedMonitorParameters
    /// Ages at which phases begin, in milliseconds.
    private let graceAge: Int64
    let progressiveAge: Int64
    /// Commission of opening and closing, in percent.
    let cost: FixedPoint?

    public init(_ parameters: AgedMonitorParameters) {
        self.parameters = parameters
        self.graceAge = parameters.maxAge.milliseconds
        self.progressiveAge = self.graceAge.addingSaturating(parameters.gracePeriod.milliseconds)
        self.cost = parameters.commissionPercent.adding(parameters.commissionPercent)
    }

    /// After so many limit orders that have not closed the position, a market order does.
    static let mostLimitRounds = 3
    /// A position that is still there so long after its close was accepted is closed again, in milliseconds.
    static let closePatience: Int64 = 30_000

    /// 0.5 seconds doubling to 5, in milliseconds.
    static func pause(_ refusals: Int) -> Int64 {
        switch refusals {
        case ...1: 500
        case 2: 1_000
        case 3: 2_000
        case 4: 4_000
        default: 5_000
        }
    }

    /// - Parameter age: in milliseconds; negative where clocks differ.
    public func phase(age: Int64) -> Phase {
        if age < self.graceAge { return .fresh }
        return age < self.progressiveAge ? .grace : .progressive
    }

    public func begin(_ opening: Opening) -> Memory { Memory() }

    public func decide(
        _ moment: Moment,
        _ memory: inout Memory
    ) throws(ConsumerError) -> (intent: Intent?, quiet: QuietBand) {
        let began = moment.opening.began
        let age = moment.time - began
        let phase = self.phase(age: age)
        if memory.phase != phase { memory.phase = phase }
        var quiet = QuietBand.everything()
        switch phase {
        case .fresh: quiet.end(at: began.addingSaturating(self.graceAge))
        case .grace: quiet.end(at: began.addingSaturating(self.progressiveAge))
        case .progressive: break
        }
        guard phase != .fresh, !memory.isGivenUp, moment.opening.side != .none,
            !(moment.isTrailing && self.parameters.isSkippedWhileTrailing)
        else { return (nil, quiet) }
        if memory.retry.isWaiting(moment.time) {
            quiet.end(at: memory.retry.notBefore)
            return (nil, quiet)
        }
        let isDue =
            switch phase {
            case .fresh: false
            case .grace: try self.isEven(moment, &quiet)
            case .progressive: try self.isBearable(moment, lateBy: age - self.progressiveAge, &quiet)
            }
        guard isDue else { return (nil, quiet) }
        return (.closePosition(try self.method(moment, memory)), .none)
    }

    private func method(_ moment: Moment, _ memory: Memory) throws(ConsumerError) -> Intent.CloseMethod {
        guard self.parameters.closeWith == .limit, memory.limitRounds < Self.mostLimitRounds else { return .market }
        let side = moment.opening.side
        let what = "the limit price"
        let exact = try PercentMath.moved(moment.mark, by: side.move(-self.parameters.limitOffsetPercent), what)
        let price = try PercentMath.rounded(exact, to: moment.tickSize, up: side.roundsAwayUp, what)
        // Less than a tick cannot be an order's price.
        return price.isPositive ? .limit(price) : .market
    }

    public func settled(_ intent: Intent, _ outcome: IntentOutcome, _ memory: inout Memory, time: Int64) {
        guard case .closePosition(let method) = intent else { return }
        memory.retry.settled(
            outcome,
            time,
            isSuccess: false,
            acceptedPause: Self.closePatience,
            impossiblePause: 0,
            refusedPause: Self.pause
        )
        switch (outcome, method) {
        case (.impossible, _): memory.isGivenUp = true
        case (.leftover, .limit), (.refused, .limit): memory.limitRounds += 1
        case (.leftover, .market), (.refused, .market), (.accepted, _): break
        }
    }
}

extension Int64 {
    /// For times that come from outside and may be anything.
    func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }
}

/// Which consumers an account has, with their parameters, and whether their actions are carried out.
public struct DeskSettings: Sendable {
    public var account: String
    public var positionManager: PositionManager?
    public var trailingStop: TrailingStop?
    public var agedMonitor: AgedMonitor?
    public var isDryRun: Bool

    public init(account: String, strategy: Strategy, isDryRun: Bool) {
        self.account = account
        self.positionManager = strategy.positionManager.map { PositionManager($0) }
        self.trailingStop = strategy.trailingStop.map { TrailingStop($0) }
        self.agedMonitor = strategy.agedMonitor.map { AgedMonitor($0) }
        self.isDryRun = isDryRun
    }

    /// The consumers that there are, in the order in which they are called.
    public var seats: [ConsumerSeat] {
        ConsumerSeat.allCases.filter { self.hasSeat($0) }
    }

    @inline(__always)
    func hasSeat(_ seat: ConsumerSeat) -> Bool {
        switch seat {
        case .positionManager: self.positionManager != nil
        case .trailingStop: self.trailingStop != nil
        case .agedMonitor: self.agedMonitor != nil
        }
    }

    /// How long a position may be without a stop; nil if nobody watches that.
    var unprotectedAlertAfter: Duration? { self.positionManager?.parameters.unprotectedAlertAfter }
}

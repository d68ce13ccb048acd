import HybridStream

/// What the consumers of an account know of one holding.
struct Leg: Sendable {
    var opening: Opening
    var position: Position
    var managed: PositionManager.Memory?
    var trailing: TrailingStop.Memory?
    var aged: AgedMonitor.Memory?
    /// How many actions each consumer has asked for.
    var attempts = PerSeat(0)
    /// Actions in a row that failed.
    var failures = PerSeat(0)
    /// The action that changes the stop, if one is under way.
    var stopFlight: String?
    /// The action that closes the position, if one is under way: never two.
    var closeFlight: String?
    /// A stop that the exchange has accepted and no row has shown yet; in a dry run the one that would stand.
    var acceptedStop: FixedPoint?
    /// Until then an older row does not overrule it: by the exchange's clock, so that a recording decides the same.
    var acceptedUntil: Int64 = .min
    /// The same by this host's clock, for what is told when nothing is heard: it decides nothing.
    var countsUntil = Uptime.distantPast
    /// Accepted stops that no row has confirmed.
    var unconfirmed: [Action] = []
    /// Since when it has had no stop.
    var unprotectedSince: Uptime?
    /// The alert is open.
    var isUnprotected = false
    /// In a dry run: it would be closed by now, and nothing more is decided.
    var isVirtuallyClosed = false
    /// Something is remembered that the store does not have.
    var isDirty = false
    var tickSize: FixedPoint?

    init(opening: Opening, position: Position) {
        self.opening = opening
        self.position = position
    }

    /// The better of what the row shows and what was accepted since.
    var standingStop: FixedPoint? {
        let shown = Leg.price(self.position.stopLoss)
        guard let accepted = self.acceptedStop else { return shown }
        guard let shown else { return accepted }
        return self.opening.side == .buy ? max(shown, accepted) : min(shown, accepted)
    }

    /// A row without a stop may be an old one. Whoever only wants that there is a stop sets the best one that the exchange has
    /// accepted and no row has shown, so that none is moved against the position.
    func careful(_ intent: Intent, by seat: ConsumerSeat, _ mark: FixedPoint) -> Intent {
        guard seat == .positionManager, case .setStop(var price, let trigger) = intent else { return intent }
        let isLong = self.opening.side == .buy
        for case .setStop(let accepted, _) in self.unconfirmed.map(\.intent) {
            let isRight = isLong ? accepted < mark : accepted > mark
            if isRight, isLong ? accepted > price : accepted < price { price = accepted }
        }
        return .setStop(price: price, triggerBy: trigger)
    }

    /// Something follows the mark and will close the position.
    func isTrailing(_ trailingStop: TrailingStop?) -> Bool {
        guard let trailingStop, let state = self.trailing?.state, state != .waiting else { return false }
        // The exchange's own may have been refused, or taken away by somebody.
        return trailingStop.parameters.execution == .managed || Leg.price(self.position.trailingStop) != nil
    }

    /// Whether something on the exchange closes the position if the price turns.
    func isProtected(_ trailingStop: TrailingStop?) -> Bool {
        if Leg.price(self.position.stopLoss) != nil { return true }
        if Leg.price(self.position.trailingStop) == nil { return false }
        // The exchange's trailing stop that waits for its activation protects nothing yet.
        return !(trailingStop?.parameters.execution == .exchange && self.trailing?.state == .waiting)
    }

    /// Unset prices are empty or zero.
    static func price(_ text: String) -> FixedPoint? {
        guard !text.isEmpty, let value = FixedPoint(text), value.isPositive else { return nil }
        return value
    }
}

/// A ``QuietBand`` at the scale of a symbol's marks, which compares in a few instructions.
struct FastBand: Sendable {
    private var low: Int128 = .max
    private var high: Int128 = .min
    private var until: Int64 = .min
    private var scale: UInt8 = 0

    /// Every mark counts.
    static let none = FastBand()

    private init() {}

    /// - Parameter scale: of the mark that led to the band.
    init(_ band: QuietBand, scale: UInt8) {
        self.scale = scale
        self.until = band.until
        // Among multiples of the scale's unit: above `low` is above its floor, below `high` is below its ceiling.
        self.low = FastBand.floor(band.low, scale) ?? .max
        self.high = FastBand.floor(-band.high, scale).map { 0 &- $0 } ?? .min
    }

    @inline(__always)
    func covers(_ mark: FixedPoint, time: Int64) -> Bool {
        mark.scale == self.scale && mark.mantissa > self.low && mark.mantissa < self.high && time < self.until
    }

    private static func floor(_ value: FixedPoint, _ scale: UInt8) -> Int128? {
        if value.scale == scale { return value.mantissa }
        let distance = Int(scale) - Int(value.scale)
        var power: Int128 = 1
        for _ in 0..<abs(distance) {
            let (product, overflow) = power.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            power = product
        }
        if distance > 0 {
            let (product, overflow) = value.mantissa.multipliedReportingOverflow(by: power)
            if overflow { return value.mantissa < 0 ? .min + 1 : .max }
            return product
        }
        let (quotient, rest) = value.mantissa.quotientAndRemainder(dividingBy: power)
        return rest < 0 ? quotient - 1 : quotient
    }
}

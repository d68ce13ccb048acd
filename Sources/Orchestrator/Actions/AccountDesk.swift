public import HybridStream

/// Decides for one account: what its consumers remember of each holding, which of their intents become actions, and what is
/// done when the exchange's word is late, lost or a refusal.
///
/// A value without a clock and without I/O: it is told what happens and answers with ``DeskEffect``s, so that the same code
/// acts live, in a simulation and over a recording. The rules it keeps:
/// - Nothing is decided on a stale mark or an unknown side; state belongs to one holding and goes with it.
/// - At most one closing action of a position is under way, and at most one that changes its stop. The first one wins.
/// - An action is in the journal before it is sent. What it changes in a consumer is changed after the exchange's word.
/// - What may have been carried out is looked up before anything is sent again, and sent again under its own id only.
public struct AccountDesk: Sendable {
    public let settings: DeskSettings
    let firstSeat: ConsumerSeat?
    /// By slot of the account's book.
    var legs: ContiguousArray<Leg?> = []
    private var bands: ContiguousArray<PerSeat<FastBand>> = []
    var slots: [PositionKey: Int] = [:]
    var flights: [String: Flight] = [:]
    /// What the store remembers of holdings that have not been seen yet.
    var restored: [PositionKey: RestoredLeg] = [:]
    var tickSizes: [String: FixedPoint] = [:]
    /// How often the rules of a symbol could not be had.
    var missingInstruments: [String: Int] = [:]
    var effects: [DeskEffect] = []
    /// The exchange tells every change of a position at once. While it does not, the position is looked at before anything
    /// is sent: it may be another one by now.
    public var isListening = true
    /// Nothing new is decided any more; what is under way goes on.
    public var isFinishing = false
    /// Alerts that are open: for which legs and how bad, by code and symbol.
    var openAlerts: [String: [Int: PipelineEvent.Alert.Severity]] = [:]
    /// The exchange's time as the events tell it, in milliseconds since 1970: what is decided by. So a host whose clock is
    /// wrong decides the same, and a recording decides as the live events did.
    private(set) var clock: Int64 = 0
    /// When it was last moved on.
    private(set) var clockUptime = Uptime.distantPast
    /// An event may be ahead of the exchange's time as this host knows it by so much; more is an error in the event.
    static let clockTolerance: Int64 = 60_000

    public init(_ settings: DeskSettings) {
        self.settings = settings
        self.firstSeat = settings.seats.first
    }

    /// What is to be done, in order.
    public mutating func takeEffects() -> [DeskEffect] {
        if self.effects.isEmpty { return [] }
        defer { self.effects.removeAll() }
        return self.effects
    }

    public var hasEffects: Bool { !self.effects.isEmpty }

    /// The tick size of a symbol; nothing is decided about its positions before it is known.
    public mutating func setTickSize(_ tickSize: FixedPoint, of symbol: String) {
        self.missingInstruments[symbol] = nil
        for key in self.slots.keys where key.symbol == symbol { self.resolveInstrument(key) }
        if self.tickSizes[symbol] == tickSize { return }
        self.tickSizes[symbol] = tickSize
        for (key, slot) in self.slots where key.symbol == symbol {
            self.legs[slot]?.tickSize = tickSize
            self.wake(slot)
        }
    }

    // MARK: Events

    /// Whether an event means nothing to a consumer. Most marks end here.
    @inline(__always)
    public func isQuiet(_ seat: ConsumerSeat, _ update: PositionUpdate) -> Bool {
        guard update.cause == .mark, let mark = update.mark, update.slot < self.bands.count else { return false }
        return self.bands[update.slot][seat].covers(mark, time: update.exchangeTime)
    }

    /// The same of a mark for all consumers at once, by slot.
    @inline(__always)
    func isQuiet(_ slot: Int, _ mark: FixedPoint, time: Int64) -> Bool {
        guard slot < self.bands.count else { return false }
        let settings = self.settings
        return self.bands.withUnsafeBufferPointer { bands in
            (settings.positionManager == nil || bands[slot].positionManager.covers(mark, time: time))
                && (settings.trailingStop == nil || bands[slot].trailingStop.covers(mark, time: time))
                && (settings.agedMonitor == nil || bands[slot].agedMonitor.covers(mark, time: time))
        }
    }

    /// Shows an event to a consumer. To be called for each seat, in order.
    /// - Parameter n: the event's number.
    /// - Throws: ``ConsumerError`` if the consumer could not decide.
    public mutating func handle(
        _ seat: ConsumerSeat,
        _ update: PositionUpdate,
        n: Int64,
        at time: DeskTime
    ) throws(ConsumerError) {
        self.advanceClock(to: update.exchangeTime, time)
        if seat == self.firstSeat, update.cause != .mark || self.leg(update) == nil { self.follow(update, n, time) }
        guard !update.stale, let mark = update.mark, mark.isPositive, update.position.isOpen, self.leg(update) != nil
        else { return }
        try self.decide(seat, update.slot, mark, time)
    }

    private mutating func advanceClock(to exchangeTime: Int64, _ time: DeskTime) {
        guard exchangeTime > self.clock, exchangeTime - Self.clockTolerance <= time.wall else { return }
        self.clock = exchangeTime
        self.clockUptime = time.uptime
    }

    private func leg(_ update: PositionUpdate) -> Leg? {
        guard update.slot < self.legs.count, let leg = self.legs[update.slot], leg.opening.covers(update.position)
        else {
            return nil
        }
        return leg
    }

    /// Keeps the holdings in step with the book.
    private mutating func follow(_ update: PositionUpdate, _ n: Int64, _ time: DeskTime) {
        let slot = update.slot
        let position = update.position
        while self.legs.count <= slot {
            self.legs.append(nil)
            self.bands.append(PerSeat(.none))
        }
        if let leg = self.legs[slot], !leg.opening.covers(position) { self.end(slot, time) }
        guard position.isOpen else {
            // It was open when the former process ended.
            if let known = self.restored.removeValue(forKey: position.key) {
                self.effects.append(.forget(known.opening))
            }
            return
        }
        let isNew = self.legs[slot] == nil
        if isNew { self.begin(slot, position, n, time) }
        // What is said of the mark alone brings no row.
        if isNew || update.cause.isLifecycle { self.legs[slot]?.position = position }
        self.wake(slot)
        self.confirmStops(slot, at: time)
        self.judgeProtection(slot, at: time)
    }

    private mutating func begin(_ slot: Int, _ position: Position, _ n: Int64, _ time: DeskTime) {
        let known = self.restored.removeValue(forKey: position.key)
        var leg: Leg
        if let known, known.opening.covers(position) {
            leg = known.leg(position)
        } else {
            if let known { self.effects.append(.forget(known.opening)) }
            let now = self.clock > 0 ? self.clock : time.wall
            leg = Leg(opening: Opening(position, time: now, n: n), position: position)
        }
        if leg.managed == nil { leg.managed = self.settings.positionManager?.begin(leg.opening) }
        if leg.trailing == nil { leg.trailing = self.settings.trailingStop?.begin(leg.opening) }
        if leg.aged == nil { leg.aged = self.settings.agedMonitor?.begin(leg.opening) }
        leg.tickSize = self.tickSizes[position.key.symbol]
        leg.isDirty = true
        // It may have changed since it was asked for; whoever is asked keeps it for a while.
        self.effects.append(.needInstrument(position.key.symbol))
        // Of several the newest holds the place, whatever the order in which they are kept.
        let own = self.flights.values.filter { $0.action.opening == leg.opening }
        for flight in own.sorted(by: { ($0.action.created, $0.action.id) < ($1.action.created, $1.action.id) }) {
            if flight.action.intent.isClosing {
                leg.closeFlight = flight.action.id
            } else {
                leg.stopFlight = flight.action.id
            }
        }
        self.legs[slot] = leg
        self.slots[position.key] = slot
    }

    /// The one place where a holding ends, however that was learned.
    private mutating func end(_ slot: Int, _ time: DeskTime) {
        guard let leg = self.legs[slot] else { return }
        self.legs[slot] = nil
        self.slots[leg.opening.key] = nil
        self.bands[slot] = PerSeat(.none)
        for action in leg.unconfirmed {
            self.effects.append(.note(action, .done, code: nil, text: "the position is closed"))
        }
        self.endFlights(of: leg, at: time)
        self.resolveAlerts(of: leg)
        self.effects.append(.forget(leg.opening))
    }

    /// Every consumer is to be asked again.
    mutating func wake(_ slot: Int) { self.bands[slot] = PerSeat(.none) }

    // MARK: Decisions

    private mutating func decide(
        _ seat: ConsumerSeat,
        _ slot: Int,
        _ mark: FixedPoint,
        _ time: DeskTime
    ) throws(ConsumerError) {
        guard !self.isFinishing, var leg = self.legs[slot], let tickSize = leg.tickSize, !leg.isVirtuallyClosed
        else { return }
        if self.settings.isDryRun {
            if self.exitsVirtually(slot, leg, mark, seat) { return }
        } else if leg.acceptedStop != nil, self.clock > leg.acceptedUntil {
            // No row has shown it: it is not counted on any more.
            leg.acceptedStop = nil
        }
        let moment = Moment(
            opening: leg.opening,
            position: leg.position,
            mark: mark,
            time: self.clock,
            tickSize: tickSize,
            stop: leg.standingStop,
            isTrailing: leg.isTrailing(self.settings.trailingStop)
        )
        let intent: Intent?
        var quiet: QuietBand
        switch seat {
        case .positionManager:
            (intent, quiet) = try self.ask(self.settings.positionManager, &leg.managed, moment, &leg.isDirty)
        case .trailingStop:
            let wasTrailing = leg.isTrailing(self.settings.trailingStop)
            (intent, quiet) = try self.ask(self.settings.trailingStop, &leg.trailing, moment, &leg.isDirty)
            if leg.isTrailing(self.settings.trailingStop) != wasTrailing { self.bands[slot].agedMonitor = .none }
        case .agedMonitor:
            (intent, quiet) = try self.ask(self.settings.agedMonitor, &leg.aged, moment, &leg.isDirty)
        }
        if !self.settings.isDryRun, leg.acceptedStop != nil { quiet.end(at: leg.acceptedUntil + 1) }
        if self.settings.isDryRun, let stop = leg.acceptedStop {
            // The mark that reaches the stop that would stand must be looked at.
            if leg.opening.side == .buy { quiet.low = max(quiet.low, stop) } else { quiet.high = min(quiet.high, stop) }
        }
        self.bands[slot][seat] = FastBand(quiet, scale: mark.scale)
        self.legs[slot] = leg
        if let intent { self.begin(leg.careful(intent, by: seat, mark), by: seat, slot, time) }
    }

    private func ask<Asked: Consumer>(
        _ consumer: Asked?,
        _ memory: inout Asked.Memory?,
        _ moment: Moment,
        _ isDirty: inout Bool
    ) throws(ConsumerError) -> (Intent?, QuietBand) {
        guard let consumer, var changed = memory else {
            return (nil, QuietBand(low: moment.mark, high: moment.mark, until: .max))
        }
        let (intent, quiet) = try consumer.decide(moment, &changed)
        if changed != memory {
            memory = changed
            isDirty = true
        }
        return (intent, quiet)
    }

    /// Makes an action of an intent, unless another one has the right of way.
    private mutating func begin(_ intent: Intent, by seat: ConsumerSeat, _ slot: Int, _ time: DeskTime) {
        self.bands[slot][seat] = .none
        guard var leg = self.legs[slot], leg.closeFlight == nil, intent.isClosing || leg.stopFlight == nil else {
            return
        }
        leg.attempts[seat] += 1
        leg.isDirty = true
        let action = Action(
            id: OrderLink.make(
                account: self.settings.account,
                opening: leg.opening,
                seat: seat,
                attempt: leg.attempts[seat]
            ),
            seat: seat,
            opening: leg.opening,
            intent: intent,
            size: leg.position.size,
            attempt: leg.attempts[seat],
            isDryRun: self.settings.isDryRun,
            created: self.clock
        )
        self.legs[slot] = leg
        self.effects.append(.journal(action))
        if self.settings.isDryRun {
            self.effects.append(.tell(action.event(.journalled, code: nil, text: "dry run: nothing was sent")))
            self.settle(action, .accepted, slot, time)
            return
        }
        if intent.isClosing {
            self.legs[slot]?.closeFlight = action.id
        } else {
            self.legs[slot]?.stopFlight = action.id
        }
        self.flights[action.id] = Flight(action, phase: .journalling)
    }

    /// Tells a consumer what became of what it asked for.
    mutating func settle(_ action: Action, _ outcome: IntentOutcome, _ slot: Int, _ time: DeskTime) {
        guard var leg = self.legs[slot] else { return }
        switch action.seat {
        case .positionManager: self.inform(self.settings.positionManager, &leg.managed, action, outcome)
        case .trailingStop: self.inform(self.settings.trailingStop, &leg.trailing, action, outcome)
        case .agedMonitor: self.inform(self.settings.agedMonitor, &leg.aged, action, outcome)
        }
        leg.isDirty = true
        if outcome == .accepted {
            // An accepted order may still find nobody to trade with.
            if !action.intent.isClosing { leg.failures[action.seat] = 0 }
            if case .setStop(let price, _) = action.intent {
                leg.acceptedStop = price
                leg.acceptedUntil = self.clock + Flight.patience.milliseconds
                leg.countsUntil = time.uptime + Flight.patience
            }
            if action.isDryRun, action.intent.isClosing {
                leg.isVirtuallyClosed = true
                self.effects.append(.virtualExit(leg.opening, price: nil, seat: action.seat))
            }
        } else if outcome == .leftover {
            leg.failures[action.seat] = 0
        } else {
            leg.failures[action.seat] += 1
            // A price at a multiple of a former tick is refused.
            if !action.intent.isClosing { self.effects.append(.needInstrument(action.opening.key.symbol)) }
        }
        self.legs[slot] = leg
        self.judgeFailures(action, outcome, failures: leg.failures[action.seat])
        self.wake(slot)
    }

    private func inform<Told: Consumer>(
        _ consumer: Told?,
        _ memory: inout Told.Memory?,
        _ action: Action,
        _ outcome: IntentOutcome
    ) {
        guard let consumer, var changed = memory else { return }
        consumer.settled(action.intent, outcome, &changed, time: self.clock)
        memory = changed
    }

    /// In a dry run: whether the mark has reached the stop that would stand.
    private mutating func exitsVirtually(_ slot: Int, _ leg: Leg, _ mark: FixedPoint, _ seat: ConsumerSeat) -> Bool {
        guard let stop = leg.acceptedStop, leg.opening.side == .buy ? mark <= stop : mark >= stop else { return false }
        self.legs[slot]?.isVirtuallyClosed = true
        self.effects.append(.virtualExit(leg.opening, price: stop, seat: seat))
        return true
    }
}

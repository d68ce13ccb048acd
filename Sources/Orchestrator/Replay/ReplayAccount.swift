import HybridStream

/// One account of a recording: its legs as the events tell them, the desk that decides, and what comes of it.
struct ReplayAccount {
    let name: String
    private let mode: Mode
    private var desk: AccountDesk
    private var legs: ContiguousArray<ReplayLeg> = []
    private var slots: [PositionKey: Int] = [:]
    /// Nothing is decided between the end of a process and the beginning of the next.
    private var isDeciding = true
    private var life = 0
    private(set) var lastNumber: Int64 = 0
    private(set) var actions: [ReplayAction] = []
    /// In the order in which they began.
    private(set) var holdings: [ReplayHolding] = []
    private(set) var failures: [String] = []
    private(set) var guessedTickSizes: Set<String> = []
    /// What the journal would have without an end, by id: also a stop that was accepted and that no row has shown yet.
    /// The next process looks it up, and until then decides nothing that it would stand in the way of.
    private var unfinished: [String: Action] = [:]

    /// Whose answers count.
    enum Mode {
        /// The recording's: processes begin and end, and the exchange says, what the recording tells of them.
        case asRecorded(ReplaySurvey.Account)
        /// Whatever is asked for is granted.
        case whatIf
    }

    /// Failures that are kept.
    private static let mostFailures = 20

    private struct ReplayLeg {
        var position: Position
        var mark: FixedPoint?
        /// Index among the holdings, while one is open.
        var holding: Int?
    }

    /// - Parameter tickSizes: those that are known from the beginning.
    init(_ name: String, _ strategy: Strategy, _ mode: Mode, tickSizes: [String: FixedPoint]) {
        self.name = name
        self.mode = mode
        var isDryRun = true
        var late: Set<String> = []
        if case .asRecorded(let survey) = mode {
            isDryRun = survey.isDryRun ?? true
            late = survey.lateSymbols
        }
        self.desk = AccountDesk(DeskSettings(account: name, strategy: strategy, isDryRun: isDryRun))
        for (symbol, size) in tickSizes where !late.contains(symbol) { self.desk.setTickSize(size, of: symbol) }
        self.knownTickSizes = Set(tickSizes.keys)
    }

    /// Symbols whose tick size need not be guessed.
    private var knownTickSizes: Set<String>

    // MARK: Lines

    /// - Returns: the slot of the position, if it is one's.
    mutating func take(_ line: RecordedLine) -> Int? {
        self.lastNumber = line.n
        switch line.kind {
        case .position: return self.takePosition(line)
        case .action: self.takeAction(line)
        case .consumers: self.takeConsumers(line)
        case .other: break
        }
        return nil
    }

    private mutating func takePosition(_ line: RecordedLine) -> Int {
        let slot = self.slot(line)
        if line.cause.isLifecycle || self.legs[slot].holding == nil {
            self.follow(slot, line.cause, line.position, line.mark ?? self.legs[slot].mark)
        }
        if line.mark != nil { self.legs[slot].mark = line.mark }
        self.guessTickSize(line)
        self.show(
            slot,
            PositionUpdate(
                cause: line.cause,
                source: line.source,
                position: self.legs[slot].position,
                slot: slot,
                mark: line.mark,
                stale: line.isStale,
                conflated: line.conflated,
                seq: line.seq,
                exchangeTime: line.exchangeTime,
                receivedTime: 0
            ),
            n: line.n
        )
        return slot
    }

    /// A mark that was recognised.
    /// - Returns: false if its line has to be read in full.
    @inline(__always)
    mutating func take(_ match: MarkTemplates.Match) -> Bool {
        let slot = match.slot
        guard self.legs[slot].holding != nil, match.n > self.lastNumber else { return false }
        self.lastNumber = match.n
        self.legs[slot].mark = match.mark
        if self.desk.isQuiet(slot, match.mark, time: match.exchangeTime) { return true }
        self.takeSlowly(match)
        return true
    }

    @inline(never)
    private mutating func takeSlowly(_ match: MarkTemplates.Match) {
        self.show(
            match.slot,
            PositionUpdate(
                cause: .mark,
                source: .hybrid,
                position: self.legs[match.slot].position,
                slot: match.slot,
                mark: match.mark,
                stale: false,
                conflated: match.conflated,
                seq: match.seq,
                exchangeTime: match.exchangeTime,
                receivedTime: 0
            ),
            n: match.n
        )
    }

    /// Shows an event to the consumers, as an account's pipeline does.
    private mutating func show(_ slot: Int, _ update: PositionUpdate, n: Int64) {
        guard self.isDeciding else { return }
        let time = Self.time(update.exchangeTime)
        for seat in ConsumerSeat.allCases where self.desk.settings.hasSeat(seat) {
            if self.desk.isQuiet(seat, update) { continue }
            do {
                try self.desk.handle(seat, update, n: n, at: time)
            } catch {
                self.note("\(seat.name) at \(self.name) \(update.position.key.symbol), event \(n): \(error)")
            }
            if self.desk.hasEffects { self.perform() }
        }
    }

    private mutating func note(_ failure: String) {
        if self.failures.count < Self.mostFailures { self.failures.append(failure) }
    }

    private static func time(_ milliseconds: Int64) -> DeskTime {
        DeskTime(wall: milliseconds, uptime: Uptime(nanoseconds: milliseconds &* 1_000_000))
    }

    private mutating func slot(_ line: RecordedLine) -> Int {
        let key = PositionKey(category: line.category, symbol: line.symbol, positionIndex: line.positionIndex)
        if let known = self.slots[key] { return known }
        let slot = self.legs.count
        self.legs.append(ReplayLeg(position: Position(key: key, side: .none, size: .zero, entryPrice: .zero)))
        self.slots[key] = slot
        return slot
    }

    /// Where nothing tells the tick size, the digits of the prices do: the exchange writes them all.
    private mutating func guessTickSize(_ line: RecordedLine) {
        guard !self.knownTickSizes.contains(line.symbol), let mark = line.mark else { return }
        self.knownTickSizes.insert(line.symbol)
        self.guessedTickSizes.insert(line.symbol)
        self.desk.setTickSize(FixedPoint(mantissa: 1, scale: mark.scale), of: line.symbol)
    }

    // MARK: Books

    /// What was opened, closed and earned.
    private mutating func follow(
        _ slot: Int,
        _ cause: PositionUpdate.Cause,
        _ position: Position,
        _ price: FixedPoint?
    ) {
        let before = self.legs[slot].position
        self.legs[slot].position = position
        if let index = self.legs[slot].holding {
            if position.isOpen, position.side == before.side, cause != .opened {
                if position.size < before.size, let less = before.size.subtracting(position.size) {
                    self.holdings[index].reduce(by: less, at: price ?? .zero)
                }
                self.holdings[index].follow(position)
                return
            }
            self.holdings[index].end(.recorded, at: price ?? .zero)
            self.legs[slot].holding = nil
        }
        guard position.isOpen else { return }
        self.legs[slot].holding = self.holdings.count
        self.holdings.append(ReplayHolding(account: self.name, position: position))
    }

    private func holding(of opening: Opening) -> Int? { self.slots[opening.key].flatMap { self.legs[$0].holding } }

    /// Holdings as they are at the end of the recording.
    var finalHoldings: [ReplayHolding] {
        var holdings = self.holdings
        for leg in self.legs {
            if let index = leg.holding, let mark = leg.mark { holdings[index].value(at: mark) }
        }
        return holdings
    }

    // MARK: Actions

    private mutating func perform() {
        while self.desk.hasEffects {
            for effect in self.desk.takeEffects() {
                switch effect {
                case .journal(let action):
                    self.actions.append(ReplayAction(account: self.name, action))
                    if action.isDryRun { self.accepted(action) } else { self.unfinished[action.id] = action }
                    if action.intent.isClosing, let index = self.holding(of: action.opening) {
                        self.holdings[index].closedBy = action.seat
                    }
                case .virtualExit(let opening, let price, let seat):
                    self.exit(opening, at: price ?? .zero, seat)
                case .note(let action, .done, _, _), .note(let action, .rejected, _, _):
                    self.unfinished[action.id] = nil
                case .note, .send, .findOrder, .findPosition, .tell, .sweep, .needInstrument, .forget:
                    // The recording tells what came of them.
                    break
                }
            }
        }
    }

    private mutating func accepted(_ action: Action) {
        guard !action.intent.isClosing, let index = self.holding(of: action.opening) else { return }
        self.holdings[index].stopsMoved += 1
    }

    /// In a dry run: the position would be closed here, whatever the recording goes on to say of it.
    /// - Parameter price: of the stop; zero for an order, which gets the mark.
    private mutating func exit(_ opening: Opening, at price: FixedPoint, _ seat: ConsumerSeat) {
        guard let slot = self.slots[opening.key], let index = self.legs[slot].holding else { return }
        if price.isPositive {
            self.holdings[index].end(.stop, at: price)
        } else {
            self.holdings[index].end(.consumer(seat), at: self.legs[slot].mark ?? .zero)
        }
    }

    private mutating func takeAction(_ line: RecordedLine) {
        guard case .asRecorded = self.mode, !line.isDryRun else { return }
        let flight = self.desk.flights[line.orderLinkID]
        if let flight, line.outcome == .accepted, flight.accepted == nil { self.accepted(flight.action) }
        let time = Self.time(self.desk.clock)
        let refusal = line.refusal ?? (flight?.accepted == nil ? line.effectiveRefusal : nil)
        self.desk.follow(line.orderLinkID, line.outcome, refusal, at: time)
        self.perform()
    }

    private mutating func takeConsumers(_ line: RecordedLine) {
        if line.state == .ready, let size = line.tickSize {
            self.knownTickSizes.insert(line.symbol)
            self.desk.setTickSize(size, of: line.symbol)
        }
        guard case .asRecorded(let survey) = self.mode else { return }
        switch line.state {
        case .started: self.restart(isDryRun: line.isDryRun, survey)
        case .stopped: self.isDeciding = false
        case .ready, nil: break
        }
        self.perform()
    }

    /// A process has begun.
    private mutating func restart(isDryRun: Bool, _ survey: ReplaySurvey.Account) {
        self.life += 1
        let life = self.life
        // What was decided last and is spoken of as new later, or never, had not come into the journal.
        let wasWritten = { (action: Action) in
            survey.actions[action.id].map { $0.life >= life && $0.outcome != .journalled } ?? false
        }
        let lost = self.desk.actionsBeingWritten.filter { !wasWritten($0) }
        for action in lost { self.unfinished[action.id] = nil }
        let ids = Set(lost.map(\.id))
        self.actions.removeAll { ids.contains($0.id) }
        self.desk = self.desk.restarted(
            isDryRun: isDryRun,
            at: Self.time(self.desk.clock),
            failures: &self.failures,
            lost: lost,
            unfinished: self.unfinished.values.sorted { ($0.created, $0.id) < ($1.created, $1.id) }
        )
        // Their tick sizes are known when the recording says so.
        self.knownTickSizes.formUnion(self.slots.keys.map(\.symbol))
        self.isDeciding = true
    }
}

/// The exchange without sockets and without a clock.
///
/// Every entry point takes the time in milliseconds since 1970; what has to be written or closed collects in `outbox`,
/// which the shell empties. The same seed and the same inputs give the same bytes. Confined to one event loop.
final class ExchangeCore {
    let options: SimulatorOptions
    var behaviour: SimulatorBehaviour { self.options.behaviour }
    let markets: [Market]
    private(set) var marketBySymbol: [Category: [String: Market]] = [:]
    private(set) var accounts: [Account] = []
    private(set) var accountByName: [String: Account] = [:]
    private(set) var accountByKey: [String: Account] = [:]
    var sockets: [Int: SocketState] = [:]
    var outbox: [Output] = []
    var schedule = Schedule()
    var faults = Faults()
    var record: Record
    var random: SeededRandom
    var activityRandom: SeededRandom
    var limiter: RateLimiter
    /// Time of the current input.
    var now: Int64
    var pricesRunning: Bool
    var tickInterval: Int64
    var lastConnection = 0
    var lastRequest = 0
    var lastMessage = 0
    /// Until then every connection is refused.
    var outageUntil: Int64 = 0
    /// Activity owed, in thousandths of an operation.
    var activityDebt = 0
    var urls = SimulatorURLs()

    init(options: SimulatorOptions, now: Int64) {
        self.options = options
        self.now = now
        self.record = Record(capacity: options.recordCapacity)
        self.random = SeededRandom(seed: options.seed, purpose: "exchange")
        self.activityRandom = SeededRandom(seed: options.seed, purpose: "activity")
        self.limiter = RateLimiter(limits: options.limits)
        self.pricesRunning = options.pricesRunning
        self.tickInterval = Int64(max(1, options.tickInterval))
        self.markets = InstrumentList.make(linear: options.symbols).enumerated().map { number, instrument in
            Market(instrument, number: number, seed: options.seed, now: now)
        }
        for market in self.markets {
            self.marketBySymbol[market.instrument.category, default: [:]][market.instrument.symbol] = market
        }
        for name in options.accounts { self.addAccount(name) }
        self.schedule.add(.step, due: now + self.tickInterval)
        self.schedule.add(.housekeeping, due: now + 1000)
        if options.activity != .none { self.schedule.add(.activity, due: now + 50) }
    }

    /// The exchange's own clock, which a fault can put wrong.
    var wire: Int64 { self.now + self.faults.clockSkew }

    var nextDeadline: Int64? { self.schedule.nextDeadline }

    @discardableResult
    func addAccount(_ name: String) -> Account {
        if let account = self.accountByName[name] { return account }
        let account = Account(
            name: name,
            number: self.accounts.count,
            seed: self.options.seed,
            hedged: self.options.hedged,
            unset: self.behaviour.unset
        )
        self.accounts.append(account)
        self.accountByName[name] = account
        self.accountByKey[account.apiKey] = account
        return account
    }

    func market(_ category: Category, _ symbol: String) -> Market? {
        self.marketBySymbol[category]?[symbol]
    }

    /// The derivative market of this name: linear first, then inverse.
    func derivative(_ symbol: String) -> Market? {
        self.market(.linear, symbol) ?? self.market(.inverse, symbol)
    }

    func takeOutbox() -> [Output] {
        guard !self.outbox.isEmpty else { return [] }
        let outbox = self.outbox
        self.outbox.removeAll(keepingCapacity: true)
        return outbox
    }

    /// Does everything that is due.
    func advance(now: Int64) {
        self.now = max(self.now, now)
        while let (action, due) = self.schedule.pop(due: self.now) { self.perform(action, due: due) }
    }

    private func perform(_ action: Deferred, due: Int64) {
        switch action {
        case .frame(let connection, let bytes, let isData):
            if let socket = self.sockets[connection] { self.send(bytes, to: socket, isData: isData) }
        case .snapshots(let connection, let markets):
            if let socket = self.sockets[connection] { self.sendSnapshots(markets, to: socket) }
        case .deliver(let delivery): self.distribute(delivery)
        case .flushHeld(let account):
            if let held = account.heldRows {
                account.heldRows = nil
                self.distribute(held)
            }
        case .execute(let order): self.execute(order)
        case .authenticate(let connection, let outcome, let requestID):
            if let socket = self.sockets[connection] {
                self.finishAuthentication(socket, outcome, requestID: requestID)
            }
        case .step:
            self.stepMarkets()
            // A late timer does not owe the missed steps.
            self.schedule.add(.step, due: max(due + self.tickInterval, self.now + self.tickInterval / 2 + 1))
        case .activity:
            self.act()
            self.schedule.add(.activity, due: self.now + 50)
        case .housekeeping:
            self.closeIdleSockets()
            self.schedule.add(.housekeeping, due: self.now + 1000)
        }
    }

    /// Writes to a connection unless a fault silences it.
    func send(_ bytes: [UInt8], to socket: SocketState, isData: Bool) {
        guard !socket.isHalfOpen, !socket.isClosing, !(isData && socket.isStalled) else { return }
        if isData { socket.lastActivity = self.now }
        self.outbox.append(.frame(connection: socket.number, bytes: bytes, isData: isData))
    }

    func note(
        _ kind: RecordKind,
        account: Account? = nil,
        connection: Int = 0,
        text: String = "",
        detail: RecordEntry.Detail = .none
    ) {
        self.record.append(
            RecordEntry(kind: kind, account: account, connection: connection, text: text, detail: detail),
            now: self.now
        )
    }
}

/// Where the exchange can be reached; filled in by the shell.
struct SimulatorURLs {
    var publicLinear = ""
    var publicInverse = ""
    var publicSpot = ""
    var privateStream = ""
    var rest = ""
    var control: String?
}

import HybridStream
import Logging
import NIOCore
import Orchestrator
import Simulator

/// The client as a process: everything of it but files and real sockets, put together as the daemon does it, in virtual
/// time, until it is killed.
final class VirtualClient {
    static let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "1000PEPEUSDT", "SHIB1000USDT", "XRPUSDT"]
    static func symbol(_ number: Int) -> String { self.symbols[number % self.symbols.count] }
    /// The budgets are small, so that they matter.
    static let connections = (count: 40, per: Duration.seconds(60))
    static let requests = (count: 20, per: Duration.seconds(1))
    static let banPause = Duration.seconds(20)
    static let staleAfter = Duration.seconds(10)

    let loops: [VirtualLoop]
    let feed: TickerFeed
    let accounts: [AccountSupervisor]
    let readers: [EventReader]
    let transport: VirtualREST
    private let rest: RESTClient
    private let gate: ConnectionGate
    let network: VirtualNetwork
    let executor: VirtualExecutor
    private let fleet: [FleetLoop]
    let rollout: RolloutConfiguration
    var feedWatch = FeedWatch()
    private(set) var isDead = false

    init(
        names: [String],
        reconcile: Duration,
        network: VirtualNetwork,
        seed: UInt64,
        oracle: Oracle,
        store: VirtualStore,
        journal: VirtualJournal? = nil,
        strategy: Strategy? = nil,
        recorder: ReplayOracle? = nil,
        rollout: RolloutConfiguration = RolloutConfiguration()
    ) {
        self.rollout = rollout
        let time = network.time
        let loops = [VirtualLoop(time), VirtualLoop(time)]
        let executor = VirtualExecutor(time)
        nonisolated(unsafe) var random = SplitMix64(seed: seed)
        let seeds: @Sendable () -> UInt64 = { random.next() }
        let logger = Logger(label: "chaos") { _ in SwiftLogNoOpLogHandler() }
        let environment = StreamEnvironment(
            time: time.source,
            seed: seeds,
            connector: network.connector(),
            executor: executor
        )
        let clock = ServerClock(uptime: time.source.uptime, wall: time.source.wall)
        let transport = VirtualREST(network)
        let rest = RESTClient(
            transport: transport,
            settings: Self.restSettings,
            logger: logger,
            clock: clock,
            time: time.source,
            schedule: { instant, action in
                time.schedule(at: instant.nanoseconds, on: loops[0]) { action() }
            },
            sleep: { duration in
                await withCheckedContinuation { continuation in
                    time.schedule(in: duration) { continuation.resume() }
                }
            },
            seed: seeds
        )
        let gate = ConnectionGate(
            connections: Self.connections.count,
            per: Self.connections.per,
            timerLoop: loops[0],
            time: time.source
        )
        guard let publicEndpoint = WebSocketEndpoint("ws://exchange/v5/public/linear"),
            let privateEndpoint = WebSocketEndpoint("ws://exchange/v5/private")
        else { preconditionFailure("the endpoints are constants") }
        let feed = TickerFeed(
            endpoint: publicEndpoint,
            settings: Self.feedSettings,
            on: loops[0],
            environment: environment,
            gate: gate,
            rest: rest,
            logger: logger
        )
        let recent = RecentEvents(maxEvents: 100)
        self.fleet = loops.map { FleetLoop(eventLoop: $0, feed: feed, recent: recent, time: time.source) }
        FleetLoop.connect(self.fleet, to: feed)
        self.loops = loops
        self.feed = feed
        self.rest = rest
        self.gate = gate
        self.transport = transport
        self.network = network
        self.executor = executor
        let services = HybridStream.Services(rest: rest, clock: clock, gate: gate, environment: environment)
        var accounts: [AccountSupervisor] = []
        var readers: [EventReader] = []
        for (number, name) in names.enumerated() {
            let loop = self.fleet[number % loops.count]
            let account = Self.makeAccount(
                name,
                network: network,
                loop: loop,
                oracle: oracle,
                store: store,
                rollout,
                logger
            )
            let settings = HybridStream.Settings(
                category: .linear,
                settleCoins: ["USDT"],
                privateEndpoint: privateEndpoint,
                machine: Self.machineSettings(reconcile)
            )
            let stream = HybridStream(
                account: account.account.identity,
                settings: settings,
                services: services,
                eventLoop: loop.eventLoop,
                drive: account.stage.drive,
                hub: loop.hub,
                updates: account.pipeline,
                shadowUpdates: account.shadow,
                observer: account,
                logger: logger
            )
            let reader = EventReader(name, time: time, oracle: oracle)
            if let recorder { reader.onLines = { recorder.keep($0, of: name) } }
            readers.append(reader)
            accounts.append(account)
            let stored = store.positions(name)
            let acting = journal.map { journal in
                Self.makeExecutor(
                    account,
                    loop,
                    rest,
                    clock,
                    executor,
                    journal,
                    network,
                    strategy ?? Self.strategy(number),
                    held: stored
                )
            }
            loop.eventLoop.execute {
                loop.add(account)
                reader.attach(to: account.pipeline)
                if let (executor, stored) = acting {
                    account.act(through: executor, restoring: stored)
                    account.pipeline.setConsumers(executor.consumers + [OracleConsumer(name, oracle: oracle)])
                }
                account.start(stream: stream, restoring: stored)
            }
        }
        self.accounts = accounts
        self.readers = readers
        Task(executorPreference: executor) { try? await rest.synchronizeClock() }
    }

    private static func makeAccount(
        _ name: String,
        network: VirtualNetwork,
        loop: FleetLoop,
        oracle: Oracle,
        store: VirtualStore,
        _ rollout: RolloutConfiguration,
        _ logger: Logger
    ) -> AccountSupervisor {
        let keys = network.exchange.keys(name)
        let stored = store.mode(name)
        let credentials = Credentials(apiKey: keys?.key ?? "", apiSecret: keys?.secret ?? "")
        let account = AccountSupervisor(
            account: StartPlan.Account(
                configuration: AccountConfiguration(
                    name: name,
                    isEnabled: true,
                    mode: stored.mode,
                    strategyName: nil,
                    strategy: Strategy(),
                    isDryRun: true,
                    credentials: credentials
                ),
                mode: stored.mode,
                percent: stored.percent,
                identity: AccountIdentity(name: name, credentials: credentials),
                isDryRun: true
            ),
            fleetLoop: loop,
            numbers: store.numbers(name),
            queues: [],
            store: store,
            rollout: rollout,
            logger: logger
        )
        account.pipeline.setConsumers([OracleConsumer(name, oracle: oracle)])
        return account
    }

    /// Consumers so quick and narrow that something happens within a minute or two.
    static func strategy(_ number: Int) -> Strategy {
        var strategy = Strategy()
        var protection = PositionManagerParameters()
        protection.stopLossPercent = FixedPoint(2)
        strategy.positionManager = protection
        var trailing = TrailingStopParameters()
        trailing.activationPercent = FixedPoint(mantissa: 5, scale: 1)
        trailing.callbackPercent = FixedPoint(mantissa: 3, scale: 1)
        trailing.breakevenPercent = FixedPoint(mantissa: 2, scale: 1)
        trailing.minUpdateInterval = .seconds(2)
        strategy.trailingStop = trailing
        var aged = AgedMonitorParameters()
        aged.maxAge = .seconds(25)
        aged.gracePeriod = .seconds(15)
        aged.lossStepPercent = FixedPoint(100)
        aged.maxLossPercent = FixedPoint(1)
        aged.closeWith = number % 2 == 0 ? .market : .limit
        strategy.agedMonitor = aged
        return strategy
    }

    private static func makeExecutor(
        _ account: AccountSupervisor,
        _ loop: FleetLoop,
        _ rest: RESTClient,
        _ clock: ServerClock,
        _ executor: VirtualExecutor,
        _ journal: VirtualJournal,
        _ network: VirtualNetwork,
        _ strategy: Strategy,
        held: [Position]
    ) -> (AccountExecutor, StoredAccount) {
        let name = account.name
        nonisolated(unsafe) let exchange = network.exchange
        let acting = AccountExecutor(
            DeskSettings(account: name, strategy: strategy, isDryRun: false),
            pipeline: account.pipeline,
            loop: loop.pipeline,
            eventLoop: loop.eventLoop,
            services: AccountExecutor.Services(
                exchange: TradingExchange(rest: rest, account: account.account.identity, rules: { _ in nil }),
                journal: journal,
                tickSize: { symbol in
                    exchange.tickSize(symbol).map { FixedPoint(mantissa: Int128($0), scale: 8).normalized }
                },
                time: network.time.source,
                clock: clock,
                taskExecutor: executor
            ),
            logger: Logger(label: "chaos") { _ in SwiftLogNoOpLogHandler() }
        )
        let stored = StoredAccount(
            account: name,
            positions: held,
            numbers: NumberLease(unlimitedFrom: 1),
            states: journal.states(of: name),
            unfinished: journal.unfinished(of: name)
        )
        return (acting, stored)
    }

    private static var restSettings: RESTSettings {
        var settings = RESTSettings()
        settings.banPause = self.banPause
        settings.budgetRequests = self.requests.count
        settings.budgetPer = self.requests.per
        return settings
    }

    private static var feedSettings: TickerFeedMachine.Settings {
        var settings = TickerFeedMachine.Settings(category: .linear)
        settings.staleAfter = self.staleAfter
        settings.backoffMax = .seconds(10)
        return settings
    }

    private static func machineSettings(_ reconcile: Duration) -> AccountMachine.Settings {
        var settings = AccountMachine.Settings(mode: .hybrid)
        settings.backoffMax = .seconds(10)
        settings.reconcileInterval = reconcile
        return settings
    }

    /// What `status` would say of an account.
    func report(_ account: AccountSupervisor, _ feed: TickerFeed.Snapshot) -> StatusReport.Account {
        guard let loop = self.loops.first(where: { $0 === account.eventLoop }) else {
            preconditionFailure("the account lives on one of the loops")
        }
        return self.network.time.act(on: loop) {
            account.report(includePositions: true, lastFrames: feed.lastFrames)
        }
    }

    /// Callers that wait for leave to connect.
    var waitingForConnections: Int { self.gate.waitingCount }

    /// As by `kill -9`: nothing is said to anybody.
    func kill() {
        self.isDead = true
        for loop in self.loops { loop.isDead = true }
        self.network.processDied(self.loops)
        self.transport.abort()
        for reader in self.readers { reader.end() }
        for account in self.accounts { account.dismantle() }
        self.feed.dismantle()
    }
}

/// Shows the oracle what a consumer is given.
final class OracleConsumer: PositionConsumer {
    struct Failure: Error, CustomStringConvertible {
        let description = "it was told to fail"
    }

    let name = "oracle"
    private let account: String
    private let oracle: Oracle

    init(_ account: String, oracle: Oracle) {
        self.account = account
        self.oracle = oracle
    }

    func handle(_ update: PositionUpdate, n: Int64) throws {
        self.oracle.observe(update, account: self.account)
        if self.oracle.takeFailure(self.account) { throw Failure() }
    }
}

/// What is on disk. Writing takes a moment; what a crash finds unwritten is lost.
final class VirtualStore: PositionRecorder, @unchecked Sendable {
    private let time: VirtualTime
    private var durable: [String: [PositionKey: Position]] = [:]
    private var pending: [(account: String, changes: [PositionChange])] = []
    private var written = 0
    private var reserved: [String: Int64] = [:]
    private var generation = 0

    init(_ time: VirtualTime) { self.time = time }

    func record(account: String, changes: [PositionChange], told event: ToldEvent?) {
        self.pending.append((account, changes))
        let (generation, count) = (self.generation, self.count)
        self.time.schedule(in: .milliseconds(60)) {
            if generation == self.generation { self.write(through: count) }
        }
    }

    // MARK: Modes

    private var modes: [String: (mode: Mode, percent: Int)] = [:]

    func begin(_ modes: [String: Mode]) { self.modes = modes.mapValues { ($0, 50) } }

    func mode(_ account: String) -> (mode: Mode, percent: Int) { self.modes[account] ?? (.hybrid, 100) }

    /// As one transaction, after a moment.
    func commit(_ account: String, _ mode: Mode, _ percent: Int) async throws {
        let generation = self.generation
        await withCheckedContinuation { continuation in
            self.time.schedule(in: .milliseconds(5)) { continuation.resume() }
        }
        guard generation == self.generation else { throw DriveError("the process is gone") }
        self.modes[account] = (mode, percent)
    }

    /// So much has been recorded.
    var count: Int { self.written + self.pending.count }

    /// One transaction takes all that was recorded before it.
    func write(through count: Int) {
        while self.written < count, !self.pending.isEmpty {
            let (account, changes) = self.pending.removeFirst()
            self.written += 1
            for change in changes {
                switch change {
                case .upsert(let position): self.durable[account, default: [:]][change.key] = position
                case .close: self.durable[account]?[change.key] = nil
                }
            }
        }
    }

    func crashed() {
        self.generation += 1
        self.written += self.pending.count
        self.pending.removeAll()
    }

    func positions(_ account: String) -> [Position] {
        (self.durable[account] ?? [:]).values.sorted { "\($0.key)" < "\($1.key)" }
    }

    /// Numbers that were never given out, also not before a crash.
    func numbers(_ account: String) -> NumberLease {
        let used = self.reserved[account] ?? 0
        self.reserved[account] = used + NumberLease.blockSize
        return NumberLease(first: used + 1, last: used + NumberLease.blockSize) { lease in
            self.time.schedule(in: .milliseconds(5)) {
                let last = max(self.reserved[account] ?? 0, lease.last) + NumberLease.blockSize
                self.reserved[account] = last
                lease.extend(to: last)
            }
        }
    }
}

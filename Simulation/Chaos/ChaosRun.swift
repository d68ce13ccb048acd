public import HybridStream
import Orchestrator
import Simulator

/// One simulation: a plan, a client, an exchange, and an oracle.
public final class ChaosRun {
    public struct Outcome: Sendable {
        public var violation: String?
        public var events = 0
        public var lifecycleEvents = 0
        public var faults = 0
        public var seconds = 0.0
        public var steps = 0
        /// The same for the same plan, always.
        public var digest: UInt64 = 0
        /// Orders and stops of acting consumers.
        public var actions = 0
        /// Those that were decided again, and compared.
        public var replayedActions = 0
        /// What orders of consumers have closed, in order.
        public var closings: [Closing] = []
        /// What readers were told until the quiet began.
        public var story = Story()
    }

    /// An order of a consumer that has closed something.
    public struct Closing: Sendable {
        /// Since the start.
        public var time: Duration
        public var symbol: String
        public var consumer: String
        /// The mark at that moment.
        public var mark: FixedPoint
    }

    let plan: ChaosPlan
    let time = VirtualTime()
    let exchange: VirtualExchange
    private let network: VirtualNetwork
    let oracle: Oracle
    private let store: VirtualStore
    private let journal: VirtualJournal
    private let actions: ActionOracle?
    private let replay: ReplayOracle?
    var client: VirtualClient?
    var story = Story()
    private var isOver = false
    private var faults = 0
    private var lives: UInt64 = 0
    private var digest: UInt64 = 0xCBF2_9CE4_8422_2325
    private let trace: ((String) -> Void)?
    private var attemptsBefore = 0

    /// - Parameter trace: called with each step and event.
    public init(_ plan: ChaosPlan, trace: ((String) -> Void)? = nil) {
        self.plan = plan
        self.trace = trace
        var options = SimulatorOptions()
        options.accounts = plan.accounts
        options.symbols = plan.symbols
        options.seed = plan.seed
        options.activity = .none
        options.tickInterval = plan.strategy == nil ? plan.tickInterval : 5_000
        options.hedged = plan.isHedged
        options.recordMarks = false
        options.recordRequests = false
        options.recordCapacity = 20_000
        self.exchange = VirtualExchange(options: options, now: self.time.exchangeTime)
        self.network = VirtualNetwork(time: self.time, exchange: self.exchange, seed: plan.seed)
        self.oracle = Oracle(time: self.time, exchange: self.exchange)
        self.store = VirtualStore(self.time)
        self.journal = VirtualJournal(self.time, self.store) { [oracle] in oracle.complain($0) }
        self.actions =
            plan.acts
            ? ActionOracle(
                time: self.time,
                exchange: self.exchange,
                journal: self.journal,
                protects: plan.strategy.map { $0.positionManager != nil } ?? true,
                losesRows: plan.losesRows,
                complain: { [oracle] in oracle.complain($0) }
            ) : nil
        self.replay = plan.acts ? ReplayOracle(plan.strategy) : nil
        // What no connection tells is found by a sweep, and the sweeps may be late as well before that shows.
        // A stale first sweep is put right by the second, five seconds later.
        self.oracle.longestUntold = plan.losesRows ? plan.reconcile * 2 + .seconds(15) : .seconds(7)
        self.oracle.expectsRows = !plan.losesSingleRows && !plan.rolls
        if plan.rolls {
            // A poll, and a second one where the first is no proof; and as long as their replies are on their way.
            self.oracle.longestUntold = max(self.oracle.longestUntold, .seconds(plan.delaysREST ? 48 : 25))
            self.oracle.holdSlack = VirtualClient.staleAfter
            self.store.begin(plan.modes)
        }
    }

    public func run() -> Outcome {
        self.oracle.onEvent = { [unowned self] in self.note($0) }
        self.oracle.onOpened = { [unowned self] in self.expectMark($0) }
        self.exchange.onTicker = { [oracle] in oracle.noteTicker($0) }
        self.startClient()
        self.driveExchange()
        self.probe()
        for entry in self.plan.entries {
            self.time.schedule(in: entry.time) { self.perform(entry.step) }
        }
        let start = self.time.nanoseconds
        let quietAt = start + self.plan.quietAt.nanoseconds
        self.advance(to: quietAt)
        self.endStory()
        if self.oracle.violation == nil {
            self.mend()
            self.advance(to: quietAt + self.plan.quiet.nanoseconds)
        }
        if self.oracle.violation == nil { self.judge() }
        var outcome = Outcome(
            violation: self.oracle.violation,
            events: self.oracle.events,
            lifecycleEvents: self.oracle.lifecycleEvents,
            faults: self.faults,
            seconds: self.time.seconds,
            steps: self.time.steps,
            digest: self.digest,
            actions: self.actions.map { $0.orderCount + $0.stopCount } ?? 0,
            closings: self.actions?.closings ?? [],
            story: self.story
        )
        if outcome.violation == nil, let replay = self.replay {
            outcome.violation = replay.differences(self.plan.accounts, self.journal).first.map { "its replay: \($0)" }
            outcome.replayedActions = replay.compared
        }
        self.tearDown()
        return outcome
    }

    private func advance(to end: Int64) {
        self.time.run(until: end) { self.oracle.violation == nil }
        if self.time.isStuck { self.oracle.complain("the client spins: time stands still") }
    }

    func note(_ text: String) {
        for byte in text.utf8 { self.digest = (self.digest ^ UInt64(byte)) &* 0x100_0000_01B3 }
        self.trace?("\(Oracle.text(self.time.seconds))  \(text)")
    }

    // MARK: The world

    private func startClient() {
        self.lives += 1
        self.attemptsBefore = self.network.attempts.count
        self.client = VirtualClient(
            names: self.plan.accounts,
            reconcile: self.plan.reconcile,
            network: self.network,
            seed: self.plan.seed &+ self.lives &* 977,
            oracle: self.oracle,
            store: self.store,
            journal: self.plan.acts ? self.journal : nil,
            strategy: self.plan.strategy,
            recorder: self.replay,
            rollout: self.plan.rollout
        )
        if self.plan.expectsTriggers { self.listen() }
    }

    /// Lets the exchange do what it has to do when it has to.
    private func driveExchange() {
        guard !self.isOver else { return }
        self.exchange.advance(now: self.time.exchangeTime)
        self.oracle.noteMarks(self.exchange.symbols)
        let due = self.exchange.nextDeadline ?? self.time.exchangeTime + 1_000
        self.time.schedule(in: .milliseconds(max(1, due - self.time.exchangeTime))) { self.driveExchange() }
    }

    /// Looks at the client once a second.
    private func probe() {
        guard !self.isOver else { return }
        self.actions?.catchUp()
        if let client = self.client {
            self.actions?.checkMemory(client)
            self.oracle.checkHealth(client)
            if self.plan.rolls { client.judge(self.store) { [unowned self] in self.triggered($0, $1) } }
            self.checkBudgets(client)
        }
        self.time.schedule(in: .seconds(1)) { self.probe() }
    }

    /// A symbol that others hold already has its mark for a new holder at once: the exchange sends no second snapshot.
    private func expectMark(_ leg: VirtualExchange.Leg) {
        guard let client = self.client else { return }
        let feed = client.feed.makeSnapshot()
        guard let last = feed.lastFrames[leg.symbol], !feed.silent.contains(leg.symbol),
            self.time.now - last < .seconds(1)
        else { return }
        self.time.schedule(in: .milliseconds(100)) {
            guard !self.isOver, client === self.client, client.feed.makeSnapshot().connects == feed.connects,
                let account = client.accounts.first(where: { $0.name == leg.account }), let stream = account.stream
            else { return }
            let key = PositionKey(category: .linear, symbol: leg.symbol, positionIndex: leg.index)
            guard let slot = stream.tracker.book.slot(of: key), stream.tracker.book.cells[slot].position.isOpen,
                stream.tracker.mark(slot).price == nil
            else { return }
            self.oracle.complain("\(leg.account) \(leg.symbol)/\(leg.index): no mark though others have it")
        }
    }

    private func checkBudgets(_ client: VirtualClient) {
        let now = self.time.nanoseconds
        let connections = VirtualClient.connections
        let attempts = self.network.attempts.dropFirst(self.attemptsBefore).reversed()
            .prefix { $0 > now - connections.per.nanoseconds }
        if attempts.count > connections.count {
            self.oracle.complain("\(attempts.count) connections within \(connections.per)")
        }
        if let excess = client.transport.excess { self.oracle.complain(excess) }
        if client.waitingForConnections > self.plan.accounts.count + 1 {
            self.oracle.complain("\(client.waitingForConnections) callers wait for leave to connect")
        }
    }

    private func perform(_ step: ChaosStep) {
        guard !self.isOver else { return }
        self.note("· \(step)")
        if step.isFault { self.faults += 1 }
        switch step {
        case .exchange(let path, let body):
            self.control(path, body)
        case .faults(let body, let duration):
            self.control("/faults", body)
            if body.contains("garble") { self.oracle.garbled(for: duration) }
            self.time.schedule(in: duration) { self.control("/faults", Self.off(body)) }
        case .blackHole(let duration):
            self.network.isBlackHole = true
            self.time.schedule(in: duration) { self.network.isBlackHole = false }
        case .slowNetwork(let duration):
            self.network.latency = 1_000_000...400_000_000
            self.network.splits = true
            self.time.schedule(in: duration) { self.calmNetwork() }
        case .crash(let down):
            guard let client = self.client else { return }
            self.replay?.crashes(client.accounts, self.journal)
            client.kill()
            self.client = nil
            self.store.crashed()
            self.journal.crashed()
            self.time.schedule(in: down) {
                guard !self.isOver else { return }
                self.oracle.crashed(self.plan.accounts, store: self.store)
                self.startClient()
            }
        case .fullDisk(let duration):
            self.journal.isFull = true
            self.time.schedule(in: duration) { self.journal.isFull = false }
        case .wallClock(let milliseconds):
            self.time.wallShift = milliseconds
        case .move(let symbol, let perMille):
            // What is due at this instant comes first, and is seen.
            self.exchange.advance(now: self.time.exchangeTime)
            self.oracle.noteMarks(self.exchange.symbols)
            guard let mark = self.exchange.mark(symbol), let tick = self.exchange.tickSize(symbol) else { return }
            let price = mark + mark / 1_000 * Int64(perMille)
            self.setMark(symbol, FixedPoint(mantissa: Int128(price / tick * tick), scale: 8))
        case .change(let account, let mode, let percent):
            self.client?.change(account, to: mode, percent: percent, store: self.store)
        case .consumerFails(let account, let times):
            self.oracle.failures[account] = times
        case .skewMarks(let account, let perMille, let listings):
            let fault = #"{"per_mille":\#(perMille),"account":"\#(account)","count":\#(listings)}"#
            self.control("/faults", #"{"sweep_marks":\#(fault)}"#)
            self.oracle.skew = perMille
            self.oracle.noteMarks(self.exchange.symbols)
        case .mark(let symbol, let price):
            self.exchange.advance(now: self.time.exchangeTime)
            self.oracle.noteMarks(self.exchange.symbols)
            self.setMark(symbol, price)
        }
    }

    private func setMark(_ symbol: String, _ price: FixedPoint) {
        self.control("/marks", #"{"symbol":"\#(symbol)","price":"\#(price)"}"#)
        self.oracle.noteMarks(self.exchange.symbols)
    }

    private func calmNetwork() {
        self.network.latency = 200_000...3_000_000
        self.network.splits = false
    }

    /// Some requests are not possible at their moment, like closing what is not open.
    private func control(_ path: String, _ body: String) {
        guard !self.isOver else { return }
        do {
            try self.exchange.control(path, body, now: self.time.exchangeTime)
        } catch {
            self.note("  (\(error))")
            let text = "\(error)"
            let isOrdinary = text.contains("there is no such position") || text.contains("size must be")
            if !isOrdinary { self.oracle.complain("the plan cannot be carried out: \(error)") }
        }
    }

    /// The same faults, switched off.
    static func off(_ body: String) -> String {
        let keys = body.dropFirst(2).prefix { $0 != "\"" }
        var names = [String(keys)]
        if body.contains(#","ack_delay_ms""#) { names.append("ack_delay_ms") }
        // These are over with `POST /faults/clear` alone.
        if names == ["silence"] { return "{}" }
        if names == ["key_state"] { return body.replacing("expired", with: "good") }
        return "{" + names.map { "\"\($0)\":false" }.joined(separator: ",") + "}"
    }

    /// The end of all faults.
    private func mend() {
        self.note("· all is mended")
        self.control("/faults/clear", "{}")
        // This breaks connections that are well.
        if self.plan.entries.contains(where: \.step.isFault) { self.control("/outage", #"{"seconds":0}"#) }
        self.network.isBlackHole = false
        self.calmNetwork()
    }

    private func judge() {
        guard let client = self.client else { return self.oracle.complain("the client was not started again") }
        self.oracle.checkQuiet(client)
        self.actions?.checkQuiet(client)
        if !self.plan.entries.contains(where: \.step.isFault) {
            self.oracle.checkCompleteness(isPolled: self.plan.rolls && !self.plan.tellsEveryChange)
        }
        for account in client.accounts {
            let stored = self.store.mode(account.name)
            let expected = RolloutStage(stored.mode, percent: stored.percent)
            if expected != account.stage {
                self.oracle.complain("\(account.name) is in \(account.stage), the store says \(expected)")
            }
        }
        self.checkNeighbours(client)
    }

    /// Without a fault nobody's connection is touched but by commands of its own.
    private func checkNeighbours(_ client: VirtualClient) {
        guard self.plan.rolls, !self.plan.entries.contains(where: \.step.isFault) else { return }
        for account in client.accounts {
            let commands = self.plan.entries.filter { entry in
                if case .change(account.name, _, _) = entry.step { return true }
                return false
            }
            let connects = account.stream?.machineConnects ?? 0
            if connects > commands.count + 1 || commands.isEmpty && connects > 1 {
                self.oracle.complain("\(account.name): \(connects) connections, \(commands.count) commands, no fault")
            }
        }
    }

    /// Ends all that waits, so that nothing of this world is left.
    private func tearDown() {
        self.isOver = true
        self.client?.kill()
        self.exchange.onTicker = nil
        self.oracle.onEvent = nil
        self.oracle.onOpened = nil
        self.time.run(until: self.time.nanoseconds + 120_000_000_000) { true }
        self.client = nil
        self.time.dropAll()
    }
}

package import HybridStream
package import Logging
package import NIOCore

/// Carries out what an account's ``AccountDesk`` decides: writes its journal, talks to the exchange, tells the events, and
/// wakes it when time has passed. Confined to the account's event loop.
package final class AccountExecutor: @unchecked Sendable {
    /// Everything it needs of others.
    package struct Services: Sendable {
        package var exchange: any ActionExchange
        package var journal: any ActionRecorder
        /// Tells a symbol's tick size, or nil if it cannot be known now.
        package var tickSize: @Sendable (String) async -> FixedPoint?
        package var time: TimeSource
        package var clock: ServerClock
        package var taskExecutor: (any TaskExecutor)?

        package init(
            exchange: any ActionExchange,
            journal: any ActionRecorder,
            tickSize: @escaping @Sendable (String) async -> FixedPoint?,
            time: TimeSource,
            clock: ServerClock,
            taskExecutor: (any TaskExecutor)?
        ) {
            self.exchange = exchange
            self.journal = journal
            self.tickSize = tickSize
            self.time = time
            self.clock = clock
            self.taskExecutor = taskExecutor
        }
    }

    @exclusivity(unchecked) private var desk: AccountDesk
    private let loop: PipelineLoop
    private let eventLoop: any EventLoop
    private let services: Services
    private let logger: Logger
    private unowned let pipeline: AccountPipeline
    /// Asks for a sweep of the account.
    package var onSweep: (() -> Void)?
    /// Whether the private connection is up, and tells every change of a position.
    package var isListening: (() -> Bool)?
    private var timer: Scheduled<Void>?
    private var timerDeadline = Uptime.distantFuture
    private var isFlushScheduled = false
    private var isPerforming = false
    private var isStopped = false
    private var neededInstruments: Set<String> = []
    private var tasks: [UInt64: Task<Void, Never>] = [:]
    private var nextTask: UInt64 = 0

    /// What has been sent is waited for so long when the account stops.
    static let patience = Duration.seconds(5)
    private static let lookAgain = TimeAmount.milliseconds(20)
    /// Peaks and phases get into the store this long after they changed.
    static let flushDelay = TimeAmount.seconds(1)
    /// An instrument whose rules could not be had is asked for again after this.
    static let instrumentRetry = TimeAmount.seconds(5)

    package init(
        _ settings: DeskSettings,
        pipeline: AccountPipeline,
        loop: PipelineLoop,
        eventLoop: any EventLoop,
        services: Services,
        logger: Logger
    ) {
        self.desk = AccountDesk(settings)
        self.pipeline = pipeline
        self.loop = loop
        self.eventLoop = eventLoop
        self.services = services
        self.logger = logger
    }

    /// The consumers, in order, for the pipeline.
    package var consumers: [any PositionConsumer] {
        self.desk.settings.seats.map { SeatedConsumer($0, self) }
    }

    /// Takes over what the store knows. To be called before the first event.
    package func restore(_ stored: StoredAccount) {
        let (states, unfinished) = (stored.states, stored.unfinished)
        let account = self.desk.settings.account
        self.tell(.started)
        var actions: [Action] = []
        for record in unfinished {
            if let action = Action(record) {
                actions.append(action)
            } else {
                self.logger.error(
                    "an action in the journal cannot be read, and is not looked up",
                    metadata: ["account": "\(account)", "order_link_id": "\(record.orderLinkID)"]
                )
            }
        }
        do {
            try self.desk.restore(
                states.compactMap { RememberedState($0) },
                held: Set(stored.positions.map(\.key)),
                unfinished: actions,
                at: self.now
            )
        } catch {
            self.logger.error("\(error)", metadata: ["account": "\(account)"])
        }
        self.perform()
    }

    /// What the consumers make of a position.
    package func report(_ key: PositionKey) -> DeskReport? { self.desk.report(key, at: self.now) }

    /// Positions that have had no stop for longer than they may.
    var unprotected: [PositionKey] { self.desk.unprotected }

    /// Actions under way.
    package var actionsUnderWay: [Action] { self.desk.actionsUnderWay }

    /// Consumers have seen something that the store has not been given yet.
    package var owesStates: Bool { self.desk.owesStates }

    /// Nothing more is decided. Completes when what was sent has been answered, or after ``patience``; what consumers remember
    /// is with the store then.
    func finish() -> EventLoopFuture<Void> {
        self.tell(.stopped)
        self.desk.isFinishing = true
        let promise = self.eventLoop.makePromise(of: Void.self)
        self.waitForAnswers(until: self.now.uptime + Self.patience, promise)
        return promise.futureResult
    }

    private func waitForAnswers(until end: Uptime, _ promise: EventLoopPromise<Void>) {
        if self.desk.awaitsAnswers, self.now.uptime < end {
            _ = self.eventLoop.scheduleTask(in: Self.lookAgain) { self.waitForAnswers(until: end, promise) }
            return
        }
        self.isStopped = true
        self.timer?.cancel()
        self.flush()
        for task in self.tasks.values { task.cancel() }
        promise.succeed()
    }

    private func tell(_ state: PipelineEvent.Consumers.State, symbol: String = "", tickSize: String = "") {
        let isDryRun = self.desk.settings.isDryRun
        self.pipeline.emit(
            .consumers(.init(state: state, symbol: symbol, tickSize: tickSize, dryRun: isDryRun))
        )
        self.loop.batchEnded()
    }

    private var now: DeskTime {
        DeskTime(wall: self.services.clock.nowMilliseconds(), uptime: self.services.time.uptime())
    }

    // MARK: Events

    /// - Throws: ``ConsumerError``.
    @inline(__always)
    fileprivate func handle(_ seat: ConsumerSeat, _ update: PositionUpdate, n: Int64) throws {
        if self.desk.isQuiet(seat, update) { return }
        try self.handleSlowly(seat, update, n: n)
    }

    private func handleSlowly(_ seat: ConsumerSeat, _ update: PositionUpdate, n: Int64) throws {
        if self.isStopped { return }
        let time = self.now
        defer {
            self.scheduleFlush()
            self.perform()
        }
        try self.desk.handle(seat, update, n: n, at: time)
    }

    private func step(_ body: (inout AccountDesk, DeskTime) -> Void) {
        if self.isStopped { return }
        body(&self.desk, self.now)
        self.scheduleFlush()
        self.perform()
        self.loop.batchEnded()
    }

    // MARK: Effects

    private func perform() {
        // An effect may cause further ones; they come behind those that are there.
        if self.isPerforming { return }
        self.isPerforming = true
        while self.desk.hasEffects {
            for effect in self.desk.takeEffects() { self.perform(effect) }
        }
        self.isPerforming = false
        self.arm()
    }

    private func perform(_ effect: DeskEffect) {
        let account = self.desk.settings.account
        switch effect {
        case .journal(let action):
            self.log(action)
            self.journal(action, account)
        case .note(let action, let outcome, let code, let text):
            self.services.journal.recordAction(
                action.record(account, outcome, code: code, text: text, time: self.services.clock.nowMilliseconds()),
                states: self.records(self.desk.states(for: action)),
                committed: nil
            )
        case .send(let action):
            self.run { [exchange = self.services.exchange] in
                let answer = await exchange.send(action)
                return { $0.step { $0.answered(action.id, answer, at: $1) } }
            }
        case .findOrder(let action):
            self.run { [exchange = self.services.exchange] in
                let finding = await exchange.findOrder(action)
                return { $0.step { $0.found(action.id, finding, at: $1) } }
            }
        case .findPosition(let action):
            self.run { [exchange = self.services.exchange] in
                let finding = await exchange.findPosition(action)
                return { $0.step { $0.found(action.id, finding, at: $1) } }
            }
        case .tell(let event):
            self.pipeline.emit(event)
        case .sweep:
            // Not from within a row that is being handed over.
            self.eventLoop.execute { self.onSweep?() }
        case .needInstrument(let symbol):
            self.fetchInstrument(symbol)
        case .forget(let opening):
            self.services.journal.dropStates(account: account, opening.key)
        case .virtualExit:
            break
        }
    }

    private func journal(_ action: Action, _ account: String) {
        let record = action.record(account, .journalled, code: nil, text: "", time: action.created)
        let states = self.records(self.desk.states(for: action))
        // Nobody waits for what is not sent.
        if action.isDryRun { return self.services.journal.recordAction(record, states: states, committed: nil) }
        self.services.journal.recordAction(record, states: states) { [weak self] outcome in
            guard let self else { return }
            self.eventLoop.execute { self.journalAnswered(action, outcome) }
        }
    }

    private func journalAnswered(_ action: Action, _ outcome: Result<Void, StoreError>) {
        let isListening = self.isListening?() ?? true
        self.step { desk, time in
            desk.isListening = isListening
            switch outcome {
            case .success: desk.journalled(action.id, at: time)
            case .failure(let trouble): desk.journalFailed(action.id, reason: "\(trouble)", at: time)
            }
        }
    }

    private func records(_ states: [RememberedState]) -> [ConsumerStateRecord] {
        let time = self.services.clock.nowMilliseconds()
        return states.map { $0.record(self.desk.settings.account, time: time) }
    }

    private func fetchInstrument(_ symbol: String) {
        guard self.neededInstruments.insert(symbol).inserted else { return }
        self.run { [tickSize = self.services.tickSize] in
            guard let size = await tickSize(symbol) else { return { $0.instrumentMissing(symbol) } }
            return { $0.instrumentFetched(symbol, size) }
        }
    }

    private func instrumentFetched(_ symbol: String, _ size: FixedPoint) {
        self.neededInstruments.remove(symbol)
        if self.desk.isFinishing { return }
        if self.desk.tickSizes[symbol] != size { self.tell(.ready, symbol: symbol, tickSize: size.description) }
        self.step { desk, _ in desk.setTickSize(size, of: symbol) }
    }

    private func instrumentMissing(_ symbol: String) {
        self.neededInstruments.remove(symbol)
        self.step { desk, _ in desk.instrumentMissing(symbol) }
        self.logger.warning(
            "the rules of \(symbol) cannot be had; nothing is decided about it meanwhile",
            metadata: ["account": "\(self.desk.settings.account)"]
        )
        _ = self.eventLoop.scheduleTask(in: Self.instrumentRetry) { [weak self] in
            guard let self, !self.isStopped else { return }
            self.fetchInstrument(symbol)
        }
    }

    /// Runs something slow apart from the loop and brings its outcome back to it.
    private func run(_ body: @escaping @Sendable () async -> (@Sendable (AccountExecutor) -> Void)) {
        let id = self.nextTask
        self.nextTask += 1
        self.tasks[id] = Task(executorPreference: self.services.taskExecutor) { [weak self] in
            let finish = await body()
            guard let self else { return }
            self.eventLoop.execute {
                self.tasks[id] = nil
                finish(self)
            }
        }
    }

    // MARK: Time

    private func arm() {
        let deadline = self.desk.nextDeadline ?? .distantFuture
        if self.timer != nil, deadline >= self.timerDeadline { return }
        self.timer?.cancel()
        self.timer = nil
        guard deadline < .distantFuture, !self.isStopped else { return }
        self.timerDeadline = deadline
        self.timer = self.eventLoop.scheduleTask(deadline: deadline.deadline) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.step { $0.timeReached(at: $1) }
        }
    }

    private func scheduleFlush() {
        if self.isFlushScheduled { return }
        self.isFlushScheduled = true
        _ = self.eventLoop.scheduleTask(in: Self.flushDelay) { [weak self] in
            self?.isFlushScheduled = false
            self?.flush()
        }
    }

    private func flush() {
        let states = self.records(self.desk.takeDirtyStates())
        if states.isEmpty { return }
        self.services.journal.recordStates(account: self.desk.settings.account, states)
    }

    private func log(_ action: Action) {
        self.logger.info(
            "\(action.name) of \(action.seat.name)",
            metadata: [
                "account": "\(self.desk.settings.account)", "symbol": "\(action.opening.key.symbol)",
                "order_link_id": "\(action.id)", "dry_run": "\(action.isDryRun)",
            ]
        )
    }
}

/// One of the account's consumers, as the pipeline calls it.
private final class SeatedConsumer: PositionConsumer {
    let name: String
    private let seat: ConsumerSeat
    private let executor: AccountExecutor

    init(_ seat: ConsumerSeat, _ executor: AccountExecutor) {
        self.name = seat.name
        self.seat = seat
        self.executor = executor
    }

    func handle(_ update: PositionUpdate, n: Int64) throws {
        try self.executor.handle(self.seat, update, n: n)
    }
}

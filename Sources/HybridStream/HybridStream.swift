public import Logging
public import NIOCore

/// What a ``HybridStream`` tells its owner besides positions. Every call comes on the account's event loop.
public protocol HybridStreamObserver: AnyObject {
    func streamStateChanged(
        from old: AccountMachine.State,
        to new: AccountMachine.State,
        reason: String
    )
    /// The exchange's word on a position changed: what a store keeps.
    func positionChanged(_ change: PositionBook.Change)
    /// The private connection had been away, and what was missed is known now.
    func streamRecovered(_ recovery: StreamRecovery)
    /// Something an operator should know of, once per cause until it is over.
    func streamAlert(code: String, symbol: String, text: String)
    /// What an alert was about is over.
    func streamAlertResolved(code: String)
    /// Everything that one read or one sweep brought has been handed over.
    func batchCompleted()
}

/// What a gap of the private connection cost.
public struct StreamRecovery: Sendable, Equatable {
    public var reason: String
    /// From the last sign of life to the sweep that showed what had been missed.
    public var length: Duration
    /// Positions that were open when the connection was lost.
    public var lost: Int
    /// Positions that are open and confirmed now.
    public var restored: Int
    /// Lifecycle events of the time in between.
    public var changes: Int

    public init(reason: String, length: Duration, lost: Int, restored: Int, changes: Int) {
        self.reason = reason
        self.length = length
        self.lost = lost
        self.restored = restored
        self.changes = changes
    }
}

/// Who measures what the stream says against what REST says. Every call comes on the account's event loop.
public protocol StreamWatcher: AnyObject {
    /// One row of the private socket, as it came.
    func streamRow(_ position: Position, now: Uptime)
    /// The private connection tells every change from now on, or does not any more.
    func streamListens(_ isListening: Bool, now: Uptime)
    /// A listing that reached its last page, before it is merged into anything.
    func streamSwept(_ sweep: PositionSweep, now: Uptime)
    /// What it has shown is in the stream's own book now.
    func streamMerged(now: Uptime)
}

/// What an account's stream asks over REST.
public protocol AccountREST: Sendable {
    func checkKey(_ account: AccountIdentity) async -> AccountMachine.KeyVerdict
    /// - Parameter isUrgent: the account holds positions and waits for the answer.
    func sweep(
        _ account: AccountIdentity,
        category: Category,
        settleCoins: [String],
        isUrgent: Bool
    ) async -> PositionSweep
}

/// One account's stream: its private socket, its share of the ticker feed, and REST, merged into position updates.
///
/// A shell: ``AccountMachine`` decides, this carries out. Confined to one event loop.
public final class HybridStream: @unchecked Sendable {
    public struct Settings: Sendable {
        public var category: Category
        public var settleCoins: [String]
        public var privateEndpoint: WebSocketEndpoint
        public var machine: AccountMachine.Settings

        public init(
            category: Category,
            settleCoins: [String],
            privateEndpoint: WebSocketEndpoint,
            machine: AccountMachine.Settings
        ) {
            self.category = category
            self.settleCoins = settleCoins
            self.privateEndpoint = privateEndpoint
            self.machine = machine
        }
    }

    /// What all accounts of a process share.
    public struct Services: Sendable {
        public var rest: any AccountREST
        public var clock: ServerClock
        public var gate: ConnectionGate
        public var environment: StreamEnvironment

        public init(
            rest: any AccountREST,
            clock: ServerClock,
            gate: ConnectionGate,
            environment: StreamEnvironment
        ) {
            self.rest = rest
            self.clock = clock
            self.gate = gate
            self.environment = environment
        }
    }

    /// `expires` of an authentication lies this far ahead of the exchange's clock.
    static let authenticationLead: Int64 = 10_000
    /// More rows than this are not buffered during a sweep; another sweep finds what they said.
    static let maxBufferedRows = 10_000
    /// So many different texts of one kind are told.
    static let maxReports = 20

    public let account: AccountIdentity
    public let eventLoop: any EventLoop
    public let tracker: PositionTracker
    let settings: Settings
    let services: Services
    private let logger: Logger
    private unowned let observer: any HybridStreamObserver
    /// Measures the stream, where somebody wants to know how good it is.
    public weak var watcher: (any StreamWatcher)?
    var machine: AccountMachine
    /// What feeds the consumers, and what runs beside it.
    public internal(set) var drive: Drive
    /// The stream's own view while REST feeds consumers: nothing of it reaches them.
    public internal(set) var shadow: PositionTracker?
    let hub: MarkHub
    let shadowUpdates: any PositionObserver
    /// A sweep that leaves then or later is merged into the shadow's book as well.
    var shadowSweepDue = Uptime.distantPast
    /// So long every sweep is: the first ones may be from before what the stream was told last.
    var shadowSettlesUntil = Uptime.distantPast
    /// When the request of the last listing left that shows all that the consumers are told.
    var lastListing: Uptime?
    var preparing: Preparation?
    private var wasListening = false
    private var socket: WebSocket?
    var ticket: ConnectionBudget.Ticket?
    /// The gate waits for the outcome of an attempt.
    private var isAttempting = false
    private var timer: Scheduled<Void>?
    private var timerDeadline = Uptime.distantFuture
    /// Rows that came while a sweep was awaited, with the time of their arrival.
    private var buffer: [(row: Position, arrival: Uptime)] = []
    private var bufferOverflowed = false
    private var stopPromise: EventLoopPromise<Void>?
    /// By code: what was told of this kind since it began. Each text is told once.
    private var reported: [String: Set<String>] = [:]
    /// Something of the private socket could not be read since the sweep under way was asked for.
    private var hasUnread = false
    private var tasks: [UInt64: Task<Void, Never>] = [:]
    private var nextTask: UInt64 = 0
    /// Rows of the last sweep that could not be read: positions that nobody watches.
    private(set) var unreadableRows = 0
    private(set) var closures = RecentTimes()
    private(set) var errors = RecentTimes()
    /// What was open when the private connection was lost, and the changes since; nil while there is no gap.
    var gap: (lost: Int, changes: Int)?

    /// - Parameters:
    ///   - drive: what feeds the consumers at first.
    ///   - hub: of the account's loop.
    ///   - updates: where position updates go; kept as long as the stream.
    ///   - shadowUpdates: where those of a stream go that runs beside REST; kept as well.
    ///   - observer: must outlive the stream.
    public init(
        account: AccountIdentity,
        settings: Settings,
        services: Services,
        eventLoop: any EventLoop,
        drive: Drive,
        hub: MarkHub,
        updates: any PositionObserver,
        shadowUpdates: any PositionObserver,
        observer: any HybridStreamObserver,
        logger: Logger
    ) {
        self.account = account
        self.settings = settings
        self.services = services
        self.eventLoop = eventLoop
        self.observer = observer
        self.logger = logger
        self.drive = drive
        self.hub = hub
        self.shadowUpdates = shadowUpdates
        self.tracker = PositionTracker(hub: hub, drive: drive, observer: updates)
        var machine = settings.machine
        machine.mode = drive.mode
        self.machine = AccountMachine(settings: machine, seed: services.environment.seed())
        self.tracker.onChange = { [unowned self] change in
            self.gap?.changes += 1
            self.observer.positionChanged(change)
        }
    }

    /// - Parameter stored: what the store remembers of the account's positions.
    public func start(restoring stored: [Position]) {
        self.eventLoop.execute {
            self.tracker.restore(stored)
            if self.drive.isCompared { self.makeShadow() }
            self.step { machine, now, actions in machine.start(now: now, actions: &actions) }
        }
    }

    /// The private connection is up and tells every change of a position at once. On the event loop.
    public var isListening: Bool { self.machine.isListening }

    /// Somebody has learned something that the book may not know yet. On the event loop.
    public func requestSweep() {
        guard self.machine.state != .stopped else { return }
        self.step { machine, now, actions in machine.needSweep(now: now, actions: &actions) }
    }

    /// A sweep is needed within `pause`. On the event loop.
    public func requestSweep(within pause: Duration) {
        guard self.machine.state != .stopped else { return }
        self.step { machine, now, actions in machine.needSweep(by: now + pause, now: now, actions: &actions) }
    }

    /// The stream's own view: what it tells, or would tell, the consumers.
    public var streamView: PositionTracker { self.shadow ?? self.tracker }

    /// Attempts to connect that ended too early, and subscriptions that were refused, since the start.
    public var failures: (connects: Int, subscriptions: Int) {
        (self.machine.failedConnects, self.machine.failedSubscriptions)
    }

    /// Releases the tickers, closes the socket with 1000, and waits for what is under way.
    public func stop() async throws {
        let (closed, tasks) = try await self.eventLoop.submit { self.beginStopping() }.get()
        try await closed.get()
        for task in tasks { await task.value }
    }

    private func beginStopping() -> (closed: EventLoopFuture<Void>, tasks: [Task<Void, Never>]) {
        guard self.stopPromise == nil, self.machine.state != .stopped else {
            return (self.stopPromise?.futureResult ?? self.eventLoop.makeSucceededVoidFuture(), [])
        }
        if let ticket = self.ticket { self.services.gate.cancel(ticket) }
        self.abandonPreparation()
        let tasks = Array(self.tasks.values)
        for task in tasks { task.cancel() }
        self.tracker.releaseAll()
        self.shadow?.releaseAll()
        var closed = self.eventLoop.makeSucceededVoidFuture()
        if self.socket != nil {
            let promise = self.eventLoop.makePromise(of: Void.self)
            self.stopPromise = promise
            closed = promise.futureResult
        }
        self.step { machine, now, actions in machine.stop(now: now, actions: &actions) }
        self.timer?.cancel()
        return (closed, tasks)
    }

    var now: Uptime { self.services.environment.time.uptime() }
    var wallTime: Int64 { self.services.environment.time.wall() }

    // MARK: Actions

    func step(_ body: (inout AccountMachine, Uptime, inout [AccountMachine.Action]) -> Void) {
        var actions: [AccountMachine.Action] = []
        body(&self.machine, self.now, &actions)
        for action in actions { self.perform(action) }
        if self.machine.isListening != self.wasListening {
            self.wasListening = self.machine.isListening
            self.watcher?.streamListens(self.wasListening, now: self.now)
        }
        self.arm()
    }

    private func perform(_ action: AccountMachine.Action) {
        switch action {
        case .checkKey:
            self.run { stream in
                let verdict = await stream.services.rest.checkKey(stream.account)
                return { stream in
                    stream.step { machine, now, actions in machine.keyChecked(verdict, now: now, actions: &actions) }
                }
            }
        case .requestConnection:
            let urgency: ConnectionBudget.Urgency = self.tracker.book.openCount > 0 ? .holding : .flat
            let gate = self.services.gate
            self.ticket = gate.request(urgency: urgency, on: self.eventLoop) { [weak self] in
                guard let self else { return gate.ended(.abandoned) }
                self.ticket = nil
                self.isAttempting = true
                self.step { machine, now, actions in machine.granted(now: now, actions: &actions) }
                if self.socket == nil { self.attemptEnded(.abandoned) }
            }
        case .connect:
            self.socket = WebSocket(
                to: self.settings.privateEndpoint,
                on: self.eventLoop,
                connector: self.services.environment.connector,
                connectTimeout: self.settings.machine.connectTimeout,
                delegate: self
            )
        case .authenticate:
            self.authenticate()
        case .send(let text):
            self.socket?.send(text)
        case .close(let code, let reason):
            guard let socket = self.socket, !socket.isClosed else {
                // Nothing is there that could report its end.
                self.socket = nil
                self.step { machine, now, actions in machine.closed(reason: reason, now: now, actions: &actions) }
                break
            }
            if let code { socket.close(code: UInt16(code), reason: reason) } else { socket.abort(reason) }
        case .sweep:
            self.sweep()
        case .listingsOverdue:
            self.tracker.rowMarksOverdue(wallTime: self.wallTime)
            self.observer.batchCompleted()
        case .releaseBuffer:
            self.releaseBuffer()
        case .recovered(let reason, let length):
            let gap = self.gap ?? (lost: 0, changes: 0)
            self.gap = nil
            self.observer.streamRecovered(
                StreamRecovery(
                    reason: reason,
                    length: length,
                    lost: gap.lost,
                    restored: self.tracker.book.openCount,
                    changes: gap.changes
                )
            )
        case .stateChanged(let old, let new, let reason):
            self.observer.streamStateChanged(from: old, to: new, reason: reason)
            self.observer.batchCompleted()
        }
    }

    private func attemptEnded(_ outcome: ConnectionPace.Outcome) {
        guard self.isAttempting else { return }
        self.isAttempting = false
        self.services.gate.ended(outcome)
    }

    private func authenticate() {
        let credentials = self.account.credentials
        let expires = self.services.clock.nowMilliseconds() + Self.authenticationLead
        do {
            let signature = try Signing.webSocketAuthentication(expires: expires, credentials: credentials)
            self.socket?.send(
                OperationRequest.authenticate(
                    apiKey: credentials.apiKey,
                    expires: expires,
                    signature: signature,
                    requestID: AccountMachine.authenticateRequestID
                )
            )
        } catch {
            self.socket?.abort("the request could not be signed: \(error)")
        }
    }

    private func sweep() {
        self.hasUnread = false
        let urgent = self.machine.isBuffering || self.tracker.book.openCount > 0
        self.run { stream in
            let result = await stream.services.rest.sweep(
                stream.account,
                category: stream.settings.category,
                settleCoins: stream.settings.settleCoins,
                isUrgent: urgent
            )
            return { stream in stream.swept(result) }
        }
    }

    private func swept(_ sweep: PositionSweep) {
        if self.machine.state == .stopped { return }
        let now = self.now
        var outcome = PositionBook.Reconciliation()
        var streamOutcome: PositionBook.Reconciliation?
        if sweep.isUsable {
            self.watcher?.streamSwept(sweep, now: now)
            let isWanted =
                self.machine.isBuffering || sweep.requestedUptime >= self.shadowSweepDue
                || now < self.shadowSettlesUntil || self.machine.awaitsConfirmation
            // What was heard while the sweep was under way comes first. The other way round a leg that the sweep no longer
            // lists would be closed, and opened again by a row from before its close.
            if self.machine.isBuffering { self.releaseBuffer() }
            let listing = PositionBook.Listing(
                rows: sweep.rows,
                coversAll: sweep.isComplete,
                isOneMoment: sweep.isOneMoment,
                requested: sweep.requestedUptime,
                serverTime: sweep.serverTime
            )
            outcome = self.tracker.reconcile(
                listing,
                isListening: self.machine.isListening,
                isDriving: self.machine.driver == .hybrid,
                wallTime: self.wallTime,
                now: now
            )
            if outcome.isConclusive { self.lastListing = sweep.requestedUptime }
            if isWanted { streamOutcome = self.reconcileShadow(listing, now: now) }
            if self.shadow == nil || streamOutcome != nil { self.watcher?.streamMerged(now: now) }
            for refusal in sweep.refused { self.reportOnce("position_row_refused", refusal) }
            self.unreadableRows = sweep.refused.count
            // All that could not be read is known from this sweep.
            if sweep.refused.isEmpty, !self.hasUnread { self.resolveReports() }
        } else {
            self.errors.add(now)
        }
        if let failure = sweep.failure, failure.isPermanentForAccount || failure.category == .permission {
            self.step { machine, now, actions in
                machine.accountRefused("\(failure)", now: now, actions: &actions)
            }
            return
        }
        self.step { machine, now, actions in
            machine.sweepFinished(
                isUsable: sweep.isUsable,
                isConclusive: outcome.isConclusive,
                isStreamConclusive: self.shadow == nil ? nil : streamOutcome?.isConclusive ?? false,
                followUp: [outcome.followUp, streamOutcome?.followUp, self.hurry(outcome)].compactMap { $0 }.min(),
                isDeaf: outcome.isDeaf || streamOutcome?.isDeaf ?? false,
                failure: sweep.failure.map { "\($0)" },
                now: now,
                actions: &actions
            )
        }
        self.observer.batchCompleted()
    }

    /// Whoever waits for REST to take over is not kept waiting by a row that came just after a listing.
    private func hurry(_ outcome: PositionBook.Reconciliation) -> Duration? {
        self.preparing == nil || outcome.isConclusive ? nil : PositionBook.confirmationPause
    }

    /// Runs something slow apart from the loop and brings its outcome back to it.
    private func run(_ body: @escaping @Sendable (HybridStream) async -> (@Sendable (HybridStream) -> Void)) {
        let id = self.nextTask
        self.nextTask += 1
        self.tasks[id] = Task(executorPreference: self.services.environment.executor) { [weak self] in
            guard let self else { return }
            let finish = await body(self)
            self.eventLoop.execute {
                self.tasks[id] = nil
                finish(self)
            }
        }
    }

    private func arm() {
        let deadline = self.machine.deadline
        if self.timer != nil, deadline >= self.timerDeadline { return }
        self.timer?.cancel()
        self.timer = nil
        guard deadline < .distantFuture else { return }
        self.timerDeadline = deadline
        self.timer = self.eventLoop.scheduleTask(deadline: deadline.deadline) { [weak self] in
            self?.timer = nil
            self?.step { machine, now, actions in machine.tick(now: now, actions: &actions) }
        }
    }

    // MARK: Rows

    private func received(_ rows: [Position], now: Uptime) {
        if let watcher = self.watcher {
            for row in rows { watcher.streamRow(row, now: now) }
        }
        if self.machine.isBuffering {
            if self.buffer.count + rows.count > Self.maxBufferedRows {
                self.bufferOverflowed = true
            } else {
                for row in rows { self.buffer.append((row, now)) }
            }
            return
        }
        let wallTime = self.wallTime
        for row in rows { self.merge(row, wallTime: wallTime, now: now) }
        self.askIfInDoubt()
    }

    /// Consumers get what the stream drives; its own view gets everything.
    private func merge(_ row: Position, wallTime: Int64, now: Uptime) {
        self.shadow?.receive(row, wallTime: wallTime, now: now)
        if self.drive.streams(row.key.symbol) { self.tracker.receive(row, wallTime: wallTime, now: now) }
    }

    func batchEnded() { self.observer.batchCompleted() }

    private func askIfInDoubt() {
        let isShadowInDoubt = self.shadow?.takeDoubt() ?? false
        if isShadowInDoubt { self.shadowSweepDue = min(self.shadowSweepDue, self.now) }
        guard self.tracker.takeDoubt() || isShadowInDoubt else { return }
        self.step { machine, now, actions in machine.needSweep(now: now, actions: &actions) }
    }

    func releaseBuffer() {
        let rows = self.buffer
        self.buffer = []
        let wallTime = self.wallTime
        for (row, arrival) in rows { self.merge(row, wallTime: wallTime, now: arrival) }
        self.observer.batchCompleted()
        self.askIfInDoubt()
        if self.bufferOverflowed {
            self.bufferOverflowed = false
            self.step { machine, now, actions in machine.needSweep(now: now, actions: &actions) }
        }
    }

    /// Counted always, told once per kind and text until a whole sweep has made it good.
    private func reportOnce(_ code: String, _ text: String) {
        self.hasUnread = true
        self.errors.add(self.now)
        guard self.reported[code, default: []].count < Self.maxReports,
            self.reported[code, default: []].insert(text).inserted
        else { return }
        self.logger.warning("\(text)", metadata: ["account": "\(self.account.name)", "code": "\(code)"])
        self.observer.streamAlert(code: code, symbol: "", text: text)
    }

    private func resolveReports() {
        for code in self.reported.keys.sorted() { self.observer.streamAlertResolved(code: code) }
        self.reported = [:]
    }
}

extension HybridStream: WebSocketDelegate {
    func webSocketOpened(_ socket: WebSocket) {
        self.attemptEnded(.connected)
        self.step { machine, now, actions in machine.opened(now: now, actions: &actions) }
    }

    func webSocket(_ socket: WebSocket, received text: UnsafeRawBufferPointer) {
        switch PrivateFrame(text, category: self.settings.category) {
        case .positions(let rows, let refused, _):
            guard self.machine.acceptsRows else { return }
            self.received(rows.filter { $0.key.category == self.settings.category }, now: self.now)
            for refusal in refused where !refusal.isForeign {
                self.reportOnce("position_row_refused", "a position row could not be read: \(refusal)")
                self.step { machine, now, actions in machine.receivedUnreadable(now: now, actions: &actions) }
            }
        case .reply(let reply):
            self.step { machine, now, actions in machine.received(reply: reply, now: now, actions: &actions) }
        case .other:
            break
        case .malformed:
            self.reportOnce("malformed_frame", "the private socket sent a frame that is not readable JSON")
            self.step { machine, now, actions in machine.receivedUnreadable(now: now, actions: &actions) }
        }
    }

    func webSocketReadCompleted(_ socket: WebSocket) {
        self.machine.frameArrived(now: self.now)
        self.observer.batchCompleted()
    }

    func webSocketClosed(_ socket: WebSocket, closure: WebSocketClosure) {
        guard socket === self.socket else { return }
        self.socket = nil
        self.tracker.connectionLost()
        self.shadow?.connectionLost()
        let isLeaving = self.machine.isLeaving
        if self.machine.state != .stopped, self.machine.mode != .rest, !isLeaving {
            self.closures.add(self.now)
            self.errors.add(self.now)
            self.logger.info(
                "private socket closed",
                metadata: ["account": "\(self.account.name)", "reason": "\(closure)"]
            )
        }
        self.attemptEnded(self.machine.state == .stopped || isLeaving ? .abandoned : .failed)
        let isPaced = self.services.gate.isProbing
        self.step { machine, now, actions in
            machine.closed(reason: closure.text, isPaced: isPaced, now: now, actions: &actions)
        }
        if self.gap == nil, self.machine.hasGap { self.gap = (self.tracker.book.openCount, 0) }
        self.stopPromise?.succeed()
        self.stopPromise = nil
    }
}

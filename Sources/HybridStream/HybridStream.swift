public import Logging
public import NIOCore
public import NIOSSL

/// What a ``HybridStream`` tells its owner besides positions. Every call comes on the account's event loop.
public protocol HybridStreamObserver: AnyObject {
    func streamStateChanged(
        from old: AccountMachine.State,
        to new: AccountMachine.State,
        reason: String
    )
    /// The exchange's word on a position changed: what a store keeps.
    func positionChanged(_ change: PositionBook.Change)
    /// Something an operator should know of, once per cause until it is over.
    func streamAlert(code: String, symbol: String, text: String)
    /// Everything that one read or one sweep brought has been handed over.
    func batchCompleted()
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
        public var tls: NIOSSLContext?

        public init(rest: any AccountREST, clock: ServerClock, gate: ConnectionGate, tls: NIOSSLContext?) {
            self.rest = rest
            self.clock = clock
            self.gate = gate
            self.tls = tls
        }
    }

    /// `expires` of an authentication lies this far ahead of the exchange's clock.
    static let authenticationLead: Int64 = 10_000
    /// More rows than this are not buffered during a sweep; another sweep finds what they said.
    static let maxBufferedRows = 10_000

    public let account: AccountIdentity
    public let eventLoop: any EventLoop
    public let tracker: PositionTracker
    private let settings: Settings
    private let services: Services
    private let logger: Logger
    private unowned let observer: any HybridStreamObserver
    private var machine: AccountMachine
    private var socket: WebSocket?
    private var ticket: ConnectionBudget.Ticket?
    private var timer: Scheduled<Void>?
    private var timerDeadline = Uptime.distantFuture
    private var buffer: [Position] = []
    private var bufferOverflowed = false
    private var stopPromise: EventLoopPromise<Void>?
    private var reported: Set<String> = []
    private var tasks: [UInt64: Task<Void, Never>] = [:]
    private var nextTask: UInt64 = 0
    /// Rows of the last sweep that could not be read: positions that nobody watches.
    private var unreadableRows = 0
    private var closures = RecentTimes()
    private var errors = RecentTimes()

    /// - Parameters:
    ///   - hub: of the account's loop; nil in mode `rest`, where marks come with the positions.
    ///   - updates: where position updates go; kept as long as the stream.
    ///   - observer: must outlive the stream.
    public init(
        account: AccountIdentity,
        settings: Settings,
        services: Services,
        eventLoop: any EventLoop,
        hub: MarkHub?,
        updates: any PositionObserver,
        observer: any HybridStreamObserver,
        logger: Logger
    ) {
        self.account = account
        self.settings = settings
        self.services = services
        self.eventLoop = eventLoop
        self.observer = observer
        self.logger = logger
        self.tracker = PositionTracker(hub: hub, observer: updates)
        self.machine = AccountMachine(settings: settings.machine, seed: .random(in: .min ... .max))
        self.tracker.onChange = { [unowned observer] change in observer.positionChanged(change) }
    }

    /// - Parameter stored: what the store remembers of the account's positions.
    public func start(restoring stored: [Position]) {
        self.eventLoop.execute {
            self.tracker.restore(stored)
            self.step { machine, now, actions in machine.start(now: now, actions: &actions) }
        }
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
        let tasks = Array(self.tasks.values)
        for task in tasks { task.cancel() }
        self.tracker.releaseAll()
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

    // MARK: Actions

    private func step(_ body: (inout AccountMachine, Uptime, inout [AccountMachine.Action]) -> Void) {
        var actions: [AccountMachine.Action] = []
        body(&self.machine, .now(), &actions)
        for action in actions { self.perform(action) }
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
            self.ticket = self.services.gate.request(urgency: urgency, on: self.eventLoop) { [weak self] in
                self?.ticket = nil
                self?.step { machine, now, actions in machine.granted(now: now, actions: &actions) }
            }
        case .connect:
            self.socket = WebSocket(
                to: self.settings.privateEndpoint,
                on: self.eventLoop,
                tls: self.services.tls,
                connectTimeout: .nanoseconds(self.settings.machine.connectTimeout.nanoseconds),
                delegate: self
            )
        case .authenticate:
            self.authenticate()
        case .send(let text):
            self.socket?.send(text)
        case .close(let code, let reason):
            guard let socket = self.socket else {
                // Nothing is there that could report its end.
                self.step { machine, now, actions in machine.closed(reason: reason, now: now, actions: &actions) }
                break
            }
            if let code { socket.close(code: UInt16(code), reason: reason) } else { socket.abort(reason) }
        case .sweep:
            self.sweep()
        case .releaseBuffer:
            self.releaseBuffer()
        case .stateChanged(let old, let new, let reason):
            self.observer.streamStateChanged(from: old, to: new, reason: reason)
            self.observer.batchCompleted()
        }
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
        let now = Uptime.now()
        var followUp = false
        if sweep.isUsable {
            followUp = self.tracker.reconcile(
                sweep.rows,
                coversAll: sweep.isComplete,
                isOneMoment: sweep.isOneMoment,
                requested: sweep.requestedUptime,
                source: self.machine.driver == .rest ? .rest : .hybrid,
                serverTime: sweep.serverTime,
                wallTime: WallClock.milliseconds(),
                now: now
            )
            for refusal in sweep.refused { self.reportOnce("position_row_refused", refusal) }
            self.unreadableRows = sweep.refused.count
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
                needsFollowUp: followUp,
                failure: sweep.failure.map { "\($0)" },
                now: now,
                actions: &actions
            )
        }
        self.observer.batchCompleted()
    }

    /// Runs something slow apart from the loop and brings its outcome back to it.
    private func run(_ body: @escaping @Sendable (HybridStream) async -> (@Sendable (HybridStream) -> Void)) {
        let id = self.nextTask
        self.nextTask += 1
        self.tasks[id] = Task { [weak self] in
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
        if self.machine.isBuffering {
            if self.buffer.count + rows.count > Self.maxBufferedRows {
                self.bufferOverflowed = true
            } else {
                self.buffer.append(contentsOf: rows)
            }
            return
        }
        let wallTime = WallClock.milliseconds()
        for row in rows { self.tracker.receive(row, wallTime: wallTime, now: now) }
    }

    private func releaseBuffer() {
        let rows = self.buffer
        self.buffer = []
        let wallTime = WallClock.milliseconds()
        for row in rows { self.tracker.receive(row, wallTime: wallTime, now: .now()) }
        self.observer.batchCompleted()
        if self.bufferOverflowed {
            self.bufferOverflowed = false
            self.step { machine, now, actions in machine.needSweep(now: now, actions: &actions) }
        }
    }

    private func reportOnce(_ code: String, _ text: String) {
        guard self.reported.count < 100, self.reported.insert(code + text).inserted else { return }
        self.errors.add(.now())
        self.logger.warning("\(text)", metadata: ["account": "\(self.account.name)", "code": "\(code)"])
        self.observer.streamAlert(code: code, symbol: "", text: text)
    }
}

extension HybridStream: WebSocketDelegate {
    func webSocketOpened(_ socket: WebSocket) {
        self.step { machine, now, actions in machine.opened(now: now, actions: &actions) }
    }

    func webSocket(_ socket: WebSocket, received text: UnsafeRawBufferPointer) {
        switch PrivateFrame(text, category: self.settings.category) {
        case .positions(let rows, let refused, _):
            guard self.machine.acceptsRows else { return }
            self.received(rows.filter { $0.key.category == self.settings.category }, now: .now())
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
        self.machine.frameArrived(now: .now())
        self.observer.batchCompleted()
    }

    func webSocketClosed(_ socket: WebSocket, closure: WebSocketClosure) {
        guard socket === self.socket else { return }
        self.socket = nil
        if self.machine.state != .stopped {
            self.closures.add(.now())
            self.errors.add(.now())
            self.logger.info(
                "private socket closed",
                metadata: ["account": "\(self.account.name)", "reason": "\(closure)"]
            )
        }
        self.step { machine, now, actions in
            machine.closed(reason: closure.text, now: now, actions: &actions)
        }
        self.stopPromise?.succeed()
        self.stopPromise = nil
    }
}

extension HybridStream {
    /// What `status` shows of the account. Taken on its loop.
    public struct Snapshot: Sendable {
        public var state: AccountMachine.State
        public var reason: String
        public var driver: AccountMachine.Driver
        public var connectionState: AccountMachine.ConnectionState
        public var connects: Int
        public var lastFrame: Uptime?
        public var lastError: String?
        public var reconnectsLastHour: Int
        public var errorsLastHour: Int
        /// Rows of the last sweep that could not be read.
        public var unreadableRows: Int
        public var positions: [PositionSnapshot]
    }

    public struct PositionSnapshot: Sendable {
        public var position: Position
        public var mark: FixedPoint?
        public var isStale: Bool
        /// When a sweep's row last brought the mark, where no ticker does.
        public var rowTime: Uptime?
        public var unrealizedPnL: FixedPoint?
    }

    public func snapshot(includePositions: Bool) -> Snapshot {
        self.eventLoop.assertInEventLoop()
        var positions: [PositionSnapshot] = []
        if includePositions {
            for (slot, cell) in self.tracker.book.cells.enumerated() where cell.position.isOpen {
                let known = self.tracker.mark(slot)
                let mark = known.price ?? cell.position.rowMarkPrice
                let rowTime = self.tracker.rowTime(slot)
                // Polling drives mode `rest`: three polls without a word are silence.
                let isOverdue = rowTime.map { $0 + self.settings.machine.pollInterval * 3 < .now() } ?? false
                let isStale = known.isStale || self.settings.machine.mode == .rest && isOverdue
                positions.append(
                    PositionSnapshot(
                        position: cell.position,
                        mark: mark,
                        isStale: isStale,
                        rowTime: rowTime,
                        unrealizedPnL: mark.flatMap { cell.position.unrealizedPnL(at: $0) }
                    )
                )
            }
        }
        let now = Uptime.now()
        return Snapshot(
            state: self.machine.state,
            reason: self.machine.reason,
            driver: self.machine.driver,
            connectionState: self.machine.connectionState,
            connects: self.machine.connects,
            lastFrame: self.machine.lastFrame,
            lastError: self.machine.lastError,
            reconnectsLastHour: self.closures.count(now: now),
            errorsLastHour: self.errors.count(now: now),
            unreadableRows: self.unreadableRows,
            positions: positions
        )
    }

    /// Whether any leg's mark is too old to act on. On the account's loop.
    public var hasStaleMarks: Bool {
        self.tracker.book.cells.indices.contains {
            self.tracker.book.cells[$0].position.isOpen && self.tracker.mark($0).isStale
        }
    }
}

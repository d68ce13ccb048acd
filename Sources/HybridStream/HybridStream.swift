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
    let logger: Logger
    unowned let observer: any HybridStreamObserver
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
    var wasListening = false
    var socket: WebSocket?
    var ticket: ConnectionBudget.Ticket?
    /// The gate waits for the outcome of an attempt.
    var isAttempting = false
    var timer: Scheduled<Void>?
    var timerDeadline = Uptime.distantFuture
    /// Rows that came while a sweep was awaited, with the time of their arrival.
    var buffer: [(row: Position, arrival: Uptime)] = []
    var bufferOverflowed = false
    var stopPromise: EventLoopPromise<Void>?
    /// By code: what was told of this kind since it began. Each text is told once.
    var reported: [String: Set<String>] = [:]
    /// Something of the private socket could not be read since the sweep under way was asked for.
    var hasUnread = false
    var tasks: [UInt64: Task<Void, Never>] = [:]
    var nextTask: UInt64 = 0
    /// Rows of the last sweep that could not be read: positions that nobody watches.
    var unreadableRows = 0
    var closures = RecentTimes()
    var errors = RecentTimes()
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
}

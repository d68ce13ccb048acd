public import Logging
public import NIOCore

/// The one public ticker connection that all accounts share: the shell of ``TickerFeedMachine``.
///
/// Lives on one event loop. A frame is parsed once, in place; its mark goes once to each loop's ``MarkHub``.
public final class TickerFeed: TickerSource, @unchecked Sendable {
    /// Who on which loop holds a slot.
    private struct Subscriber {
        let hub: MarkHub
        let index: Int
    }

    public let eventLoop: any EventLoop
    private let endpoint: WebSocketEndpoint
    private let environment: StreamEnvironment
    private let gate: ConnectionGate
    private let rest: (any TickerREST)?
    private let category: Category
    private let logger: Logger
    private var machine: TickerFeedMachine
    private var socket: WebSocket?
    private var subscribers: ContiguousArray<[Subscriber]> = []
    /// Hubs that got marks in this read and have not been told that it ended.
    private var touched: [MarkHub] = []
    private var timer: Scheduled<Void>?
    private var timerDeadline = Uptime.distantFuture
    private var wallTime: Int64 = 0
    private var readTime = Uptime(nanoseconds: 0)
    private var isReading = false
    private var stopPromise: EventLoopPromise<Void>?
    /// Told of topics that the exchange refuses: symbol and reason. On the feed's loop.
    public var onQuarantine: ((String, String) -> Void)?
    /// Told when a gap is over, and before that if it lasts too long. On the feed's loop.
    public var onGap: ((GapReport) -> Void)?

    /// - Parameter rest: asked for the marks of symbols whose ticker is silent; nil if nobody is.
    public init(
        endpoint: WebSocketEndpoint,
        settings: TickerFeedMachine.Settings,
        on eventLoop: any EventLoop,
        environment: StreamEnvironment,
        gate: ConnectionGate,
        rest: (any TickerREST)?,
        logger: Logger
    ) {
        self.endpoint = endpoint
        self.eventLoop = eventLoop
        self.environment = environment
        self.gate = gate
        self.rest = rest
        self.category = settings.category
        self.logger = logger
        self.connectTimeout = settings.connectTimeout
        self.machine = TickerFeedMachine(settings: settings, seed: environment.seed())
    }

    private let connectTimeout: Duration
    private var now: Uptime { self.environment.time.uptime() }

    public func makeHub(on eventLoop: any EventLoop) -> MarkHub {
        MarkHub(eventLoop: eventLoop, feed: self, time: self.environment.time)
    }

    /// Closes the connection with 1000 and opens none again.
    public func stop() -> EventLoopFuture<Void> {
        let promise = self.eventLoop.makePromise(of: Void.self)
        self.eventLoop.execute {
            self.timer?.cancel()
            var actions: [TickerFeedMachine.Action] = []
            self.machine.stop(actions: &actions)
            guard let socket = self.socket else { return promise.succeed() }
            self.stopPromise = promise
            socket.close(code: 1000, reason: "shutting down")
        }
        return promise.futureResult
    }

    /// Lets go of all that keeps it and is kept by it. Only for a feed that nobody calls any more.
    package func dismantle() {
        self.subscribers = []
        self.onQuarantine = nil
        self.onGap = nil
    }

    // MARK: TickerSource, from any hub's loop

    package func acquire(_ symbol: String, for hub: MarkHub, index: Int) {
        self.onLoop {
            var actions: [TickerFeedMachine.Action] = []
            let now = self.now
            let slot = self.machine.acquire(symbol, now: now, actions: &actions)
            while self.subscribers.count <= slot { self.subscribers.append([]) }
            self.subscribers[slot].append(Subscriber(hub: hub, index: index))
            // The exchange sends its snapshot once: a hub that joins later gets what is known. Not what has grown old,
            // though: a hub takes what it is told for fresh, and the next frame is told anyhow.
            if let mark = self.machine.book.mark(slot), !self.machine.isStale(slot) {
                self.tell(Subscriber(hub: hub, index: index), mark)
            }
            self.perform(actions)
        }
    }

    package func release(_ symbol: String, for hub: MarkHub, index: Int) {
        self.onLoop {
            guard let slot = self.machine.symbols.slot(of: symbol),
                let place = self.subscribers[slot].firstIndex(where: { $0.hub === hub && $0.index == index })
            else { return }
            self.subscribers[slot].remove(at: place)
            var actions: [TickerFeedMachine.Action] = []
            self.machine.release(slot, now: self.now, actions: &actions)
            self.perform(actions)
        }
    }

    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        if self.eventLoop.inEventLoop { body() } else { self.eventLoop.execute(body) }
    }

    // MARK: Actions

    private func perform(_ actions: [TickerFeedMachine.Action]) {
        for action in actions {
            switch action {
            case .requestConnection:
                self.gate.request(urgency: .tickers, on: self.eventLoop) {
                    self.step { machine, now, actions in machine.granted(now: now, actions: &actions) }
                }
            case .connect:
                self.logger.debug("ticker feed connects", metadata: ["host": "\(self.endpoint.host)"])
                self.socket = WebSocket(
                    to: self.endpoint,
                    on: self.eventLoop,
                    connector: self.environment.connector,
                    connectTimeout: self.connectTimeout,
                    delegate: self
                )
            case .send(let text):
                self.socket?.send(text)
            case .close(let reason):
                if let socket = self.socket, !socket.isClosed {
                    socket.abort(reason)
                } else {
                    self.socket = nil
                    // Nothing is there that could report its end.
                    self.step { machine, now, actions in machine.closed(reason: reason, now: now, actions: &actions) }
                }
            case .stale(let slot):
                self.logger.warning("ticker is silent", metadata: ["symbol": "\(self.machine.symbols.symbols[slot])"])
                for subscriber in self.subscribers[slot] { self.tellStale(subscriber, self.now) }
            case .quarantined(let slot, let text):
                let symbol = self.machine.symbols.symbols[slot]
                self.logger.warning(
                    "ticker refused by the exchange; it is tried again later",
                    metadata: ["symbol": "\(symbol)", "reason": "\(text)"]
                )
                self.onQuarantine?(symbol, text)
            case .poll(let slots):
                self.poll(slots)
            case .polledMark(let slot):
                guard let mark = self.machine.book.mark(slot) else { break }
                let subscribers = self.subscribers[slot]
                for subscriber in subscribers { self.tell(subscriber, mark) }
            case .recovered(let gap):
                self.report(gap, isOver: true)
            case .notRecovered(let gap):
                self.report(gap, isOver: false)
            case .stateChanged:
                break
            }
        }
        self.arm()
    }

    private func poll(_ slots: [Int]) {
        let symbols = slots.map { self.machine.symbols.symbols[$0] }
        guard let rest = self.rest else { return self.polled([]) }
        Task(executorPreference: self.environment.executor) {
            let quotes = await rest.quotes(category: self.category, symbols: symbols)
            self.eventLoop.execute { self.polled(quotes) }
        }
    }

    private func polled(_ quotes: [TickerQuote]) {
        let marks = quotes.compactMap { quote -> TickerFeedMachine.PolledMark? in
            guard let price = quote.markPrice, let slot = self.machine.symbols.slot(of: quote.symbol) else {
                return nil
            }
            return TickerFeedMachine.PolledMark(slot: slot, price: price, exchangeTime: quote.time)
        }
        let wallTime = self.environment.time.wall()
        self.step { machine, now, actions in
            machine.polled(marks, wallTime: wallTime, now: now, actions: &actions)
        }
    }

    private func report(_ gap: TickerGap, isOver: Bool) {
        let names = self.machine.symbols.symbols
        let report = GapReport(
            isOver: isOver,
            reason: gap.reason,
            length: gap.length,
            lost: gap.lost.map { names[$0] },
            restored: gap.restored.map { names[$0] },
            missing: gap.missing.map { names[$0] }
        )
        self.logger.log(
            level: isOver ? .notice : .warning,
            isOver ? "tickers are back" : "tickers are missing",
            metadata: [
                "reason": "\(gap.reason)", "gap_ms": "\(gap.length.milliseconds)", "lost": "\(gap.lost.count)",
                "restored": "\(gap.restored.count)", "missing": "\(report.missing.prefix(20).joined(separator: " "))",
            ]
        )
        self.onGap?(report)
    }

    /// Runs one input through the machine and carries out what it says.
    private func step(_ body: (inout TickerFeedMachine, Uptime, inout [TickerFeedMachine.Action]) -> Void) {
        var actions: [TickerFeedMachine.Action] = []
        body(&self.machine, self.now, &actions)
        self.perform(actions)
    }

    /// One timer for everything; it is moved only when it has to ring earlier.
    private func arm() {
        let deadline = self.machine.deadline
        if self.timer != nil, deadline >= self.timerDeadline { return }
        self.timer?.cancel()
        self.timer = nil
        guard deadline < .distantFuture else { return }
        self.timerDeadline = deadline
        self.timer = self.eventLoop.scheduleTask(deadline: deadline.deadline) {
            self.timer = nil
            self.step { machine, now, actions in machine.tick(now: now, actions: &actions) }
        }
    }

    // MARK: Marks

    @inline(__always)
    private func tell(_ subscriber: Subscriber, _ mark: Mark) {
        if subscriber.hub.eventLoop === self.eventLoop {
            subscriber.hub.deliver(mark, index: subscriber.index, conflated: 0)
            self.touch(subscriber.hub)
        } else if subscriber.hub.post(mark, index: subscriber.index) {
            self.touch(subscriber.hub)
        }
        if !self.isReading { self.flushHubs() }
    }

    private func tellStale(_ subscriber: Subscriber, _ now: Uptime) {
        if subscriber.hub.eventLoop === self.eventLoop {
            subscriber.hub.deliverStale(index: subscriber.index, wallTime: self.environment.time.wall(), now: now)
            self.touch(subscriber.hub)
        } else if subscriber.hub.postStale(index: subscriber.index) {
            self.touch(subscriber.hub)
        }
        if !self.isReading { self.flushHubs() }
    }

    private func touch(_ hub: MarkHub) {
        if !self.touched.contains(where: { $0 === hub }) { self.touched.append(hub) }
    }

    /// One hop per loop and read.
    private func flushHubs() {
        if self.touched.isEmpty { return }
        for hub in self.touched {
            if hub.eventLoop === self.eventLoop { hub.batchCompleted() } else { hub.wake() }
        }
        self.touched.removeAll(keepingCapacity: true)
    }
}

extension TickerFeed: WebSocketDelegate {
    func webSocketOpened(_ socket: WebSocket) {
        self.logger.info("ticker feed is connected", metadata: ["host": "\(self.endpoint.host)"])
        self.step { machine, now, actions in machine.opened(now: now, actions: &actions) }
    }

    func webSocket(_ socket: WebSocket, received text: UnsafeRawBufferPointer) {
        if !self.isReading {
            // One look at the clocks per read.
            self.isReading = true
            self.readTime = self.now
            self.wallTime = self.environment.time.wall()
        }
        switch PublicFrame(text) {
        case .ticker(let frame):
            guard let slot = self.machine.slot(of: frame), slot < self.subscribers.count else { return }
            let result = self.machine.received(
                ticker: frame,
                slot: slot,
                wallTime: self.wallTime,
                now: self.readTime
            )
            guard result == .newMark, let mark = self.machine.book.mark(slot) else { return }
            let subscribers = self.subscribers[slot]
            for subscriber in subscribers { self.tell(subscriber, mark) }
        case .reply(let reply):
            self.step { machine, now, actions in machine.received(reply: reply, now: now, actions: &actions) }
        case .other:
            break
        case .malformed:
            self.machine.receivedMalformed(now: self.readTime)
            self.arm()
        }
    }

    func webSocketReadCompleted(_ socket: WebSocket) {
        self.isReading = false
        self.machine.readCompleted(now: self.now)
        self.flushHubs()
        if self.machine.needsGapCheck {
            self.step { machine, now, actions in machine.checkGap(now: now, actions: &actions) }
        }
    }

    func webSocketClosed(_ socket: WebSocket, closure: WebSocketClosure) {
        guard socket === self.socket else { return }
        self.socket = nil
        self.isReading = false
        if self.stopPromise == nil {
            self.logger.warning("ticker feed lost its connection", metadata: ["reason": "\(closure)"])
        }
        self.step { machine, now, actions in
            machine.closed(reason: closure.text, now: now, actions: &actions)
        }
        self.stopPromise?.succeed()
        self.stopPromise = nil
    }
}

/// What the feed asks over REST.
public protocol TickerREST: Sendable {
    /// The exchange's word on these symbols, as far as it could be had.
    func quotes(category: Category, symbols: [String]) async -> [TickerQuote]
}

extension TickerFeed {
    /// A ``TickerGap`` in symbols.
    public struct GapReport: Sendable, Equatable {
        /// False if it still lasts.
        public var isOver: Bool
        public var reason: String
        public var length: Duration
        public var lost: [String]
        public var restored: [String]
        public var missing: [String]

        public init(
            isOver: Bool,
            reason: String,
            length: Duration,
            lost: [String],
            restored: [String],
            missing: [String]
        ) {
            self.isOver = isOver
            self.reason = reason
            self.length = length
            self.lost = lost
            self.restored = restored
            self.missing = missing
        }
    }

    /// What `status` shows of the feed.
    public struct Snapshot: Sendable {
        public var isLive = false
        public var isIdle = true
        public var desired = 0
        public var active = 0
        public var receiving = 0
        public var quarantined: [String] = []
        /// Held symbols that deliver nothing now.
        public var silent: [String] = []
        public var connects = 0
        public var lastFrame: Uptime?
        public var lastClosure: String?
        /// By symbol: when its last usable frame came.
        public var lastFrames: [String: Uptime] = [:]

        public init() {}
    }

    public func snapshot() async throws -> Snapshot {
        try await self.eventLoop.submit { self.makeSnapshot() }.get()
    }

    /// On the feed's loop.
    package func makeSnapshot() -> Snapshot {
        var snapshot = Snapshot()
        let counts = self.machine.ledger.counts
        snapshot.isLive = self.machine.isLive
        snapshot.isIdle = self.machine.ledger.isEmpty
        snapshot.desired = counts.desired
        snapshot.active = counts.active
        snapshot.receiving = counts.receiving
        snapshot.quarantined = counts.quarantined.map { self.machine.symbols.symbols[$0] }
        snapshot.connects = self.machine.connects
        snapshot.lastFrame = self.machine.lastFrame
        snapshot.lastClosure = self.machine.lastClosure
        for slot in self.machine.ledger.held {
            let symbol = self.machine.symbols.symbols[slot]
            if let last = self.machine.book.lastFrame(slot) { snapshot.lastFrames[symbol] = last }
            if self.machine.isStale(slot) || !self.machine.ledger.isReceiving(slot) { snapshot.silent.append(symbol) }
        }
        return snapshot
    }
}

/// Everything the shared public connection decides: when to connect, what to subscribe, what a frame means, who is silent.
///
/// Takes inputs and the time, answers with ``Action``s. Frames take a path of their own,
/// ``received(ticker:slot:wallTime:now:)``, which answers with a single value and allocates nothing.
public struct TickerFeedMachine: Sendable {
    public struct Settings: Sendable {
        public var category: Category
        public var pingInterval = Duration.seconds(20)
        public var pongTimeout = Duration.seconds(10)
        public var connectTimeout = Duration.seconds(10)
        public var backoffInitial = Duration.milliseconds(500)
        public var backoffMax = Duration.seconds(30)
        public var staleAfter = Duration.seconds(10)
        public var linger = Duration.seconds(5)
        /// How often silent symbols are asked for over REST.
        public var pollInterval = Duration.seconds(5)

        public init(category: Category) {
            self.category = category
        }
    }

    public enum Action: Equatable, Sendable {
        /// Ask the process' connection budget for leave, then report ``granted(now:)``.
        case requestConnection
        case connect
        case send(String)
        case close(reason: String)
        /// No usable frame for `staleAfter`: holders must not act on the mark.
        case stale(slot: Int)
        case quarantined(slot: Int, text: String)
        /// Ask for the marks of these over REST, then report ``polled(_:wallTime:now:actions:)``.
        case poll(slots: [Int])
        /// REST brought a new mark where the ticker is silent.
        case polledMark(slot: Int)
        /// All that could come back after a gap delivers again.
        case recovered(TickerGap)
        /// ``verifyAfter`` a loss something is still missing; said once per gap.
        case notRecovered(TickerGap)
        case stateChanged
    }

    /// What a connection goes through. Each phase says when it ends by itself.
    enum Phase: Sendable {
        /// Nothing is held. → `waiting` at the first holder.
        case idle
        /// → `queued` when the back-off is over.
        case waiting(until: Uptime)
        /// → `connecting` when the budget grants it.
        case queued
        /// → `live` on the upgrade; closed at the deadline.
        case connecting(deadline: Uptime)
        case live(Heartbeat)
        /// → `waiting` when the socket reports its end.
        case closing
        case stopped
    }

    /// The answer to one ticker frame.
    public enum FrameResult: Equatable, Sendable {
        case newMark
        /// Alive, mark unchanged. If it was stale, holders must hear of it.
        case refreshed
        case ignored
    }

    let settings: Settings
    private(set) var phase = Phase.idle
    public internal(set) var ledger: SubscriptionLedger
    public internal(set) var book = TickerBook()
    public private(set) var symbols = SymbolTable()
    var staleSlots: ContiguousArray<Bool> = []
    var silence = Silence()
    var gap: OpenGap?
    /// Data came that may end the gap: ``checkGap(now:actions:)`` after the read.
    public internal(set) var needsGapCheck = false
    private(set) var liveSince: Uptime?
    private var backoff: Backoff
    private var random: SplitMix64
    private var pings: UInt64 = 0

    /// Connections that were opened, ever.
    public private(set) var connects = 0
    public private(set) var lastFrame: Uptime?
    public private(set) var lastClosure: String?
    public private(set) var malformedFrames = 0

    public init(settings: Settings, seed: UInt64) {
        self.settings = settings
        self.backoff = Backoff(initial: settings.backoffInitial, max: settings.backoffMax)
        self.random = SplitMix64(seed: seed)
        self.ledger = SubscriptionLedger(linger: settings.linger)
    }

    public var isLive: Bool {
        if case .live = self.phase { return true }
        return false
    }

    // MARK: Holders

    /// A holder appeared. Returns the symbol's slot.
    public mutating func acquire(_ symbol: String, now: Uptime, actions: inout [Action]) -> Int {
        let slot = self.symbols.insert(symbol)
        while self.staleSlots.count <= slot { self.staleSlots.append(false) }
        self.ledger.acquire(slot, characters: OperationRequest.argumentCharacters(of: Self.topic(symbol)))
        if self.silence.watchedSince[slot] == nil {
            self.silence.watchedSince[slot] = now
            self.silence.heldSince[slot] = now
            // What is left of an earlier holding may be old.
            self.staleSlots[slot] = self.book.lastWord(slot).map { now - $0 >= self.settings.staleAfter } ?? false
        }
        if case .idle = self.phase {
            self.phase = .queued
            actions.append(.requestConnection)
            actions.append(.stateChanged)
        }
        self.scheduleSilenceCheck(now: now)
        self.flush(now: now, into: &actions)
        return slot
    }

    public mutating func release(_ slot: Int, now: Uptime, actions: inout [Action]) {
        self.ledger.release(slot, now: now)
        if !self.ledger.isHeld(slot) {
            self.speaksAgain(slot, hasMark: true)
            self.silence.forget(slot)
            if slot < self.staleSlots.count { self.staleSlots[slot] = false }
            self.checkGap(now: now, actions: &actions)
        }
        self.flush(now: now, into: &actions)
    }

    public func isStale(_ slot: Int) -> Bool { slot < self.staleSlots.count && self.staleSlots[slot] }

    // MARK: Connection

    public mutating func granted(now: Uptime, actions: inout [Action]) {
        guard case .queued = self.phase else { return }
        self.phase = .connecting(deadline: now + self.settings.connectTimeout)
        self.connects += 1
        actions.append(.connect)
        actions.append(.stateChanged)
    }

    public mutating func opened(now: Uptime, actions: inout [Action]) {
        guard case .connecting = self.phase else { return }
        self.phase = .live(
            Heartbeat(interval: self.settings.pingInterval, timeout: self.settings.pongTimeout, now: now)
        )
        self.liveSince = now
        self.ledger.connected()
        for slot in self.ledger.held { self.silence.watchedSince[slot] = now }
        actions.append(.stateChanged)
        self.flush(now: now, into: &actions)
    }

    public mutating func closed(reason: String, now: Uptime, actions: inout [Action]) {
        self.lastClosure = reason
        self.connectionEnded(reason, now: now)
        self.ledger.disconnected()
        self.book.connectionLost()
        switch self.phase {
        case .stopped: return
        default: break
        }
        self.silence.resubscribed = []
        // A server that takes the connection and drops it, again and again, must be asked more rarely each time. The loss
        // of one that had lasted says nothing of the kind, and every account waits for its marks: back at once.
        let pause: Duration
        if let live = self.liveSince, now >= live + Self.steadyAfter {
            self.backoff.reset()
            pause = .nanoseconds(Int64.random(in: 0...Self.firstPause.nanoseconds, using: &self.random))
        } else {
            pause = self.backoff.next(using: &self.random)
        }
        self.liveSince = nil
        self.phase = self.ledger.isEmpty ? .idle : .waiting(until: now + pause)
        actions.append(.stateChanged)
        self.tick(now: now, actions: &actions)
    }

    public mutating func stop(actions: inout [Action]) {
        self.phase = .stopped
        actions.append(.close(reason: "shutting down"))
    }

    // MARK: Frames

    @inline(__always)
    public func slot(of frame: TickerFrame) -> Int? { self.symbols.slot(of: frame.symbol) }

    public mutating func received(ticker frame: TickerFrame, slot: Int, wallTime: Int64, now: Uptime) -> FrameResult {
        let outcome = self.book.merge(frame, slot: slot, wallTime: wallTime, now: now)
        switch outcome {
        case .newMark, .refreshed:
            if !self.ledger.isReceiving(slot) { self.receivedFirst(slot) }
            if self.silence.hasSuspects { self.speaksAgain(slot, hasMark: frame.markPrice != nil) }
            if self.staleSlots[slot], !self.silence.isDoubted(slot) {
                self.staleSlots[slot] = false
                self.needsGapCheck = self.gap != nil
                // Holders that were told `stale` must be told that it is over, mark or no mark.
                return .newMark
            }
            return outcome == .newMark ? .newMark : .refreshed
        case .beforeSnapshot:
            if self.silence.hasSuspects { self.speaksWithoutSnapshot(slot) }
            return .ignored
        case .outdated:
            return .ignored
        }
    }

    @inline(never)
    private mutating func receivedFirst(_ slot: Int) {
        self.ledger.received(slot)
        self.needsGapCheck = self.gap != nil
    }

    /// Once per read, whatever came in it.
    public mutating func readCompleted(now: Uptime) {
        self.lastFrame = now
        if case .live(var heartbeat) = self.phase {
            heartbeat.received(now: now)
            self.phase = .live(heartbeat)
        }
    }

    public mutating func received(reply: OperationReply, now: Uptime, actions: inout [Action]) {
        if reply.isPong { return }
        let id = SubscriptionLedger.RequestID(reply.requestID)
        let isSubscribe: Bool? =
            switch reply.operation {
            case "subscribe": true
            case "unsubscribe": false
            default: nil
            }
        guard isSubscribe != nil || id != nil else { return }
        let success = reply.success ?? false
        let symbols = self.symbols
        let verdict = self.ledger.answered(
            id,
            isSubscribe: isSubscribe,
            success: success,
            refusal: success ? nil : SubscriptionRefusal(message: reply.message),
            slotOf: { topic in topic.hasPrefix(Self.prefix) ? symbols.slot(of: String(topic.dropFirst(8))) : nil },
            now: now
        )
        switch verdict {
        case .quarantined(let slots, let text):
            for slot in slots { actions.append(.quarantined(slot: slot, text: text)) }
            // Its holders need a mark now, not at the next look.
            self.silence.nextCheck = now
        case .accepted, .unexpected:
            break
        }
        if isSubscribe == false { self.forgetUnsubscribed() }
        self.flush(now: now, into: &actions)
    }

    /// A frame that cannot be read: whose mark it brought is not known.
    public mutating func receivedMalformed(now: Uptime) {
        self.malformedFrames += 1
        for slot in self.ledger.held { self.silence.doubted.insert(slot) }
        self.scheduleSilenceCheck(now: now)
    }

    // MARK: Time

    public var deadline: Uptime {
        var earliest = min(self.silence.nextCheck, self.gap?.deadline ?? .distantFuture)
        switch self.phase {
        // Nothing more is sent; what the ledger waits for ends with the connection.
        case .closing: return earliest
        case .stopped: return .distantFuture
        default: if let ledger = self.ledger.deadline { earliest = min(earliest, ledger) }
        }
        switch self.phase {
        case .waiting(let until): return min(earliest, until)
        case .connecting(let deadline): return min(earliest, deadline)
        case .live(let heartbeat): return min(earliest, heartbeat.deadline)
        case .idle, .queued, .closing, .stopped: return earliest
        }
    }

    public mutating func tick(now: Uptime, actions: inout [Action]) {
        if case .stopped = self.phase { return }
        switch self.phase {
        case .waiting(let until):
            if now >= until {
                if self.ledger.isEmpty {
                    self.phase = .idle
                } else {
                    self.phase = .queued
                    actions.append(.requestConnection)
                }
            }
        case .connecting(let deadline):
            if now >= deadline { self.close("no connection within \(self.settings.connectTimeout)", &actions) }
        case .live(var heartbeat):
            switch heartbeat.check(now: now) {
            case .none: break
            case .ping:
                self.pings += 1
                actions.append(.send(OperationRequest.ping(requestID: "p\(self.pings)")))
            case .dead:
                self.phase = .live(heartbeat)
                self.close("no answer to a ping within \(self.settings.pongTimeout)", &actions)
                self.checkSilence(now: now, actions: &actions)
                self.checkGap(now: now, actions: &actions)
                return
            }
            self.phase = .live(heartbeat)
            if self.ledger.isOverdue(now: now) {
                self.close("a subscription was not answered within \(SubscriptionLedger.ackTimeout)", &actions)
            }
        case .idle, .queued, .closing, .stopped:
            break
        }
        if now >= self.silence.nextCheck { self.checkSilence(now: now, actions: &actions) }
        self.checkGap(now: now, actions: &actions)
        self.flush(now: now, into: &actions)
    }
}

extension TickerFeedMachine {
    static let prefix = "tickers."

    /// How long a connection must have lasted for its loss to be the first of a series.
    static let steadyAfter = Duration.seconds(30)
    /// Longest pause before the first attempt of a series.
    static let firstPause = Duration.milliseconds(20)

    public static func topic(_ symbol: String) -> String { Self.prefix + symbol }

    mutating func close(_ reason: String, _ actions: inout [Action]) {
        self.phase = .closing
        self.lastClosure = reason
        actions.append(.close(reason: reason))
    }

    private mutating func flush(now: Uptime, into actions: inout [Action]) {
        guard self.isLive else { return }
        for message in self.ledger.messages(now: now) { actions.append(.send(self.text(of: message))) }
    }

    func text(of message: SubscriptionLedger.Message) -> String {
        let topics = message.slots.map { Self.topic(self.symbols.symbols[$0]) }
        let id = String(message.requestID)
        return message.isSubscribe
            ? OperationRequest.subscribe(topics, requestID: id) : OperationRequest.unsubscribe(topics, requestID: id)
    }

    /// A topic whose subscription ended starts with a snapshot again.
    private mutating func forgetUnsubscribed() {
        for slot in 0..<self.symbols.count where !self.ledger.isReceiving(slot) { self.book.subscriptionEnded(slot) }
    }
}

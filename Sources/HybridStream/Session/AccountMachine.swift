/// What one account's stream does next: key check, connection, authentication, subscription, sweeps, fallback.
///
/// A value without sockets or clocks. The shell, ``HybridStream``, reports facts and carries out ``Action``s. The order of
/// a start is the exchange's: the key is checked over REST, the private socket is opened, authenticated, subscribed, and
/// only then swept, with the socket's rows buffered until the sweep is in.
public struct AccountMachine: Sendable {
    /// Which source is to feed the consumers.
    public enum Mode: Sendable, Equatable {
        /// REST polling, and no socket.
        case rest
        /// REST polling, with the stream running beside it.
        case beside
        /// The stream for some symbols; REST is polled for all.
        case mixed
        /// The stream; REST confirms it.
        case hybrid

        /// The stream is to feed consumers, so its end is a fallback.
        var isStreamed: Bool { self == .mixed || self == .hybrid }
        var hasStream: Bool { self != .rest }
    }

    /// Which source feeds them now.
    public enum Driver: String, Sendable {
        case rest
        case hybrid
    }

    /// As `status` names it.
    public enum State: String, Sendable {
        case starting, live, degraded, fallback, failed, stopped
    }

    public struct Settings: Sendable {
        public var mode: Mode
        public var pingInterval = Duration.seconds(20)
        public var pongTimeout = Duration.seconds(10)
        public var connectTimeout = Duration.seconds(10)
        public var authTimeout = Duration.seconds(10)
        public var backoffInitial = Duration.milliseconds(500)
        public var backoffMax = Duration.seconds(30)
        public var reconcileInterval = Duration.seconds(60)
        public var pollInterval = Duration.seconds(5)
        public var fallbackAfter = Duration.seconds(30)

        public init(mode: Mode) {
            self.mode = mode
        }
    }

    public enum Action: Equatable, Sendable {
        /// Ask the exchange over REST what the key is good for, then ``keyChecked(_:now:actions:)``.
        case checkKey
        case requestConnection
        case connect
        case authenticate
        case send(String)
        /// `code` nil drops the connection without a close frame.
        case close(code: Int?, reason: String)
        case sweep
        /// REST is polled, and three polls in a row have brought nothing: what it said of marks is too old to act on.
        case listingsOverdue
        /// Rows buffered during the bootstrap go to the book now.
        case releaseBuffer
        /// The private connection had told nothing for a time, and a sweep has made that good.
        case recovered(reason: String, length: Duration)
        case stateChanged(from: State, to: State, reason: String)
    }

    /// What a key check found.
    public enum KeyVerdict: Sendable, Equatable {
        case usable
        /// The exchange refuses the key; nothing but an operator can mend that.
        case refused(String)
        /// The question could not be asked.
        case unknown(String)
    }

    /// Each phase says how it ends.
    enum Phase: Sendable, Equatable {
        case idle
        /// → `queued` or polling, or `failed`.
        case checkingKey
        /// → `checkingKey` now and then, in case an operator mended the key.
        case failed(retryAt: Uptime)
        /// Mode `rest`: no socket at all.
        case polling
        /// → `queued` when the back-off is over.
        case waiting(until: Uptime)
        /// → `connecting` when the process' budget grants it.
        case queued
        /// → `authenticating` on the upgrade.
        case connecting(deadline: Uptime)
        /// → `subscribing` on the acknowledgement; a refusal leads to a key check.
        case authenticating(deadline: Uptime)
        /// → `bootstrapping` on the acknowledgement.
        case subscribing(deadline: Uptime)
        /// Subscribed; rows are buffered. → `live` when the sweep is in, or has failed.
        case bootstrapping
        case live
        /// → `waiting` when the socket reports its end.
        case closing
        case stopped
    }

    /// How long the stream must have been good before it takes over from REST again.
    static let takeOverAfter = Duration.seconds(30)
    static let failedRetry = Duration.seconds(300)
    /// How long a sweep may take.
    static let sweepPatience = Duration.seconds(10)
    /// Frames that cannot be read make one sweep in this time at most.
    static let unreadablePause = Duration.milliseconds(500)
    static let subscribeRequestID = "position"
    static let authenticateRequestID = "auth"

    var settings: Settings
    var phase = Phase.idle
    var heartbeat: Heartbeat?
    var sweeps = SweepSchedule()
    var backoff: Backoff
    private var random: SplitMix64
    var pings: UInt64 = 0
    /// The stream is not live since then; nil while it is.
    var deadSince: Uptime?
    var liveSince: Uptime?
    /// A complete sweep has been merged since the last connect.
    var isConfirmed = false
    /// A complete sweep has been merged into what the consumers see since the key was accepted.
    var isListed = false
    /// When a complete sweep last came.
    var confirmedAt: Uptime?
    /// It has been told that none came for three polls.
    var isOverdue = false
    /// Where sweeps have become more frequent since the last one came, the next ones have until then: what was on time
    /// before is not late now.
    var notOverdueBefore = Uptime.distantPast
    var notDoubtfulBefore = Uptime.distantPast
    /// When REST last began to stand in for the stream.
    var fellBackAt = Uptime.distantPast
    /// REST is to take over, which takes a listing, whatever the connection does meanwhile.
    var awaitsListing = false
    /// The key has been accepted, or could not be asked about: REST may be polled, whatever the socket does.
    var isAdmitted = false
    /// The connection that there is, or was last, had been subscribed.
    var hasComeUp = false
    /// The connection is closed because the mode needs none: its end says nothing about the exchange.
    public internal(set) var isLeaving = false
    var authFailed = false
    /// The time without the private connection that no sweep has made good yet: since the last sign of life.
    var gap: (since: Uptime, reason: String)?

    public internal(set) var driver: Driver
    public internal(set) var state = State.starting
    public internal(set) var reason = "starting"
    public private(set) var connects = 0
    public private(set) var lastFrame: Uptime?
    public internal(set) var lastError: String?
    /// Attempts that ended before positions were subscribed to.
    public internal(set) var failedConnects = 0
    /// Subscriptions to positions that were refused or not answered.
    public internal(set) var failedSubscriptions = 0

    public var mode: Mode { self.settings.mode }

    public var reconcileInterval: Duration { self.settings.reconcileInterval }

    public init(settings: Settings, seed: UInt64) {
        self.settings = settings
        self.driver = settings.mode.isStreamed ? .hybrid : .rest
        self.backoff = Backoff(initial: settings.backoffInitial, max: settings.backoffMax)
        self.random = SplitMix64(seed: seed)
    }

    /// Rows of the socket wait for the sweep.
    public var isBuffering: Bool { self.phase == .bootstrapping }

    /// The private connection has been away, and what was missed is not known yet.
    public var hasGap: Bool { self.gap != nil }

    /// The private connection is up, what came before it is known, and it is expected to tell every change.
    public var isListening: Bool { self.phase == .live && self.isConfirmed }

    /// The private connection is up, and no listing has shown yet what came before it.
    public var awaitsConfirmation: Bool { self.phase == .live && !self.isConfirmed }

    /// Rows and replies count only on a connection that was authenticated.
    public var acceptsRows: Bool { self.phase == .bootstrapping || self.phase == .live || self.isSubscribing }

    /// Whether there is a connection, or an attempt at one, that will report its end.
    private var hasSocket: Bool {
        switch self.phase {
        case .connecting, .authenticating, .subscribing, .bootstrapping, .live, .closing: true
        case .idle, .checkingKey, .failed, .polling, .waiting, .queued, .stopped: false
        }
    }

    private var isSubscribing: Bool {
        if case .subscribing = self.phase { return true }
        return false
    }

    /// Where the private connection stands, as `status` names it.
    public enum ConnectionState: String, Sendable {
        case idle, connecting, authenticating, live, reconnecting, failed
    }

    public var connectionState: ConnectionState {
        switch self.phase {
        case .idle, .checkingKey, .polling, .stopped: .idle
        case .failed: .failed
        case .queued, .connecting: .connecting
        case .authenticating, .subscribing: .authenticating
        case .bootstrapping, .live: .live
        case .waiting, .closing: .reconnecting
        }
    }
}

// MARK: - Inputs

extension AccountMachine {
    public mutating func start(now: Uptime, actions: inout [Action]) {
        guard self.phase == .idle else { return }
        self.phase = .checkingKey
        self.deadSince = now
        actions.append(.checkKey)
    }

    public mutating func stop(now: Uptime, actions: inout [Action]) {
        self.phase = .stopped
        // A ping still unanswered must not bring the machine back to life.
        self.heartbeat = nil
        actions.append(.close(code: 1000, reason: "shutting down"))
        self.changeState(to: .stopped, "stopped", &actions)
    }

    public mutating func keyChecked(_ verdict: KeyVerdict, now: Uptime, actions: inout [Action]) {
        guard self.phase == .checkingKey else { return }
        switch verdict {
        case .refused(let text):
            self.lastError = text
            self.phase = .failed(retryAt: now + Self.failedRetry)
            // REST is refused as well: nobody drives, and a mended key starts from the beginning.
            self.driver = self.settings.mode.isStreamed ? .hybrid : .rest
            self.isAdmitted = false
            self.changeState(to: .failed, text, &actions)
            return
        case .unknown(let text):
            self.lastError = text
        case .usable:
            break
        }
        if self.state == .failed {
            self.deadSince = now
            self.isListed = false
            self.changeState(to: .starting, "the key is accepted again", &actions)
        }
        if !self.isAdmitted {
            self.isAdmitted = true
            if self.settings.mode != .hybrid { self.sweeps.request(now: now) }
        }
        if self.settings.mode == .rest {
            self.phase = .polling
        } else if self.authFailed {
            self.authFailed = false
            self.phase = .waiting(until: now + self.backoff.next(using: &self.random))
        } else {
            self.phase = .queued
            actions.append(.requestConnection)
        }
        self.tick(now: now, actions: &actions)
    }

    public mutating func granted(now: Uptime, actions: inout [Action]) {
        guard self.phase == .queued else { return }
        self.phase = .connecting(deadline: now + self.settings.connectTimeout)
        self.connects += 1
        self.hasComeUp = false
        actions.append(.connect)
    }

    public mutating func opened(now: Uptime, actions: inout [Action]) {
        guard case .connecting = self.phase else { return }
        self.phase = .authenticating(deadline: now + self.settings.authTimeout)
        self.heartbeat = Heartbeat(
            interval: self.settings.pingInterval,
            timeout: self.settings.pongTimeout,
            now: now
        )
        actions.append(.authenticate)
    }

    /// Anything at all came in: the peer lives.
    public mutating func frameArrived(now: Uptime) {
        self.lastFrame = now
        self.heartbeat?.received(now: now)
    }

    public mutating func received(reply: OperationReply, now: Uptime, actions: inout [Action]) {
        if reply.isPong { return }
        switch (self.phase, reply.operation) {
        case (.authenticating, "auth"):
            if reply.success == true {
                self.phase = .subscribing(deadline: now + self.settings.authTimeout)
                actions.append(.send(OperationRequest.subscribe(["position"], requestID: Self.subscribeRequestID)))
            } else {
                // One text for every cause: REST knows which it is.
                self.authFailed = true
                self.close("authentication refused: \(reply.message)", &actions)
            }
        case (.subscribing, "subscribe"):
            // "Already subscribed" means what a success means.
            if reply.success == true || reply.message.contains("already subscribed") {
                self.phase = .bootstrapping
                self.isConfirmed = false
                self.hasComeUp = true
                self.sweeps.request(now: now)
                self.tick(now: now, actions: &actions)
            } else {
                self.failedSubscriptions += 1
                self.close("subscription to positions refused: \(reply.message)", &actions)
            }
        default:
            break
        }
    }

    /// - Parameter isPaced: the exchange is out of reach for everyone, and whoever grants connections sees to it that not all
    ///   try. Then it is better to stand in line, in order of urgency, than to wait for a time of one's own.
    public mutating func closed(reason: String, isPaced: Bool = false, now: Uptime, actions: inout [Action]) {
        guard self.hasSocket else { return }
        self.heartbeat = nil
        let wasLeaving = self.isLeaving
        self.isLeaving = false
        if self.settings.mode == .rest {
            // It is not needed any more.
            self.liveSince = nil
            self.phase = .polling
            return self.tick(now: now, actions: &actions)
        }
        if !wasLeaving {
            self.lastError = reason
            if !self.hasComeUp { self.failedConnects += 1 }
            self.openGap(reason, now: now)
        }
        if self.deadSince == nil { self.deadSince = now }
        // A connection that goes live and dies at once, again and again, must wait longer each time.
        if let live = self.liveSince, now >= live + Self.takeOverAfter { self.backoff.reset() }
        self.liveSince = nil
        // What was buffered is as true as ever; only the sweep that should have come first is missing.
        if self.phase == .bootstrapping { actions.append(.releaseBuffer) }
        if self.authFailed {
            self.phase = .checkingKey
            actions.append(.checkKey)
        } else {
            self.phase = .waiting(until: isPaced ? now : now + self.backoff.next(using: &self.random))
        }
        if self.state == .live, self.settings.mode.isStreamed { self.changeState(to: .degraded, reason, &actions) }
        self.tick(now: now, actions: &actions)
    }

    /// - Parameters:
    ///   - isUsable: every page arrived.
    ///   - isConclusive: false if positions were missing in it and that is no proof yet.
    ///   - isStreamConclusive: the same of the stream's own book, where it has one.
    ///   - followUp: what the book could not decide needs another one after this time.
    ///   - isDeaf: sweeps have shown changes that the private connection should have told long ago.
    public mutating func sweepFinished(
        isUsable: Bool,
        isConclusive: Bool = true,
        isStreamConclusive: Bool? = nil,
        followUp: Duration?,
        isDeaf: Bool = false,
        failure: String?,
        now: Uptime,
        actions: inout [Action]
    ) {
        if isUsable { self.isOverdue = false }
        // What was asked before the connection was subscribed does not know what happened in between.
        let isTooOld = self.phase == .bootstrapping && self.sweeps.isRequestedAgain
        self.sweeps.finished(success: isUsable, interval: self.sweepInterval, now: now)
        if let followUp { self.sweeps.request(by: now + followUp) }
        if self.phase == .stopped { return }
        if isUsable, isConclusive { self.isListed = true }
        if isTooOld {
            if isUsable { self.confirm(now: now) } else { self.lastError = failure }
            if !self.settings.mode.isStreamed, isConclusive { self.judge(failure: failure, now: now, &actions) }
            return self.tick(now: now, actions: &actions)
        }
        // Positions that are missing for the first time keep a new connection from being trusted, and no other.
        if isUsable {
            if self.phase == .bootstrapping || self.phase == .live || self.phase == .polling {
                self.isConfirmed = self.isConfirmed || (isStreamConclusive ?? isConclusive)
            }
            self.confirm(now: now)
        } else {
            self.lastError = failure
        }
        if self.phase == .bootstrapping {
            actions.append(.releaseBuffer)
            self.phase = .live
            self.liveSince = now
            self.deadSince = nil
            // The first one may have been answered from before the subscription: what opened in between is in neither.
            self.sweeps.request(by: now + PositionBook.absenceGrace)
        }
        if isConclusive || self.state == .live { self.judge(failure: failure, now: now, &actions) }
        if self.isConfirmed, isUsable, self.phase == .live, let gap = self.gap {
            self.gap = nil
            actions.append(.recovered(reason: gap.reason, length: now - gap.since))
        }
        // Pongs and other topics may go on: life is no proof that positions are told.
        if isDeaf, self.phase == .live { self.close("the private connection does not tell what REST shows", &actions) }
        self.tick(now: now, actions: &actions)
    }

    private mutating func confirm(now: Uptime) {
        self.confirmedAt = now
        self.notOverdueBefore = .distantPast
        self.notDoubtfulBefore = .distantPast
    }

    private mutating func openGap(_ reason: String, now: Uptime) {
        guard self.isConfirmed, self.settings.mode.isStreamed, self.gap == nil else { return }
        self.gap = (self.lastFrame ?? now, reason)
    }
}

extension AccountMachine {
    /// The exchange will not list the account's positions, whatever is tried: nobody could watch them.
    public mutating func accountRefused(_ text: String, now: Uptime, actions: inout [Action]) {
        guard self.phase != .stopped else { return }
        self.sweeps.finished(success: false, interval: self.sweepInterval, now: now)
        self.lastError = text
        self.openGap(text, now: now)
        self.heartbeat = nil
        self.liveSince = nil
        if self.phase == .bootstrapping { actions.append(.releaseBuffer) }
        self.isAdmitted = false
        self.phase = .failed(retryAt: now + Self.failedRetry)
        actions.append(.close(code: 1000, reason: text))
        self.changeState(to: .failed, text, &actions)
    }

    /// Something was missed that only a sweep can tell.
    public mutating func needSweep(now: Uptime, actions: inout [Action]) {
        self.sweeps.request(now: now)
        self.tick(now: now, actions: &actions)
    }

    /// The same, but not at once.
    public mutating func needSweep(by time: Uptime, now: Uptime, actions: inout [Action]) {
        self.sweeps.request(by: time)
        self.tick(now: now, actions: &actions)
    }

    /// A frame or a row of the private socket could not be read, so what it said is known to the exchange alone. A series
    /// of them makes one sweep per ``unreadablePause`` at most.
    public mutating func receivedUnreadable(now: Uptime, actions: inout [Action]) {
        self.sweeps.request(by: now + Self.unreadablePause)
        self.tick(now: now, actions: &actions)
    }
}

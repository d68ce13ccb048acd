package import HybridStream

/// Measures how good an account's hybrid stream is, and judges once a second whether it may go on, or has to go back.
///
/// Confined to the account's event loop. What it measures and what it decides are values; this only feeds them.
package final class RolloutMonitor: StreamWatcher {
    /// What is known of the shared ticker connection.
    package typealias Feed = RolloutEvidence.TickerFeed

    /// What came out of a look at everything.
    package struct Findings: Sendable {
        package var judgement: RolloutJudge.Judgement
        package var triggers: [RollbackTriggers.Trigger]
    }

    /// What the store keeps of it.
    package struct Memory: Codable, Sendable, Equatable {
        var judge: RolloutJudge.Memory?
        var comparison: ComparisonEvidence
    }

    private static let confirmation = Duration.seconds(1)
    private static let deafnessCounts = Duration.seconds(3_600)
    private static let settling = PositionBook.absenceGrace * 2

    weak var stream: HybridStream?
    private let time: TimeSource
    private var configuration: RolloutConfiguration
    private var comparison: StreamComparison
    private var judge: RolloutJudge
    private var triggers: RollbackTriggers
    private var connects: FailureTimes
    private var subscriptions: FailureTimes
    private var seen = (connects: 0, subscriptions: 0)
    private var meters: [String: TickMeter] = [:]
    private var divergences: [Divergence] = []
    private var consumerFailures: [String] = []
    private var openSince: Uptime?
    /// When the private connection was lost; nil while it tells positions.
    private var downSince: Uptime?
    private var listensSince: Uptime?
    /// When a difference of positions was last confirmed in `hybrid`.
    private var lastDeafness: Uptime?
    private var lastRow: Uptime?

    package private(set) var stage: RolloutStage
    private var stageBegan: Uptime
    /// When the stage began, in milliseconds since 1970.
    package private(set) var since: Int64
    package private(set) var judgement: RolloutJudge.Judgement

    package init(_ stage: RolloutStage, configuration: RolloutConfiguration, time: TimeSource) {
        self.stage = stage
        self.judgement = .beginning(stage.mode)
        self.time = time
        self.configuration = configuration
        self.comparison = StreamComparison(
            configuration: configuration,
            window: configuration.comparisonWindow(in: stage.mode)
        )
        self.judge = RolloutJudge(configuration: configuration)
        self.triggers = RollbackTriggers(configuration: configuration)
        self.connects = configuration.connectFailures
        self.subscriptions = configuration.subscriptionFailures
        self.stageBegan = time.uptime()
        self.downSince = time.uptime()
        self.since = time.wall()
    }

    // MARK: Stage

    /// The account is in another mode, or at another step. All is measured anew.
    func begin(_ stage: RolloutStage) {
        if self.stage.mode == .rest {
            // A stream that comes up has nothing to do with what has sent the one before it back.
            self.triggers = RollbackTriggers(configuration: self.configuration)
            self.subscriptions = self.configuration.subscriptionFailures
            if self.downSince != nil { self.downSince = self.time.uptime() }
            // Without a ticker there were no marks to count.
            self.meters = [:]
        } else if stage.mode != .rest {
            // What lasts is found again, wherever the account is by now.
            self.triggers.rearm()
        }
        self.stage = stage
        self.stageBegan = self.time.uptime()
        self.since = self.time.wall()
        self.comparison.restartEvidence(window: self.configuration.comparisonWindow(in: stage.mode))
        self.connects = self.configuration.connectFailures
        self.divergences = []
        self.lastDeafness = nil
        self.judgement = .beginning(stage.mode)
    }

    /// Goes on where a former process ended, in the same stage.
    func restore(_ memory: Memory, since: Int64) {
        if let judge = memory.judge { self.judge.restore(judge) }
        self.comparison.restore(memory.comparison)
        self.since = since
    }

    /// Whether a trigger has the account go back, or only alerts.
    var isAutomatic: Bool { self.configuration.isAutoRollback }

    /// Nothing speaks against the stream any more.
    var isQuiet: Bool { self.triggers.isQuiet }

    var memory: Memory { Memory(judge: self.judge.memory, comparison: self.comparison.evidence) }

    /// Other limits, from a file that was applied.
    func configure(_ configuration: RolloutConfiguration) {
        // What was only told of so far is to be acted on now.
        if configuration.isAutoRollback, !self.isAutomatic { self.triggers.rearm() }
        self.configuration = configuration
        self.comparison.configure(configuration, window: configuration.comparisonWindow(in: self.stage.mode))
        self.judge.configuration = configuration
        self.triggers.conditions = configuration.rollbackWhen
        self.connects.setLimit(configuration.gates.canary.maxFailedConnects)
        self.subscriptions.setLimit(configuration.rollbackWhen.subscriptionFailuresPerHour)
    }

    // MARK: What is seen

    package func streamRow(_ position: Position, now: Uptime) {
        self.lastRow = now
        self.comparison.streamChanged(position, now: now)
    }

    package func streamListens(_ isListening: Bool, now: Uptime) {
        self.listensSince = isListening ? now : nil
        if isListening {
            self.downSince = nil
            self.comparison.streamConfirmed(self.stream?.streamView.book.openPositions ?? [], now: now)
        } else {
            self.downSince = now
            self.comparison.streamLost(now: now)
        }
    }

    package func streamSwept(_ sweep: PositionSweep, now: Uptime) {
        guard let stream = self.stream, self.stage.mode != .rest else { return }
        let view = stream.streamView
        let outcome = self.comparison.sweep(
            StreamComparison.Sweep(
                rows: sweep.rows.filter(\.isOpen),
                coversAll: sweep.isComplete,
                departure: sweep.requestedUptime,
                arrival: now
            ),
            marks: { view.marks($0, from: sweep.requestedUptime, to: now) }
        )
        self.divergences += outcome.confirmed.filter { self.counts($0, now: now) }
        if outcome.needsConfirmation { stream.requestSweep(within: Self.confirmation) }
    }

    /// A private connection that keeps a change to itself is replaced, and that is the end of it where the stream drives: only
    /// if the next one does the same within an hour is the stream not to be trusted.
    private func counts(_ divergence: Divergence, now: Uptime) -> Bool {
        guard divergence.kind == .position, self.stage.mode == .hybrid else { return true }
        let before = self.lastDeafness
        if before.map({ now - $0 > Self.settling }) ?? true { self.lastDeafness = now }
        return before.map { now - $0 > Self.settling && now - $0 <= Self.deafnessCounts } ?? false
    }

    package func streamMerged(now: Uptime) {
        // The first listings after a connect complete what the stream knows; later ones it must know by itself.
        guard let listensSince = self.listensSince, now - listensSince <= Self.settling else { return }
        self.comparison.streamConfirmed(self.stream?.streamView.book.openPositions ?? [], now: now)
    }

    /// A ticker that the stream holds was refused.
    func subscriptionFailed(now: Uptime) { self.subscriptions.add(now) }

    func consumerFailed(_ text: String) {
        if self.consumerFailures.count < 10 { self.consumerFailures.append(text) }
    }

    // MARK: Judgement

    /// To be called about once a second.
    func look(_ feed: Feed) -> Findings {
        let now = self.time.uptime()
        let evidence = self.evidence(feed, now: now)
        self.judgement = self.judge.judge(evidence, now: now)
        return Findings(judgement: self.judgement, triggers: self.triggers.check(evidence, now: now))
    }

    private func evidence(_ feed: Feed, now: Uptime) -> RolloutEvidence {
        let view = self.stream?.streamView
        let open = view?.book.openPositions ?? []
        if open.isEmpty { self.openSince = nil } else if self.openSince == nil { self.openSince = now }
        let failures = self.stream?.failures ?? (connects: 0, subscriptions: 0)
        for _ in self.seen.connects..<max(self.seen.connects, failures.connects) { self.connects.add(now) }
        for _ in self.seen.subscriptions..<max(self.seen.subscriptions, failures.subscriptions) {
            self.subscriptions.add(now)
        }
        self.seen = failures
        var evidence = RolloutEvidence(
            stage: self.stage,
            stageBegan: self.stageBegan,
            lastEvent: self.stageBegan,
            failedConnects: self.connects,
            failedSubscriptions: self.subscriptions
        )
        // In `rest` nobody has a ticker, and the view is not the stream's.
        let symbols = self.stage.mode == .rest ? [] : Set(open.map(\.key.symbol))
        self.meters = self.meters.filter { symbols.contains($0.key) }
        for symbol in symbols.sorted() {
            let ticks = view?.ticks(symbol)
            let measured = self.meters[symbol, default: TickMeter()].add(ticks?.count ?? 0, now: now)
            evidence.symbols.append(
                RolloutEvidence.Symbol(
                    name: symbol,
                    marks: measured.marks,
                    measured: measured.length,
                    lastMarkAge: ticks?.last.map { now - $0 }
                )
            )
            if let last = ticks?.last { evidence.lastEvent = max(evidence.lastEvent, last) }
        }
        if let lastRow = self.lastRow { evidence.lastEvent = max(evidence.lastEvent, lastRow) }
        evidence.openPositions = open.count
        evidence.openSince = self.openSince
        evidence.comparison = self.comparison.summary(now: now)
        evidence.privateConnection = self.downSince.map { .down(since: $0) } ?? .up
        evidence.tickerFeed = feed
        evidence.divergences = self.divergences
        evidence.hasDoubts = self.comparison.hasDoubts
        evidence.consumerFailures = self.consumerFailures
        self.divergences = []
        self.consumerFailures = []
        return evidence
    }
}

/// How many marks of a symbol came within the last minute.
struct TickMeter {
    static let window = Duration.seconds(60)
    private var samples: [(time: Uptime, count: Int64)] = []

    /// - Parameter count: of all marks so far.
    mutating func add(_ count: Int64, now: Uptime) -> (marks: Int, length: Duration) {
        self.samples.append((now, count))
        while self.samples.count > 2, self.samples[1].time + Self.window <= now { self.samples.removeFirst() }
        guard let first = self.samples.first else { return (0, .zero) }
        return (Int(count - first.count), now - first.time)
    }
}

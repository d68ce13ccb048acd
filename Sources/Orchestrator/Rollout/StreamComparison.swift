package import HybridStream

/// Compares what REST says of one account with what its hybrid stream says.
///
/// Both are late: a listing describes the account as it was up to ``restLag`` before its request left, and the stream tells a
/// change up to ``streamLag`` after it. So a row is only held against the stream if the stream has not held its content at any
/// time from the one to the other, and a later sweep still finds something that the stream does not know. A race is never
/// confirmed, however fast the position changes.
package struct StreamComparison: Sendable {
    /// A listing of the account's positions.
    package struct Sweep: Sendable {
        /// Open rows, each with the mark that REST has for it.
        package var rows: [Position]
        /// False if absence means nothing: a page is missing, a row could not be read.
        package var coversAll: Bool
        /// When the first request left.
        package var departure: Uptime
        /// When the last reply had come.
        package var arrival: Uptime

        package init(rows: [Position], coversAll: Bool, departure: Uptime, arrival: Uptime) {
            self.rows = rows
            self.coversAll = coversAll
            self.departure = departure
            self.arrival = arrival
        }
    }

    /// What one sweep has brought.
    package struct Outcome: Sendable, Equatable {
        /// Another sweep is wanted in about a second: something differs, and may be a race.
        package var needsConfirmation = false
        /// What differs beyond doubt. As long as a difference lasts it is confirmed again and again.
        package var confirmed: [Divergence] = []

        package init() {}
    }

    /// What was found so far, for the gates.
    package struct Summary: Sendable, Equatable {
        /// Within the evidence's window.
        package var counts = ComparisonEvidence.Counts()
        /// Open positions of either side.
        package var openPositions = 0
        /// Those of them that were the same on both sides, and have not been found to differ since.
        package var seenByBoth = 0

        package init() {}
    }

    /// How old a listing may be already when its request leaves.
    package static let restLag = PositionBook.absenceGrace
    /// How late the stream may tell a change. A stream that is later is wrong for all who rely on it.
    package static let streamLag = PositionBook.absenceGrace
    /// A doubt about a mark is settled by the sweep that it asks for, about a second later. What could not be compared since has
    /// nothing to do with what is found now; listings that fail are no further apart.
    static let markDoubtAge = Duration.seconds(60)
    /// How long a leg is remembered after its close.
    static let flatAge = Duration.seconds(60)

    /// Something of one leg that REST says and the stream has not held.
    struct Doubt: Sendable {
        var content: PositionContent
        /// Of the sweep that said so.
        var arrival: Uptime
        /// The same leg's difference was confirmed by that sweep: nobody waits for this one.
        var isRepeated: Bool
    }

    /// A mark that the next sweep has to confirm.
    struct MarkDoubt: Sendable {
        var percent: FixedPoint
        /// Of the sweep that said so.
        var arrival: Uptime
        var isRepeated: Bool
    }

    /// What has been found lately.
    package internal(set) var evidence: ComparisonEvidence
    var limits: MarkLimits
    var histories: [PositionKey: ContentHistory] = [:]
    var doubts: [PositionKey: Doubt] = [:]
    /// By symbol.
    var markDoubts: [String: MarkDoubt] = [:]
    /// Open positions on which both agree.
    var seen: Set<PositionKey> = []
    /// What REST has open, as of the last sweeps.
    var restOpen: Set<PositionKey> = []
    /// Since when the stream's positions can be relied on; nil while they cannot.
    private(set) var confirmedSince: Uptime?

    /// - Parameter window: how long what is found counts, see ``ComparisonEvidence``.
    package init(configuration: RolloutConfiguration, window: Duration) {
        self.limits = MarkLimits(configuration)
        self.evidence = ComparisonEvidence(window: window)
    }

    /// Other limits, and another window, apply from now on, also to what has been found.
    package mutating func configure(_ configuration: RolloutConfiguration, window: Duration) {
        self.limits = MarkLimits(configuration)
        self.evidence.setWindow(window)
    }

    /// Another mode or step begins: what was found counts no more. What is known of positions stays.
    package mutating func restartEvidence(window: Duration) {
        self.evidence = ComparisonEvidence(window: window)
    }

    /// Goes on with what a former process has found, if it was about the same window.
    package mutating func restore(_ evidence: ComparisonEvidence) {
        guard evidence.window == self.evidence.window else { return }
        self.evidence = evidence
    }

    /// Something differs and is neither confirmed nor refuted, or was confirmed and still differs.
    package var hasDoubts: Bool { !self.doubts.isEmpty || !self.markDoubts.isEmpty }

    package func summary(now: Uptime) -> Summary {
        var summary = Summary()
        summary.counts = self.evidence.counts(now: now)
        var open = self.restOpen
        for (key, history) in self.histories where history.current.isOpen { open.insert(key) }
        summary.openPositions = open.count
        summary.seenByBoth = open.count { self.seen.contains($0) }
        return summary
    }

    // MARK: Stream

    /// The stream's book has this row now.
    package mutating func streamChanged(_ position: Position, now: Uptime) {
        let content = PositionContent(position)
        self.histories[position.key, default: ContentHistory()].add(content, now: now)
        if let doubt = self.doubts[position.key], doubt.content.agrees(with: content) {
            self.doubts[position.key] = nil
        }
        if !content.isOpen {
            self.seen.remove(position.key)
            self.restOpen.remove(position.key)
        }
    }

    /// The private connection is up and the first sweep after it has been merged: positions are compared from now on.
    package mutating func streamConfirmed(now: Uptime) {
        self.confirmedSince = self.confirmedSince ?? now
    }

    /// The same, with all that the stream has open now: what it held before and does not hold any more was closed while it did
    /// not listen.
    package mutating func streamConfirmed(_ open: [Position], now: Uptime) {
        let keys = Set(open.map(\.key))
        for (key, history) in self.histories where history.current.isOpen && !keys.contains(key) {
            self.histories[key]?.add(.flat, now: now)
        }
        for position in open { self.streamChanged(position, now: now) }
        self.streamConfirmed(now: now)
    }

    /// The private connection is gone. Positions are not compared until it is confirmed again; marks are, they come another
    /// way.
    package mutating func streamLost(now: Uptime) {
        self.confirmedSince = nil
        self.doubts = [:]
        self.seen = []
        self.forget(now: now)
    }

    /// Legs that have been flat for long are as good as those never heard of.
    func isForgettable(_ key: PositionKey, _ history: ContentHistory, now: Uptime) -> Bool {
        !history.current.isOpen && history.currentSince + Self.flatAge < now && self.doubts[key] == nil
    }

    mutating func forget(now: Uptime) {
        let gone = self.histories.filter { self.isForgettable($0.key, $0.value, now: now) }
        for key in gone.keys { self.histories[key] = nil }
    }

    // MARK: REST

    /// A sweep has come.
    /// - Parameter marks: of a symbol, what the stream had between the sweep's departure and its arrival; nil if it had
    ///   nothing that could be relied on.
    package mutating func sweep(_ sweep: Sweep, marks: (String) -> MarkRange?) -> Outcome {
        var outcome = Outcome()
        self.compareMarks(sweep, marks, &outcome)
        self.comparePositions(sweep, &outcome)
        self.forget(now: sweep.arrival)
        return outcome
    }
}

/// From where on a mark counts.
struct MarkLimits: Sendable {
    /// Marks no further apart than this agree. Percent.
    var agreement: FixedPoint
    /// What is confirmed above this is told. Percent: the smallest limit of all, so that each can be judged.
    var told: FixedPoint

    init(_ configuration: RolloutConfiguration) {
        let gate = configuration.gates.parallel
        self.agreement = gate.agreementWithinPercent
        self.told = min(
            gate.agreementWithinPercent,
            gate.maxDivergencePercent,
            configuration.rollbackWhen.maxDivergencePercent
        )
    }
}

public import HybridStream

/// Runs recorded events through a strategy, with the code that decides live, in the time of the recording.
///
/// Where the recording holds the actions of a run with consumers, what became of them is taken from it: the same strategy
/// then decides the same, action by action. Any other strategy gets whatever it asks for, and a position counts as closed
/// where it would have been closed.
public struct ReplayRun {
    public struct Outcome: Sendable {
        /// Of positions.
        public var events = 0
        /// By account, each in order.
        public var actions: [ReplayAction] = []
        public var holdings: [ReplayHolding] = []
        /// Marks that stand for others, because the reader that recorded them was behind.
        public var conflated = 0
        /// The actions are those that the recording holds, with the exchange's own answers.
        public var isAsRecorded = false
        /// Symbols whose tick size is a guess from the digits of their prices.
        public var guessedTickSizes: [String] = []
        /// Lines that a kill has cut off.
        public var cutOff = 0
        public var failures: [String] = []
    }

    private let strategy: Strategy
    private let tickSizes: [String: FixedPoint]

    /// - Parameter tickSizes: by symbol, of those that the recording does not tell.
    public init(strategy: Strategy, tickSizes: [String: FixedPoint] = [:]) {
        self.strategy = strategy
        self.tickSizes = tickSizes
    }

    /// - Parameter recordings: in the order in which they were written.
    /// - Throws: ``ReplayError`` with the line that cannot be read.
    public func run(_ recordings: [Recording]) throws(ReplayError) -> Outcome {
        let survey = try ReplaySurvey(recordings)
        if survey.hasActed {
            let exact = try self.play(recordings, survey, isExact: true)
            if exact.isAsRecorded { return exact }
        }
        return try self.play(recordings, survey, isExact: false)
    }

    private func play(
        _ recordings: [Recording],
        _ survey: ReplaySurvey,
        isExact: Bool
    ) throws(ReplayError) -> Outcome {
        let tickSizes = self.tickSizes.merging(survey.tickSizes) { _, recorded in recorded }
        let strategy = self.strategy
        var player = ReplayPlayer { name in
            let mode: ReplayAccount.Mode =
                isExact ? .asRecorded(survey.accounts[name] ?? ReplaySurvey.Account()) : .whatIf
            return ReplayAccount(name, strategy, mode, tickSizes: tickSizes)
        }
        for recording in recordings { try player.play(recording) }
        var outcome = player.outcome
        outcome.isAsRecorded = isExact && Self.isSame(outcome.actions, survey)
        return outcome
    }

    /// Whether just that was decided which the recording holds.
    private static func isSame(_ actions: [ReplayAction], _ survey: ReplaySurvey) -> Bool {
        let recorded = survey.accounts.values.reduce(0) { $0 + $1.actions.count }
        return actions.count == recorded
            && actions.allSatisfy { survey.accounts[$0.account]?.actions[$0.id]?.action == $0.what }
    }
}

/// Goes through recordings and hands each line to its account.
struct ReplayPlayer {
    private let makeAccount: (String) -> ReplayAccount
    private var accounts: ContiguousArray<ReplayAccount> = []
    private var indices: [String: Int] = [:]
    private var templates = MarkTemplates()
    private var events = 0
    private var conflated = 0
    private var cutOff = 0

    init(makeAccount: @escaping (String) -> ReplayAccount) { self.makeAccount = makeAccount }

    mutating func play(_ recording: Recording) throws(ReplayError) {
        var lines = RecordedLines(recording)
        while true {
            if let at = lines.at, let match = self.templates.match(at, lines.room),
                self.accounts[match.account].take(match)
            {
                self.events &+= 1
                self.conflated &+= match.conflated
                lines.advance(to: match.end)
                continue
            }
            guard let bytes = lines.next() else { break }
            guard let line = try lines.read(bytes) else { continue }
            let index = self.index(line.account)
            guard line.n > self.accounts[index].lastNumber else {
                throw lines.failure(
                    1,
                    "event \(line.n) of \(line.account) comes after event \(self.accounts[index].lastNumber); give each file once, "
                        + "the oldest first"
                )
            }
            let slot = self.accounts[index].take(line)
            guard let slot else { continue }
            self.events += 1
            self.conflated += line.conflated
            if line.cause == .mark { self.templates.learn(bytes, line, account: index, slot: slot) }
        }
        self.cutOff += lines.cutOff
        // What is kept of the lines goes with their memory.
        self.templates = MarkTemplates()
    }

    private mutating func index(_ name: String) -> Int {
        if let known = self.indices[name] { return known }
        self.accounts.append(self.makeAccount(name))
        self.indices[name] = self.accounts.count - 1
        return self.accounts.count - 1
    }

    var outcome: ReplayRun.Outcome {
        var outcome = ReplayRun.Outcome()
        outcome.events = self.events
        outcome.conflated = self.conflated
        outcome.cutOff = self.cutOff
        for account in self.accounts {
            outcome.actions += account.actions
            outcome.holdings += account.finalHoldings
            outcome.failures += account.failures
        }
        outcome.guessedTickSizes = Set(self.accounts.flatMap(\.guessedTickSizes)).sorted()
        return outcome
    }
}

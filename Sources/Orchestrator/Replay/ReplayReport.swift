public import HybridStream

/// What came of a replay, summed up: for a table, for JSON, and for a comparison of strategies.
public struct ReplayReport: Sendable {
    public let strategy: String
    public let events: Int
    public let entries: Int
    /// Closed holdings by how they ended.
    public private(set) var exitsAsRecorded = 0
    public private(set) var exitsByStop = 0
    public private(set) var exitsByConsumer: [String: Int] = [:]
    public private(set) var openAtEnd = 0
    public private(set) var stopsMoved = 0
    /// By coin: of closed holdings and closed parts, before costs.
    public private(set) var realized: [String: FixedPoint] = [:]
    /// By coin: of holdings that are open at the end, at their last mark.
    public private(set) var unrealized: [String: FixedPoint] = [:]
    public let actions: [ReplayAction]
    public let isAsRecorded: Bool
    private let conflated: Int
    private let cutOff: Int
    private let guessedTickSizes: [String]
    private let failures: [String]

    public init(strategy: String, _ outcome: ReplayRun.Outcome) {
        self.strategy = strategy
        self.events = outcome.events
        self.entries = outcome.holdings.count
        self.actions = outcome.actions
        self.isAsRecorded = outcome.isAsRecorded
        self.conflated = outcome.conflated
        self.cutOff = outcome.cutOff
        self.guessedTickSizes = outcome.guessedTickSizes
        self.failures = outcome.failures
        for holding in outcome.holdings { self.add(holding) }
    }

    private mutating func add(_ holding: ReplayHolding) {
        self.stopsMoved += holding.stopsMoved
        Self.add(holding.realized, to: &self.realized[holding.coin, default: .zero])
        Self.add(holding.unrealized, to: &self.unrealized[holding.coin, default: .zero])
        switch holding.exit {
        case nil: self.openAtEnd += 1
        case .stop: self.exitsByStop += 1
        case .consumer(let seat): self.exitsByConsumer[seat.name, default: 0] += 1
        case .recorded:
            // A close that a consumer has asked for is recorded like any other.
            if self.isAsRecorded, let seat = holding.closedBy {
                self.exitsByConsumer[seat.name, default: 0] += 1
            } else {
                self.exitsAsRecorded += 1
            }
        }
    }

    private static func add(_ value: FixedPoint, to sum: inout FixedPoint) {
        sum = sum.adding(value)?.normalized ?? sum
    }

    /// What a reader of the report should know before trusting it.
    public var warnings: [String] {
        var texts: [String] = []
        if self.conflated > 0 {
            texts.append(
                "\(self.conflated) marks of the recording are missing, because its writer was behind; "
                    + "live, something may have been decided at one of them"
            )
        }
        if self.cutOff > 0 {
            let lines = self.cutOff == 1 ? "1 line of the recording is" : "\(self.cutOff) lines of the recording are"
            texts.append("\(lines) cut off, because the writer was killed, and passed over")
        }
        if !self.guessedTickSizes.isEmpty {
            texts.append(
                "the tick size is guessed from the digits of the prices for \(self.guessedTickSizes.joined(separator: ", ")); "
                    + "give --instruments, the file that the daemon keeps beside its store"
            )
        }
        return texts + self.failures.map { "a consumer could not decide: \($0)" }
    }
}

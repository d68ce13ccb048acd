import HybridStream

@testable import Orchestrator

/// Writes recordings with the code that writes the events of a running account.
struct RecordingBuilder {
    private(set) var bytes: [UInt8] = []
    /// The exchange's time of the next event, in milliseconds since 1970.
    var time: Int64 = 1_790_000_000_000
    private var numbers: [String: Int64] = [:]
    var account = "sub-001"
    static let opened: Int64 = 1_789_999_990_000

    var n: Int64 { self.numbers[self.account] ?? 0 }

    static func row(
        _ amount: Int,
        entry: String = "1000",
        stop: String = "",
        index: Int = 0,
        symbol: String = "BTCUSDT",
        category: Category = .linear,
        open: Int64 = RecordingBuilder.opened
    ) -> Position {
        Position(
            key: PositionKey(category: category, symbol: symbol, positionIndex: index),
            side: amount > 0 ? .buy : amount < 0 ? .sell : .none,
            size: FixedPoint(abs(amount)),
            entryPrice: amount == 0 ? .zero : FixedPoint(entry) ?? .zero,
            leverage: "10",
            stopLoss: stop,
            openTime: amount == 0 ? 0 : open
        )
    }

    /// An event about a position, a second after the one before.
    mutating func event(
        _ cause: PositionUpdate.Cause,
        _ position: Position,
        mark: String? = "1000.0",
        stale: Bool = false,
        conflated: Int = 0,
        after milliseconds: Int64 = 1_000
    ) {
        self.time += milliseconds
        let n = self.next()
        let update = PositionUpdate(
            cause: cause,
            source: .hybrid,
            position: position,
            slot: 0,
            mark: mark.flatMap { FixedPoint($0) },
            stale: stale,
            conflated: conflated,
            seq: n,
            exchangeTime: self.time,
            receivedTime: self.time + 3
        )
        self.bytes += PositionLine.bytes(update, label: AccountLabel(self.account), n: n, emittedTime: self.time + 4)
    }

    /// Any other event.
    mutating func tell(_ event: PipelineEvent) {
        self.bytes += event.bytes(account: self.account, n: self.next(), emittedTime: self.time)
    }

    mutating func consumers(_ state: PipelineEvent.Consumers.State, dryRun: Bool = false) {
        let isReady = state == .ready
        self.tell(
            .consumers(
                .init(
                    state: state,
                    symbol: isReady ? "BTCUSDT" : "",
                    tickSize: isReady ? "0.1" : "",
                    dryRun: dryRun
                )
            )
        )
    }

    /// What became of a stop of the position manager.
    mutating func stop(
        _ id: String,
        _ price: String,
        _ outcome: PipelineEvent.Action.Outcome,
        code: Int? = nil,
        refusal: PipelineEvent.Action.Refusal? = nil
    ) {
        self.tell(
            .action(
                .init(
                    consumer: "position_manager",
                    action: "set_stop",
                    symbol: "BTCUSDT",
                    positionIndex: 0,
                    orderLinkID: id,
                    parameters: [.init("stop_loss", price), .init("trigger_by", "MarkPrice")],
                    dryRun: false,
                    outcome: outcome,
                    returnCode: code,
                    refusal: refusal
                )
            )
        )
    }

    mutating func raw(_ text: String) { self.bytes += Array(text.utf8) }

    private mutating func next() -> Int64 {
        let n = self.n + 1
        self.numbers[self.account] = n
        return n
    }

    var recording: Recording { Recording(name: "events.jsonl", lines: self.bytes) }

    /// The same with white space that no writer of ours makes: nothing of it is recognised, all is read in full.
    var spaced: Recording {
        let text = String(decoding: self.bytes, as: UTF8.self)
        let changed = text.split(separator: "\n").map { " \t" + $0.replacing("\":", with: "\" : ") + " \r\n" }.joined()
        return Recording(name: "spaced.jsonl", lines: Array(changed.utf8))
    }

    /// - Throws: ``ReplayError``.
    func run(_ strategy: Strategy, ticks: [String: String] = ["BTCUSDT": "0.1"]) throws -> ReplayRun.Outcome {
        let sizes = ticks.compactMapValues { FixedPoint($0) }
        return try ReplayRun(strategy: strategy, tickSizes: sizes).run([self.recording])
    }
}

extension Strategy {
    /// - Parameters: which consumers there are.
    static func of(stop: Bool = false, trailing: Bool = false, aged: Bool = false) -> Strategy {
        var strategy = Strategy()
        if stop { strategy.positionManager = PositionManagerParameters() }
        if trailing { strategy.trailingStop = TrailingStopParameters() }
        if aged { strategy.agedMonitor = AgedMonitorParameters() }
        return strategy
    }

    /// Does nothing within three hours.
    static let idle = Strategy.of(aged: true)
}

extension ReplayRun.Outcome {
    /// Like `p1 set_stop 960`.
    var texts: [String] {
        self.actions.map { action in
            let values = action.what.parameters.filter { $0.name != "trigger_by" }.map(\.value).joined(separator: " ")
            let parts = action.id.split(separator: "-")
            return "\(parts[0].dropFirst())\(parts[2]) \(action.what.action) \(values)"
        }
    }
}

import HybridStream
import Testing

@testable import Orchestrator

/// Seconds since some beginning, as an instant.
func at(_ seconds: Double) -> Uptime { Uptime(nanoseconds: Int64((seconds * 1_000_000_000).rounded())) }

func decimal(_ text: String) throws -> FixedPoint { try #require(FixedPoint(text)) }

/// One leg: a long of 1 at 100 where nothing else is said.
func leg(
    of symbol: String = "BTCUSDT",
    index: Int = 0,
    _ side: Side = .buy,
    _ size: String = "1",
    entry: String = "100",
    mark: String = ""
) throws -> Position {
    Position(
        key: PositionKey(category: .linear, symbol: symbol, positionIndex: index),
        side: side,
        size: try decimal(size),
        entryPrice: try decimal(entry),
        rowMarkPrice: mark.isEmpty ? nil : try decimal(mark)
    )
}

func flat(_ symbol: String = "BTCUSDT", index: Int = 0) throws -> Position {
    try leg(of: symbol, index: index, .none, "0", entry: "0")
}

extension RolloutEvidence {
    /// An account that does well: one position, plenty of marks, all compared and the same.
    static func healthy(_ mode: Mode, percent: Int = 50, began: Uptime = at(0), now: Uptime) -> RolloutEvidence {
        let configuration = RolloutConfiguration()
        var evidence = RolloutEvidence(
            stage: RolloutStage(mode, percent: percent),
            stageBegan: began,
            lastEvent: now,
            failedConnects: configuration.connectFailures,
            failedSubscriptions: configuration.subscriptionFailures
        )
        evidence.openPositions = 1
        evidence.openSince = began
        evidence.symbols = [
            Symbol(name: "BTCUSDT", marks: 120, measured: .seconds(60), lastMarkAge: .milliseconds(100))
        ]
        evidence.comparison.counts.marksCompared = 1_000
        evidence.comparison.counts.marksAgreed = 1_000
        evidence.comparison.openPositions = 1
        evidence.comparison.seenByBoth = 1
        evidence.tickerFeed = .live
        return evidence
    }
}

import Foundation
import HybridStream
import Testing

@testable import Orchestrator

/// Positions, updates and readers for the tests of the pipeline.
enum Fixtures {
    static func decimal(_ text: String) throws -> FixedPoint {
        try #require(FixedPoint(text))
    }

    static func position(
        symbol: String = "BTCUSDT",
        category: Category = .linear,
        index: Int = 0,
        side: Side = .buy,
        size: String = "0.5",
        entry: String = "60000",
        leverage: String = "10",
        stopLoss: String = "58000",
        takeProfit: String = "",
        trailingStop: String = "0",
        liquidation: String = "",
        value: String = "30000"
    ) throws -> Position {
        Position(
            key: PositionKey(category: category, symbol: symbol, positionIndex: index),
            side: side,
            size: try self.decimal(size),
            entryPrice: try self.decimal(entry),
            leverage: leverage,
            liquidationPrice: liquidation,
            stopLoss: stopLoss,
            takeProfit: takeProfit,
            trailingStop: trailingStop,
            positionValue: value
        )
    }

    static func update(
        _ position: Position,
        cause: PositionUpdate.Cause = .mark,
        source: PositionUpdate.Source = .hybrid,
        slot: Int = 0,
        mark: String? = "60123.40",
        stale: Bool = false,
        conflated: Int = 0,
        seq: Int64 = 814_547_789_569,
        uptime: UInt64 = 0
    ) throws -> PositionUpdate {
        PositionUpdate(
            cause: cause,
            source: source,
            position: position,
            slot: slot,
            mark: try mark.map(self.decimal),
            stale: stale,
            conflated: conflated,
            seq: seq,
            exchangeTime: 1_790_134_712_383,
            receivedTime: 1_790_134_712_401,
            receivedUptime: uptime
        )
    }

    /// A loop whose clocks stand still.
    static func loop(
        recent: RecentEvents = RecentEvents(),
        wall: Int64 = 1_790_134_712_401,
        uptime: UInt64 = 5_000_000_000
    ) -> PipelineLoop {
        PipelineLoop(recent: recent, clock: TimeSource(uptime: { Uptime(nanoseconds: Int64(uptime)) }, wall: { wall }))
    }

    static func pipeline(
        _ account: String = "sub-001",
        from first: Int64 = 1,
        loop: PipelineLoop,
        queues: [EventQueue] = [],
        consumers: [any PositionConsumer] = []
    ) -> AccountPipeline {
        AccountPipeline(
            account: account,
            numbers: NumberLease(unlimitedFrom: first),
            loop: loop,
            queues: queues,
            consumers: consumers
        )
    }

    /// Everything a queue has to give, as lines without line feeds.
    static func lines(_ queue: EventQueue, maxBytes: Int = 256 * 1_024) -> [String] {
        var text: [UInt8] = []
        var buffer: [UInt8] = []
        while queue.drain(into: &buffer, maxBytes: maxBytes) == .lines { text += buffer }
        return self.split(text)
    }

    static func split(_ bytes: [UInt8]) -> [String] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// The value of a key, as text as it stands in the line.
    static func value(_ key: String, _ line: String) -> String? {
        guard let start = line.range(of: "\"\(key)\":")?.upperBound else { return nil }
        let rest = line[start...]
        if rest.hasPrefix("\"") { return String(rest.dropFirst().prefix { $0 != "\"" }) }
        return String(rest.prefix { $0 != "," && $0 != "}" })
    }

    static func number(_ key: String, _ line: String) -> Int64 {
        self.value(key, line).flatMap(Int64.init) ?? -1
    }
}

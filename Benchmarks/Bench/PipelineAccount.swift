import HybridStream
import NIOCore
import Orchestrator

/// One account as the daemon has it, without its private socket: tracker, pipeline, and one consumer that counts.
final class PipelineAccount {
    let pipeline: AccountPipeline
    let consumer: CountingConsumer

    init(_ name: String, loop: PipelineLoop, queues: [EventQueue] = [], hasConsumer: Bool = true) {
        self.consumer = CountingConsumer()
        self.pipeline = AccountPipeline(
            account: name,
            numbers: NumberLease(unlimitedFrom: 1),
            loop: loop,
            queues: queues,
            consumers: hasConsumer ? [self.consumer] : []
        )
    }

    /// A row as the exchange sends it.
    static func position(_ symbol: String, number: Int) -> Position {
        Position(
            key: PositionKey(category: .linear, symbol: symbol, positionIndex: 0),
            side: number % 2 == 0 ? .buy : .sell,
            size: FixedPoint(mantissa: Int128(500 + number), scale: 3),
            entryPrice: FixedPoint(mantissa: Int128(5_812_340 + number * 10), scale: 2),
            leverage: "10",
            liquidationPrice: "41234.50",
            stopLoss: "49000.00",
            takeProfit: "71000.00",
            trailingStop: "",
            positionValue: "29061.70",
            seq: 1_000 + Int64(number),
            updatedTime: 1_790_134_700_000,
            createdTime: 1_790_000_000_000,
            openTime: 1_790_134_000_000
        )
    }
}

/// Does the least a consumer can do.
final class CountingConsumer: PositionConsumer {
    let name = "counter"
    private(set) var events = 0
    /// Called when a mark ends a series.
    var onLastMark: (() -> Void)?
    private static let lastMark: Int128 = 9_999_999

    func handle(_ update: PositionUpdate, n: Int64) throws {
        self.events &+= 1
        if let mark = update.mark, mark.mantissa == CountingConsumer.lastMark { self.onLastMark?() }
    }
}

import CBench
import Foundation
import HybridStream
import NIOCore
import NIOPosix
import Orchestrator

/// One mark, a thousand accounts on one loop: merge, numbering, measuring, hand-over, and the event as text.
enum FanOutFigures {
    static let accounts = 1_000
    static let symbols = (0..<(Int(ProcessInfo.processInfo.environment["SYMS"] ?? "10") ?? 10)).map { "SYM\(100 + $0)USDT" }
    /// Marks per round; each makes an event for every account.
    static let marks = 600

    static func measure(rounds: Int, wanted: (String) -> Bool) async throws -> [Figure] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        var figures: [Figure] = []
        if wanted("hand-over") {
            figures += try await loop.submit { try self.measureHandOver(loop, rounds: rounds) }.get()
        }
        if wanted("lines") {
            figures += try await loop.submit { try self.measureLines(loop, rounds: rounds) }.get()
        }
        try await group.shutdownGracefully()
        return figures
    }

    private static func measureHandOver(_ loop: any EventLoop, rounds: Int) throws -> [Figure] {
        let fleet = Fleet(loop, queue: nil)
        var time = Figure(
            "hand-over", "merge and hand-over to a built-in consumer, per event, fan-out 1,000", unit: "ns", must: 100,
            aim: 30,
            note: "from MarkHub.deliver to the consumer's return; 10 positions per account, 10 symbols in turn; CPU clock")
        var allocations = Figure("hand-over-allocations", "… allocations per event", unit: "allocations", must: 0, aim: 0)
        for _ in 0..<rounds {
            time.samples.append(try fleet.time { fleet.run(Self.marks) })
            allocations.samples.append(try fleet.allocations { fleet.run(Self.marks) })
        }
        return [time, allocations]
    }

    private static func measureLines(_ loop: any EventLoop, rounds: Int) throws -> [Figure] {
        let queue = EventQueue(name: "stream")
        let fleet = Fleet(loop, queue: queue)
        var time = Figure(
            "lines", "event as JSON Lines into one stream, per event, fan-out 1,000", unit: "ns", must: 430, aim: 200,
            note: "the same way, then text, queue, and a reader that drains after every mark; no consumer, no write")
        var allocations = Figure("lines-allocations", "… allocations per event", unit: "allocations")
        var length = Figure("lines-length", "… length of a line", unit: "bytes")
        for _ in 0..<rounds {
            time.samples.append(try fleet.time { fleet.run(Self.marks) })
            allocations.samples.append(try fleet.allocations { fleet.run(Self.marks) })
            length.samples.append(Double(fleet.bytes) / Double(max(1, fleet.lines)))
        }
        return [time, allocations, length]
    }

    /// A loop with all its accounts.
    private final class Fleet: TickerSource, @unchecked Sendable {
        private let pipelineLoop: PipelineLoop
        private var accounts: [PipelineAccount] = []
        private var trackers: [PositionTracker] = []
        private var hub: MarkHub?
        private let queue: EventQueue?
        private var buffer: [UInt8] = []
        private(set) var bytes = 0
        private(set) var lines = 0
        private var cs: Int64 = 814_547_789_569

        init(_ loop: any EventLoop, queue: EventQueue?) {
            self.queue = queue
            self.pipelineLoop = PipelineLoop(recent: RecentEvents())
            let hub = MarkHub(eventLoop: loop, feed: self)
            self.hub = hub
            let pipelineLoop = self.pipelineLoop
            hub.onBatchCompleted = { pipelineLoop.batchEnded() }
            for number in 0..<FanOutFigures.accounts {
                let account = PipelineAccount(
                    "sub-\(1_000 + number)", loop: self.pipelineLoop, queues: queue.map { [$0] } ?? [],
                    hasConsumer: queue == nil)
                let tracker = PositionTracker(hub: hub, observer: account)
                for symbol in FanOutFigures.symbols {
                    tracker.receive(
                        PipelineAccount.position(symbol, number: number), wallTime: WallClock.milliseconds(), now: .now())
                }
                self.accounts.append(account)
                self.trackers.append(tracker)
            }
            // Every position has a mark and its prepared text.
            self.run(2 * FanOutFigures.symbols.count)
        }

        /// Marks in turn over the symbols, each a batch of its own.
        @inline(never)
        func run(_ marks: Int) {
            guard let hub = self.hub else { return }
            let count = FanOutFigures.symbols.count
            for _ in 0..<marks {
                self.cs += 1
                let mark = Mark(
                    price: FixedPoint(mantissa: Int128(5_000_000 + self.cs % 999_983), scale: 2), cs: self.cs,
                    exchangeTime: 1_790_134_712_383 + self.cs, receivedTime: WallClock.milliseconds(),
                    receivedUptime: .now())
                hub.deliver(mark, index: Int(self.cs) % count, conflated: 0)
                hub.batchCompleted()
                self.drain()
            }
        }

        private func drain() {
            guard let queue = self.queue else { return }
            while case .lines = queue.drain(into: &self.buffer) { self.bytes += self.buffer.count }
        }

        private var events: Int {
            self.accounts.reduce(0) { $0 + Int($1.pipeline.metrics.emitted) }
        }

        /// Nanoseconds per event.
        func time(_ body: () -> Void) throws -> Double {
            let before = self.events
            self.bytes = 0
            let start = cbench_cpu_clock()
            body()
            let nanoseconds = cbench_cpu_clock() - start
            return Double(nanoseconds) / Double(try self.made(since: before))
        }

        func allocations(_ body: () -> Void) throws -> Double {
            let before = self.events
            self.bytes = 0
            cbench_allocations_start()
            body()
            let allocations = cbench_allocations_stop()
            return Double(allocations) / Double(try self.made(since: before))
        }

        private func made(since before: Int) throws -> Int {
            self.lines = self.events - before
            guard self.lines == FanOutFigures.marks * FanOutFigures.accounts else {
                throw ChildProcess.Failure(description: "\(self.lines) events instead of one per mark and account")
            }
            return self.lines
        }

        // MARK: TickerSource

        func acquire(_ symbol: String, for hub: MarkHub, index: Int) {}
        func release(_ symbol: String, for hub: MarkHub, index: Int) {}
    }
}

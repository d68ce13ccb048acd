import CBench
import HybridStream
import NIOCore
import NIOPosix
import Orchestrator

/// One mark, a thousand accounts on one loop: merge, numbering, measuring, hand-over, and the event as text.
enum FanOutFigures {
    static let accounts = 1_000
    /// Marks per round; each makes an event for every account.
    static let marks = 600

    static func measure(rounds: Int, wanted: (String) -> Bool) throws -> [Figure] {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        var figures: [Figure] = []
        for load in Load.all where wanted("hand-over") {
            figures += try loop.submit { try self.measureHandOver(loop, load, rounds: rounds) }.wait()
        }
        for load in Load.all where wanted("lines") {
            figures += try loop.submit { try self.measureLines(loop, load, rounds: rounds) }.wait()
        }
        try group.syncShutdownGracefully()
        return figures
    }

    /// How much an account holds besides what the mark is about.
    private struct Load {
        let symbols: Int
        let suffix: String
        let words: String

        /// What the words of the budget say.
        static let single = Load(symbols: 1, suffix: "", words: "")
        /// What a fleet is like: the next mark of a symbol comes when the others' have been through the caches.
        static let spread = Load(symbols: 10, suffix: "-10", words: ", 10 positions per account in turn")
        static let all = [Load.single, Load.spread]
    }

    private static func measureHandOver(_ loop: any EventLoop, _ load: Load, rounds: Int) throws -> [Figure] {
        let fleet = Fleet(loop, symbols: load.symbols, queue: nil)
        var time = Figure(
            "hand-over\(load.suffix)",
            "merge and hand-over to a built-in consumer, per event, fan-out 1,000\(load.words)",
            unit: "ns",
            must: 100,
            aim: 30,
            note: "from MarkHub.deliver to the consumer's return, numbering and measuring included; CPU clock"
        )
        var allocations = Figure(
            "hand-over\(load.suffix)-allocations",
            "… allocations per event",
            unit: "allocations",
            must: 0,
            aim: 0
        )
        for _ in 0..<rounds {
            time.samples.append(try fleet.time { fleet.run(Self.marks) })
            allocations.samples.append(try fleet.allocations { fleet.run(Self.marks) })
        }
        return [time, allocations]
    }

    private static func measureLines(_ loop: any EventLoop, _ load: Load, rounds: Int) throws -> [Figure] {
        let fleet = Fleet(loop, symbols: load.symbols, queue: EventQueue(name: "stream"))
        var time = Figure(
            "lines\(load.suffix)",
            "event as JSON Lines into one stream, per event, fan-out 1,000\(load.words)",
            unit: "ns",
            // The budget is that of one mark and all its holders. With ten positions each there are five megabytes of
            // prepared text, and what is measured is the machine's last cache.
            must: load.symbols == 1 ? 430 : nil,
            aim: load.symbols == 1 ? 200 : nil,
            note: "merge, hand-over, text, queue, and a reader that drains after every mark; no consumer, no write"
        )
        var allocations = Figure("lines\(load.suffix)-allocations", "… allocations per event", unit: "allocations")
        var length = Figure("lines\(load.suffix)-length", "… length of a line", unit: "bytes")
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
        private let symbols: Int
        private var buffer: [UInt8] = []
        private(set) var bytes = 0
        private(set) var lines = 0
        private var cs: Int64 = 814_547_789_569

        init(_ loop: any EventLoop, symbols: Int, queue: EventQueue?) {
            self.queue = queue
            self.symbols = symbols
            self.pipelineLoop = PipelineLoop(recent: RecentEvents())
            let hub = MarkHub(eventLoop: loop, feed: self)
            self.hub = hub
            let pipelineLoop = self.pipelineLoop
            hub.onBatchCompleted = { pipelineLoop.batchEnded() }
            for number in 0..<FanOutFigures.accounts {
                let account = PipelineAccount(
                    "sub-\(1_000 + number)",
                    loop: self.pipelineLoop,
                    queues: queue.map { [$0] } ?? [],
                    hasConsumer: queue == nil
                )
                let tracker = PositionTracker(hub: hub, observer: account.pipeline)
                for symbol in 0..<symbols {
                    tracker.receive(
                        PipelineAccount.position("SYM\(100 + symbol)USDT", number: number),
                        wallTime: WallClock.milliseconds(),
                        now: .now()
                    )
                }
                self.accounts.append(account)
                self.trackers.append(tracker)
            }
            // Every position has a mark and its prepared text.
            self.run(2 * symbols)
        }

        /// Marks in turn over the symbols, each a batch of its own.
        @inline(never)
        func run(_ marks: Int) {
            guard let hub = self.hub else { return }
            for _ in 0..<marks {
                self.cs += 1
                let mark = Mark(
                    price: FixedPoint(mantissa: Int128(5_000_000 + self.cs % 999_983), scale: 2),
                    cs: self.cs,
                    exchangeTime: 1_790_134_712_383 + self.cs,
                    receivedTime: WallClock.milliseconds(),
                    receivedUptime: .now()
                )
                hub.deliver(mark, index: Int(self.cs) % self.symbols, conflated: 0)
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

import CBench
import Glibc
import HybridStream
import Logging
import NIOCore
import NIOPosix
import Orchestrator

/// The process that is measured on the way from the socket to the consumer: feed, hubs, trackers, pipelines.
///
/// The ticker feed lives on the first loop; accounts are spread over all. Account `a` holds every symbol `s` with
/// `(s + a) % spacing == 0`. Reports at the end of each series `done CPU_NANOSECONDS EVENTS WORST_P99_MICROSECONDS`.
final class ClientRole: @unchecked Sendable {
    struct Shape {
        var accounts = 1
        var symbols = 1
        var spacing = 1
        var loops = 1

        var arguments: [String] { [self.accounts, self.symbols, self.spacing, self.loops].map(String.init) }

        init(accounts: Int = 1, symbols: Int = 1, spacing: Int = 1, loops: Int = 1) {
            self.accounts = accounts
            self.symbols = symbols
            self.spacing = spacing
            self.loops = loops
        }

        init?(_ arguments: ArraySlice<String>) {
            let numbers = arguments.compactMap { Int($0) }
            guard numbers.count == 4 else { return nil }
            self.init(accounts: numbers[0], symbols: numbers[1], spacing: numbers[2], loops: numbers[3])
        }
    }

    /// What lives on one loop, and is touched there alone.
    private final class Share: @unchecked Sendable {
        let eventLoop: any EventLoop
        let pipelineLoop = PipelineLoop(recent: RecentEvents())
        let hub: MarkHub
        var accounts: [(account: PipelineAccount, tracker: PositionTracker)] = []

        init(_ eventLoop: any EventLoop, feed: TickerFeed) {
            self.eventLoop = eventLoop
            self.hub = feed.makeHub(on: eventLoop)
            let pipelineLoop = self.pipelineLoop
            self.hub.onBatchCompleted = { pipelineLoop.batchEnded() }
        }
    }

    private let shape: Shape
    private let shares: [Share]
    private var lastEvents = 0

    static func symbol(_ number: Int) -> String { "SYM\(1_000 + number)USDT" }

    init?(port: Int, shape: Shape) {
        guard let endpoint = WebSocketEndpoint("ws://127.0.0.1:\(port)/v5/public/linear") else { return nil }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: shape.loops)
        let loops = Array(group.makeIterator())
        guard let first = loops.first else { return nil }
        var logger = Logger(label: "bench")
        logger.logLevel = .error
        let feed = TickerFeed(
            endpoint: endpoint,
            settings: TickerFeedMachine.Settings(category: .linear),
            on: first,
            environment: .system(tls: nil),
            gate: ConnectionGate(connections: 100, per: .seconds(1), timerLoop: first),
            rest: nil,
            logger: logger
        )
        self.shape = shape
        self.shares = loops.map { Share($0, feed: feed) }
    }

    /// Opens the positions; the feed connects by itself.
    func run() throws {
        for (index, share) in self.shares.enumerated() {
            try share.eventLoop.submit { self.populate(share, index) }.wait()
        }
        // The parent ends us.
        while true { pause() }
    }

    private func populate(_ share: Share, _ index: Int) {
        for number in stride(from: index, to: self.shape.accounts, by: self.shares.count) {
            let account = PipelineAccount("sub-\(1_000 + number)", loop: share.pipelineLoop)
            let tracker = PositionTracker(hub: share.hub, observer: account.pipeline)
            if number == 0 { account.consumer.onLastMark = { [unowned self] in self.seriesEnded() } }
            share.accounts.append((account, tracker))
            for symbol in 0..<self.shape.symbols where (symbol + number) % self.shape.spacing == 0 {
                tracker.receive(
                    PipelineAccount.position(Self.symbol(symbol), number: number),
                    wallTime: WallClock.milliseconds(),
                    now: .now()
                )
            }
        }
    }

    /// On account 0's loop. The other loops have seen what came before, or do so in the time it takes to ask them.
    private func seriesEnded() {
        let cpu = cbench_process_cpu()
        Task {
            var events = 0
            var latency = 0
            for share in self.shares {
                let (count, worst) = try await share.eventLoop.submit {
                    share.accounts.reduce(into: (0, 0)) { result, entry in
                        result.0 += entry.account.consumer.events
                        result.1 = max(result.1, entry.account.pipeline.metrics.latencyP99 ?? 0)
                    }
                }.get()
                events += count
                latency = max(latency, worst)
            }
            print("done \(cpu) \(events - self.lastEvents) \(latency)")
            fflush(nil)
            self.lastEvents = events
        }
    }
}

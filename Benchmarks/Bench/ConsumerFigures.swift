import CBench
import Foundation
import HybridStream
import Orchestrator

/// The three built-in consumers: per mark as the account's loop calls them, and over a recording.
enum ConsumerFigures {
    static let positions = 10
    static let marks = 1_000_000
    static let recordedMarks = 2_000_000

    static func measure(rounds: Int, wanted: (String) -> Bool) throws -> [Figure] {
        var figures: [Figure] = []
        if wanted("consumers") { figures += try self.measureMarks(rounds: rounds) }
        if wanted("replay") { figures += try self.measureReplay(rounds: rounds) }
        return figures
    }

    private static func strategy() -> Strategy {
        var strategy = Strategy()
        strategy.positionManager = PositionManagerParameters()
        strategy.trailingStop = TrailingStopParameters()
        strategy.agedMonitor = AgedMonitorParameters()
        return strategy
    }

    // MARK: Marks

    private static func measureMarks(rounds: Int) throws -> [Figure] {
        var time = Figure(
            "consumers",
            "the three built-in consumers together, per mark that leads to no action",
            unit: "ns",
            must: 250,
            aim: 80,
            note:
                "AccountDesk as the account's loop calls it, 10 positions in turn; every 64th mark of a position is a new "
                + "peak, the others lie within the bands; CPU clock"
        )
        var peaks = Figure("consumers-peaks", "… every mark a new peak", unit: "ns")
        var allocations = Figure("consumers-allocations", "… allocations per mark", unit: "allocations")
        for _ in 0..<rounds {
            time.samples.append(try self.time(newPeakEvery: 64, self.marks))
            peaks.samples.append(try self.time(newPeakEvery: 1, self.positions * Course.mostPeaks))
            let course = Course(newPeakEvery: 64)
            var desk = try self.desk(course)
            cbench_allocations_start()
            let actions = self.run(&desk, course, self.marks / 10)
            allocations.samples.append(Double(cbench_allocations_stop()) / Double(self.marks / 10))
            try self.check(actions)
        }
        return [time, peaks, allocations]
    }

    private static func time(newPeakEvery distance: Int, _ marks: Int) throws -> Double {
        let course = Course(newPeakEvery: distance)
        var desk = try self.desk(course)
        let start = cbench_cpu_clock()
        let actions = self.run(&desk, course, marks)
        let nanoseconds = cbench_cpu_clock() - start
        try self.check(actions)
        return Double(nanoseconds) / Double(marks)
    }

    private static func check(_ actions: Int) throws {
        guard actions == 0 else {
            throw ChildProcess.Failure(description: "\(actions) effects where there should be none")
        }
    }

    private static func desk(_ course: Course) throws -> AccountDesk {
        var desk = AccountDesk(DeskSettings(account: "sub-001", strategy: self.strategy(), isDryRun: false))
        for position in course.positions { desk.setTickSize(Course.tick, of: position.key.symbol) }
        for slot in 0..<self.positions { try self.show(course.opening(slot), 1, &desk) }
        _ = desk.takeEffects()
        return desk
    }

    @inline(__always)
    private static func show(_ update: PositionUpdate, _ n: Int64, _ desk: inout AccountDesk) throws {
        for seat in ConsumerSeat.allCases where !desk.isQuiet(seat, update) {
            let time = DeskTime(
                wall: update.exchangeTime,
                uptime: Uptime(nanoseconds: update.exchangeTime &* 1_000_000)
            )
            try desk.handle(seat, update, n: n, at: time)
        }
    }

    /// Returns how much was to be done.
    @inline(never)
    private static func run(_ desk: inout AccountDesk, _ course: Course, _ marks: Int) -> Int {
        var failures = 0
        for number in 0..<marks {
            do {
                try self.show(course.mark(number), Int64(number), &desk)
            } catch {
                failures += 1
            }
        }
        return desk.takeEffects().count + failures
    }

    /// Prices that lead to nothing: less than half a percent from entry, within three hours.
    private struct Course {
        let positions: [Position]
        let distance: Int
        static let tick = FixedPoint(mantissa: 1, scale: 2)
        static let entry: Int128 = 5_812_340
        static let mostPeaks = 20_000
        private static let start: Int64 = 1_790_134_712_383

        init(newPeakEvery distance: Int) {
            self.distance = distance
            self.positions = (0..<ConsumerFigures.positions).map { number in
                Position(
                    key: PositionKey(category: .linear, symbol: "SYM\(100 + number)USDT", positionIndex: 0),
                    side: .buy,
                    size: FixedPoint(mantissa: Int128(500 + number), scale: 3),
                    entryPrice: FixedPoint(mantissa: Course.entry, scale: 2),
                    leverage: "10",
                    liquidationPrice: "41234.50",
                    stopLoss: "55000.00",
                    takeProfit: "71000.00",
                    positionValue: "29061.70",
                    seq: 1_000,
                    updatedTime: Course.start,
                    openTime: Course.start - 1_000
                )
            }
        }

        func opening(_ slot: Int) -> PositionUpdate { self.update(.opened, slot, Course.entry, at: Course.start) }

        @inline(__always)
        func mark(_ number: Int) -> PositionUpdate {
            let turn = number / ConsumerFigures.positions
            let peaks = Int128(turn / self.distance)
            // Up by a hundredth per peak, but no further than breakeven_percent allows, and down between them.
            let peak = min(peaks, Int128(Course.mostPeaks))
            let depth = turn % self.distance == 0 ? 0 : Int128(100 + turn % 977)
            return self.update(
                .mark,
                number % ConsumerFigures.positions,
                Course.entry + peak - depth,
                at: Course.start + Int64(number / 200)
            )
        }

        @inline(__always)
        private func update(
            _ cause: PositionUpdate.Cause,
            _ slot: Int,
            _ price: Int128,
            at time: Int64
        ) -> PositionUpdate {
            PositionUpdate(
                cause: cause,
                source: .hybrid,
                position: self.positions[slot],
                slot: slot,
                mark: FixedPoint(mantissa: price, scale: 2),
                stale: false,
                seq: 814_547_789_569 + time,
                exchangeTime: time,
                receivedTime: time + 18
            )
        }
    }

    // MARK: Replay

    private static func measureReplay(rounds: Int) throws -> [Figure] {
        let path = NSTemporaryDirectory() + "bybitctl-bench-\(getpid()).jsonl"
        defer { unlink(path) }
        try self.record(to: path)
        var time = Figure(
            "replay",
            "replay through the three consumers, per event",
            unit: "ns",
            must: 1_000,
            aim: 200,
            note:
                "a file of \(self.recordedMarks) lines as a jsonl sink writes them, 10 positions in turn; ReplayRun over the "
                + "mapped file, its look for actions included; CPU clock"
        )
        var rate = Figure("replay-rate", "… events per second", unit: "million/s")
        var allocations = Figure("replay-allocations", "… allocations per event", unit: "allocations")
        let run = ReplayRun(strategy: self.strategy())
        for _ in 0..<rounds {
            let start = cbench_cpu_clock()
            let outcome = try run.run([try Recording(path: path)])
            let nanoseconds = cbench_cpu_clock() - start
            guard outcome.events == self.recordedMarks + self.positions, outcome.failures.isEmpty else {
                throw ChildProcess.Failure(description: "\(outcome.events) events were replayed")
            }
            time.samples.append(Double(nanoseconds) / Double(outcome.events))
            rate.samples.append(Double(outcome.events) * 1_000 / Double(nanoseconds))
        }
        cbench_allocations_start()
        let outcome = try run.run([try Recording(path: path)])
        allocations.samples.append(Double(cbench_allocations_stop()) / Double(outcome.events))
        return [time, rate, allocations]
    }

    /// By the code that writes the events of a running account.
    private static func record(to path: String) throws {
        let queue = EventQueue(name: "recording", limit: .max)
        let loop = PipelineLoop(recent: RecentEvents())
        let account = PipelineAccount("sub-001", loop: loop, queues: [queue], hasConsumer: false)
        let course = Course(newPeakEvery: 64)
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let file = FileHandle(forWritingAtPath: path)
        else { throw ChildProcess.Failure(description: "\(path) cannot be written") }
        var buffer: [UInt8] = []
        func drain() throws {
            loop.batchEnded()
            while case .lines = queue.drain(into: &buffer) { try file.write(contentsOf: Data(buffer)) }
        }
        for slot in 0..<self.positions { account.pipeline.observe(course.opening(slot)) }
        for number in 0..<self.recordedMarks {
            account.pipeline.observe(course.mark(number))
            if number % 1_000 == 0 { try drain() }
        }
        try drain()
        try file.close()
    }
}

import HybridStream
import Testing

@testable import Orchestrator

@Suite("ReplayRun")
struct ReplayRunTests {
    private typealias Row = RecordingBuilder

    private static func report(_ outcome: ReplayRun.Outcome) -> ReplayReport { ReplayReport(strategy: "s", outcome) }

    // MARK: Profit

    @Test("linear: parts, the rest, and what is open, by hand")
    func linear() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(2), mark: "1000.0")
        it.event(.mark, Row.row(2), mark: "1040.0")
        it.event(.reduced, Row.row(1), mark: "1050.0")  // 1 × 50
        it.event(.increased, Row.row(3, entry: "1020"), mark: "1060.0")
        it.event(.closed, Row.row(0), mark: "1010.0")  // 3 × −10
        it.event(.opened, Row.row(-2, open: Row.opened + 5), mark: "1010.0")
        it.event(.mark, Row.row(-2, open: Row.opened + 5), mark: "990.5")  // 2 × 9.5 from an entry at 1000
        let report = Self.report(try it.run(.idle))
        #expect(report.entries == 2 && report.exitsAsRecorded == 1 && report.openAtEnd == 1 && report.events == 7)
        #expect(report.realized.mapValues(\.description) == ["USDT": "20"])
        #expect(report.unrealized.mapValues(\.description) == ["USDT": "19"])
    }

    @Test("inverse: in the base coin, by hand")
    func inverse() throws {
        var it = RecordingBuilder()
        func row(_ amount: Int) -> Position {
            Row.row(amount, entry: "50000", symbol: "BTCUSD", category: .inverse)
        }
        it.event(.opened, row(10_000), mark: "50000.0")
        it.event(.reduced, row(6_000), mark: "40000.0")  // 4000 × (1/50000 − 1/40000) = −0.02
        it.event(.closed, row(0), mark: "62500.0")  // 6000 × (1/50000 − 1/62500) = 0.024
        let report = Self.report(try it.run(.idle, ticks: ["BTCUSD": "0.1"]))
        #expect(report.realized.mapValues(\.description) == ["BTC": "0.004"])
    }

    @Test("coins are not added up")
    func coins() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(1), mark: "1000.0")
        it.event(.closed, Row.row(0), mark: "1001.0")
        for (symbol, category) in [("BTCPERP", Category.linear), ("ETHUSDZ26", .inverse)] {
            it.event(.opened, Row.row(1_000, symbol: symbol, category: category), mark: "1000.0")
            it.event(.closed, Row.row(0, symbol: symbol, category: category), mark: "1250.0")
        }
        let report = Self.report(try it.run(.idle, ticks: ["BTCUSDT": "1", "BTCPERP": "1", "ETHUSDZ26": "1"]))
        #expect(report.realized.mapValues(\.description) == ["USDT": "1", "USDC": "250000", "ETH": "0.2"])
    }

    // MARK: What if

    @Test("a stop that would stand closes the position there, whatever the recording goes on to say")
    func stop() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(2), mark: "1000.0")
        it.event(.mark, Row.row(2), mark: "961.0")
        it.event(.mark, Row.row(2), mark: "950.0")
        it.event(.mark, Row.row(2), mark: "1100.0")
        it.event(.closed, Row.row(0), mark: "1200.0")
        let outcome = try it.run(.of(stop: true, trailing: true))
        #expect(outcome.texts == ["p1 set_stop 960"])
        let report = Self.report(outcome)
        #expect(report.exitsByStop == 1 && report.exitsAsRecorded == 0 && report.stopsMoved == 1)
        #expect(report.realized.mapValues(\.description) == ["USDT": "-80"])
        #expect(!report.isAsRecorded)
        #expect(outcome.holdings[0].exitPrice == FixedPoint(960))
    }

    @Test("a trailing stop follows and closes; an old position is closed by an order at the mark")
    func consumers() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(2, stop: "900"), mark: "1000.0")
        it.event(.mark, Row.row(2), mark: "1030.0")
        it.event(.mark, Row.row(2), mark: "1050.0", after: 31_000)
        it.event(.mark, Row.row(2), mark: "1044.0")
        #expect(try it.run(.of(trailing: true)).texts == ["t1 set_stop 1024.8", "t2 set_stop 1044.7"])
        let trailing = Self.report(try it.run(.of(trailing: true)))
        #expect(trailing.exitsByStop == 1 && trailing.realized.mapValues(\.description) == ["USDT": "89.4"])
        var strategy = Strategy.of(aged: true)
        strategy.agedMonitor?.maxAge = .seconds(40)
        let aged = Self.report(try it.run(strategy))
        #expect(aged.exitsByConsumer == ["aged_monitor": 1])
        #expect(
            aged.realized.mapValues(\.description) == ["USDT": "100"],
            "at the mark of 1050, forty seconds after it opened"
        )
        #expect(aged.actions.map(\.account) == ["sub-001"])
    }

    @Test("a flip and a reopening are holdings of their own, and so are the legs of a hedge")
    func holdings() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(1), mark: "1000.0")
        it.event(.flipped, Row.row(-1, open: 7), mark: "1002.0")
        it.event(.closed, Row.row(0), mark: "1001.0")
        it.event(.opened, Row.row(1, open: 9), mark: "1000.0")
        it.event(.mark, Row.row(1, open: 9), mark: "1000.1")
        it.event(.opened, Row.row(1, index: 1, open: 9), mark: "1000.0")
        it.event(.opened, Row.row(-1, index: 2, open: 9), mark: "1000.0")
        let outcome = try it.run(.of(stop: true))
        #expect(
            outcome.texts == [
                "p1 set_stop 960", "p1 set_stop 1040", "p1 set_stop 960", "p1 set_stop 960", "p1 set_stop 1040",
            ]
        )
        #expect(Set(outcome.actions.map(\.id)).count == 5)
        let report = Self.report(outcome)
        #expect(report.entries == 5 && report.exitsAsRecorded == 2 && report.openAtEnd == 3)
        #expect(
            report.realized.mapValues(\.description) == ["USDT": "1"],
            "2 with the long, −1 with the short from 1000"
        )
        #expect(outcome.actions.map(\.what.positionIndex) == [0, 0, 0, 1, 2])
    }

    @Test("nothing is decided on a stale mark; other events are passed over")
    func others() throws {
        var it = RecordingBuilder()
        it.tell(.accountState(old: "starting", new: "live", reason: "all positions are known"))
        it.event(.opened, Row.row(1), mark: "1000.0", stale: true)
        it.tell(.alert(.init(code: "position_unprotected", severity: .critical, state: .opened, text: "no \"stop\"")))
        it.tell(.rollout(.init(mode: "canary", oldMode: "rest", cause: "", gate: "", verdict: "", text: "")))
        it.event(.stale, Row.row(1), mark: "1000.0", stale: true)
        #expect(try it.run(.of(stop: true)).actions.isEmpty)
        it.event(.fresh, Row.row(1), mark: "1000.2")
        #expect(try it.run(.of(stop: true)).texts == ["p1 set_stop 960"])
    }

    @Test("a recording that begins in the middle")
    func middle() throws {
        var it = RecordingBuilder()
        it.event(.mark, Row.row(1, stop: "970"), mark: "1000.0")
        it.event(.mark, Row.row(1, stop: "970"), mark: "1025.0")
        let outcome = try it.run(.of(stop: true, trailing: true))
        #expect(outcome.texts == ["t1 set_stop 1019.8"] && outcome.holdings.count == 1)
    }

    @Test("the tick size: as given, else guessed, and said")
    func tickSizes() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(1, entry: "1000.55"), mark: "1000.00")
        #expect(try it.run(.of(stop: true), ticks: ["BTCUSDT": "5"]).texts == ["p1 set_stop 960"])
        let guessed = try it.run(.of(stop: true), ticks: [:])
        #expect(guessed.texts == ["p1 set_stop 960.52"] && guessed.guessedTickSizes == ["BTCUSDT"])
        #expect(Self.report(guessed).warnings.contains { $0.contains("--instruments") })
    }

    // MARK: Recordings

    @Test("two accounts in one file decide as they do alone; the second of two files goes on where the first ends")
    func accountsAndFiles() throws {
        var both = RecordingBuilder()
        var alone = [RecordingBuilder(), RecordingBuilder()]
        for (number, mark) in ["1000.0", "1021.0", "1030.0", "1012.0", "1050.0", "1040.0"].enumerated() {
            for (place, account) in ["sub-001", "sub-002"].enumerated() {
                let row = Row.row(place == 0 ? 3 : -3, stop: place == 0 ? "" : "1100")
                let cause: PositionUpdate.Cause = number == 0 ? .opened : .mark
                both.account = account
                alone[place].account = account
                alone[place].time = both.time
                both.event(cause, row, mark: mark)
                alone[place].event(cause, row, mark: mark)
            }
        }
        let strategy = Strategy.of(stop: true, trailing: true)
        let together = try both.run(strategy)
        let apart = try alone.map { try $0.run(strategy) }
        #expect(together.actions.count > 1 && together.actions == apart[0].actions + apart[1].actions)
        let lines = both.bytes.split(separator: 10).map { Array($0) + [10] }
        let run = ReplayRun(strategy: strategy, tickSizes: ["BTCUSDT": FixedPoint(mantissa: 1, scale: 1)])
        for cut in 1..<lines.count {
            let parts = [lines[..<cut], lines[cut...]].enumerated().map { number, part in
                Recording(name: "part \(number)", lines: part.flatMap { $0 })
            }
            #expect(try run.run(parts).actions == together.actions)
            #expect(throws: ReplayError.self) { try run.run(parts.reversed()) }
        }
        #expect(try run.run([]).events == 0)
    }

    @Test(
        "lines that are recognised and lines that are read in full lead to the same",
        arguments: 1...20 as ClosedRange<UInt64>
    )
    func recognition(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var it = RecordingBuilder()
        let symbols = ["BTCUSDT", "ETHUSDT", "1000PEPEUSDT"]
        var rows: [Position] = []
        for (number, symbol) in symbols.enumerated() {
            let row = Row.row(number == 1 ? -4 : 4, index: number == 2 ? 1 : 0, symbol: symbol)
            rows.append(row)
            it.account = "sub-00\(number % 2)"
            it.event(.opened, row)
        }
        for _ in 0..<400 {
            let number = Int(random.next() % 3)
            it.account = "sub-00\(number % 2)"
            let tenths = 10_000 + Int.random(in: -450...450, using: &random)
            let mark = random.next() % 9 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
            switch random.next() % 12 {
            case 0:
                let old = rows[number]
                rows[number] = Row.row(
                    old.side == .buy ? 4 : -4,
                    stop: "\(old.side == .buy ? 940 : 1_060)",
                    index: old.key.positionIndex,
                    symbol: old.key.symbol
                )
                it.event(.amended, rows[number], mark: mark)
            case 1: it.event(.mark, rows[number], mark: mark, stale: random.next() % 2 == 0, conflated: 2)
            case 2: it.tell(.accountState(old: "live", new: "degraded", reason: "x"))
            default: it.event(.mark, rows[number], mark: mark)
            }
        }
        var strategy = Strategy.of(stop: true, trailing: true, aged: true)
        strategy.trailingStop?.minUpdateInterval = .seconds(2)
        strategy.agedMonitor?.maxAge = .seconds(200)
        let run = ReplayRun(strategy: strategy)
        let quick = try run.run([it.recording])
        let slow = try run.run([it.spaced])
        #expect(quick.actions == slow.actions && quick.actions.count > 3)
        #expect(quick.events == slow.events && quick.conflated == slow.conflated)
        let values = [quick, slow].map { outcome in
            outcome.holdings.map { "\($0.account) \($0.realized) \($0.unrealized) \($0.exitPrice) \($0.stopsMoved)" }
        }
        #expect(values[0] == values[1])
    }

    @Test("what cannot be read is said with file, line and column; what a kill has cut off is passed over")
    func broken() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(1))
        it.raw(#"{"v":1,"event":"position.upd"# + "\n\n")
        it.event(.mark, Row.row(1))
        let outcome = try it.run(.idle)
        #expect(outcome.events == 2 && outcome.cutOff == 1)
        #expect(Self.report(outcome).warnings.contains { $0.hasPrefix("1 line of the recording is cut off") })
        var last = it
        last.raw(#"{"v":1,"event":"position.update","acc"#)
        #expect(try last.run(.idle).cutOff == 2)
        it.raw(#"{"v":1,"event":"alert","account":7x}"# + "\n")
        let error = #expect(throws: ReplayError.self) { try it.run(.idle) }
        #expect(
            error?.description
                == "events.jsonl, line 5, column 1: n is missing; a recording is what a jsonl sink writes"
        )
        #expect(Recording(name: "", lines: []).bytes.isEmpty)
        #expect(throws: ReplayError.self) { try Recording(path: "/nowhere/events.jsonl") }
        #expect(throws: ReplayError.self) { try Recording(path: "/tmp") }
    }

    @Test("marks that stand for others are said")
    func conflated() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(1))
        it.event(.mark, Row.row(1), mark: "1000.5", conflated: 17)
        #expect(
            Self.report(try it.run(.idle)).warnings == [
                "17 marks of the recording are missing, because its writer was behind; live, something may have been decided at one of them"
            ]
        )
    }

    @Test("two strategies over one recording")
    func comparison() throws {
        var it = RecordingBuilder()
        it.event(.opened, Row.row(2), mark: "1000.0")
        it.event(.mark, Row.row(2), mark: "975.0")
        it.event(.closed, Row.row(0), mark: "1100.0")
        var careful = Strategy.of(stop: true)
        careful.positionManager?.stopLossPercent = FixedPoint(2)
        let reports = try [Strategy.of(stop: true), careful].map { ReplayReport(strategy: "s", try it.run($0)) }
        #expect(reports.map(\.exitsByStop) == [0, 1] && reports.map(\.exitsAsRecorded) == [1, 0])
        #expect(reports.map { $0.realized["USDT"] } == [FixedPoint(200), FixedPoint(-40)])
    }
}

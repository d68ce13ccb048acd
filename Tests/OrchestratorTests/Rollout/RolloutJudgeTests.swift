import HybridStream
import Testing

@testable import Orchestrator

@Suite struct RolloutJudgeTests {
    /// Judges once a second.
    struct Bench {
        var judge = RolloutJudge(configuration: RolloutConfiguration())
        var now = 0.0
        var last = RolloutJudge.Judgement(gates: [], verdict: .open, changed: [])

        mutating func run(
            _ mode: Mode,
            percent: Int = 50,
            for seconds: Int,
            began: Uptime = at(0),
            _ change: (inout RolloutEvidence, Uptime) -> Void = { _, _ in }
        ) {
            for _ in 0..<seconds {
                var evidence = RolloutEvidence.healthy(mode, percent: percent, began: began, now: at(self.now))
                change(&evidence, at(self.now))
                self.last = self.judge.judge(evidence, now: at(self.now))
                self.now += 1
            }
        }

        func gate(_ name: String) -> Gate? { self.last.gates.first { $0.name == name } }
    }

    private static func judged(
        _ mode: Mode,
        _ change: (inout RolloutEvidence) -> Void
    ) -> (gates: [String: Gate], verdict: Verdict) {
        var evidence = RolloutEvidence.healthy(mode, now: at(10_000))
        change(&evidence)
        var judge = RolloutJudge(configuration: RolloutConfiguration())
        let judgement = judge.judge(evidence, now: at(10_000))
        return (Dictionary(uniqueKeysWithValues: judgement.gates.map { ($0.name, $0) }), judgement.verdict)
    }

    // MARK: Modes

    @Test(
        arguments: [
            (Mode.rest, []),
            (.canary, ["soak", "min_updates_per_second", "max_update_age", "max_failed_connects"]),
            (.parallel, ["soak", "min_agreement_percent", "max_divergence_percent", "positions_seen_by_both"]),
            (.cutover, ["soak", "min_agreement_percent", "max_divergence_percent", "positions_seen_by_both"]),
            (.hybrid, []),
        ] as [(Mode, [String])]
    )
    func eachModeHasItsGates(_ mode: Mode, _ names: [String]) {
        var bench = Bench()
        bench.run(mode, for: 1)
        #expect(bench.last.gates.map(\.name) == names)
        #expect(bench.last.verdict == (names.isEmpty ? .holds : .open))
        #expect(bench.last.gates.dropFirst().allSatisfy { $0.verdict == .holds })
        #expect(bench.last.changed == Array(bench.last.gates.dropFirst()))
        bench.run(mode, for: 1)
        #expect(bench.last.changed.isEmpty)
    }

    // MARK: Soak

    @Test(arguments: [(Mode.canary, 600), (.parallel, 1_800), (.cutover, 14_400)])
    func theSoakIsReachedToTheSecond(_ mode: Mode, _ soak: Int) {
        var bench = Bench()
        bench.run(mode, for: soak)
        #expect(bench.last.verdict == .open)
        #expect(bench.gate("soak")?.verdict == .open)
        bench.run(mode, for: 1)
        #expect(bench.last.verdict == .holds)
        #expect(bench.last.changed.map(\.name) == ["soak"])
    }

    @Test func aBrokenGateBeginsTheSoakAnew() {
        var bench = Bench()
        bench.run(.canary, for: 700)
        #expect(bench.last.verdict == .holds)
        bench.run(.canary, for: 1) { evidence, _ in evidence.symbols[0].marks = 0 }
        #expect(bench.last.verdict == .broken)
        #expect(bench.gate("soak")?.verdict == .open)
        #expect(Set(bench.last.changed.map(\.name)) == ["soak", "min_updates_per_second"])
        bench.run(.canary, for: 600)
        #expect(bench.last.verdict == .open)
        bench.run(.canary, for: 1)
        #expect(bench.last.verdict == .holds)
    }

    @Test func anOpenGateOnlyStopsTheClock() {
        var bench = Bench()
        bench.run(.canary, for: 301)
        bench.run(.canary, for: 5_000) { evidence, _ in
            evidence.symbols = []
            evidence.openPositions = 0
        }
        #expect(bench.last.verdict == .open)
        #expect(bench.gate("soak")?.value == "5m 0s")
        bench.run(.canary, for: 300)
        #expect(bench.gate("soak")?.verdict == .open)
        bench.run(.canary, for: 1)
        #expect(bench.last.verdict == .holds)
    }

    @Test func everyStageSoaksByItself() {
        var bench = Bench()
        bench.run(.cutover, percent: 50, for: 14_401)
        #expect(bench.last.verdict == .holds)
        bench.run(.cutover, percent: 100, for: 1, began: at(bench.now))
        #expect(bench.last.verdict == .open)
        #expect(bench.gate("soak")?.value == "0s")
    }

    @Test func theSameModeBegunAnewSoaksAnew() {
        var bench = Bench()
        bench.run(.canary, for: 601)
        #expect(bench.last.verdict == .holds)
        bench.run(.canary, for: 1, began: at(bench.now))
        #expect(bench.last.verdict == .open)
    }

    /// What the first process stored, what the second judges, how many seconds that still takes.
    @Test(
        arguments: [
            (RolloutStage(.canary), RolloutStage(.canary), 200),
            (RolloutStage(.parallel), RolloutStage(.canary), 600),
            (RolloutStage(.cutover, percent: 50), RolloutStage(.cutover, percent: 100), 14_400),
            (RolloutStage(.cutover, percent: 50), RolloutStage(.cutover, percent: 50), 14_000),
        ]
    )
    func anotherProcessGoesOnWithTheSameStage(_ stored: RolloutStage, _ stage: RolloutStage, _ left: Int) throws {
        var first = Bench()
        first.run(stored.mode, percent: stored.percent, for: 401)
        let memory = try #require(first.judge.memory)
        #expect(memory == RolloutJudge.Memory(stage: stored, heldMilliseconds: 400_000))
        var second = Bench()
        second.judge.restore(memory)
        second.run(stage.mode, percent: stage.percent, for: left)
        #expect(second.last.verdict == .open)
        second.run(stage.mode, percent: stage.percent, for: 1)
        #expect(second.last.verdict == .holds)
    }

    // MARK: Canary

    @Test(
        arguments: [
            (60, 60, Verdict.holds), (59, 60, .broken), (61, 60, .holds), (10, 10, .holds), (9, 10, .broken),
            (0, 10, .broken), (1_000, 9, .open), (0, 9, .open),
        ]
    )
    func updatesPerSecond(_ marks: Int, _ seconds: Int, _ verdict: Verdict) {
        let gates = Self.judged(.canary) { evidence in
            evidence.symbols[0].marks = marks
            evidence.symbols[0].measured = .seconds(seconds)
        }.gates
        #expect(gates["min_updates_per_second"]?.verdict == verdict)
    }

    @Test func theSlowestSymbolCounts() {
        let judged = Self.judged(.canary) { evidence in
            evidence.symbols.append(.init(name: "SOLUSDT", marks: 30, measured: .seconds(60), lastMarkAge: .zero))
        }
        #expect(judged.gates["min_updates_per_second"]?.verdict == .broken)
        #expect(judged.gates["min_updates_per_second"]?.value == "0.5 (SOLUSDT)")
        #expect(judged.gates["min_updates_per_second"]?.limit == "1")
    }

    @Test func oneYoungSymbolKeepsTheRateOpen() {
        let gates = Self.judged(.canary) { evidence in
            evidence.symbols.append(.init(name: "SOLUSDT", marks: 9, measured: .seconds(3), lastMarkAge: .zero))
        }.gates
        #expect(gates["min_updates_per_second"]?.verdict == .open)
        #expect(gates["max_update_age"]?.verdict == .holds)
    }

    @Test(
        arguments: [
            (Duration?.some(.zero), Verdict.holds), (.milliseconds(9_999), .holds), (.seconds(10), .broken),
            (.seconds(99), .broken), (nil, .open),
        ]
    )
    func updateAge(_ age: Duration?, _ verdict: Verdict) {
        let gates = Self.judged(.canary) { evidence in
            evidence.symbols[0].measured = .milliseconds(9_999)
            evidence.symbols[0].lastMarkAge = age
        }.gates
        #expect(gates["max_update_age"]?.verdict == verdict)
    }

    @Test func aSymbolThatNeverToldAnythingIsOldAfterAWhile() {
        let gates = Self.judged(.canary) { evidence in
            evidence.symbols[0].measured = .seconds(10)
            evidence.symbols[0].lastMarkAge = nil
        }.gates
        #expect(gates["max_update_age"]?.verdict == .broken)
    }

    /// Seconds ago, with the mode begun 1,000 seconds ago.
    @Test(arguments: [(599.9, Verdict.broken), (600.0, .holds), (1_100.0, .holds)])
    func aFailedConnectHeals(_ ago: Double, _ verdict: Verdict) {
        let gates = Self.judged(.canary) { evidence in
            evidence.stageBegan = at(9_000)
            evidence.failedConnects.add(at(10_000 - ago))
        }.gates
        #expect(gates["max_failed_connects"]?.verdict == verdict)
    }

    @Test func aFailedConnectFromBeforeTheModeDoesNotCount() {
        let gates = Self.judged(.canary) { evidence in
            evidence.failedConnects.add(at(9_900))
            evidence.stageBegan = at(9_900)
        }.gates
        #expect(gates["max_failed_connects"]?.verdict == .holds)
    }

    @Test(arguments: [(2, 2, Verdict.holds), (3, 2, .broken), (0, 0, .holds), (1, 0, .broken)])
    func failedConnectsUpToTheLimit(_ count: Int, _ limit: Int, _ verdict: Verdict) throws {
        var configuration = RolloutConfiguration()
        configuration.gates.canary.maxFailedConnects = limit
        var evidence = RolloutEvidence.healthy(.canary, now: at(1_000))
        evidence.failedConnects = configuration.connectFailures
        for _ in 0..<count { evidence.failedConnects.add(at(990)) }
        var judge = RolloutJudge(configuration: configuration)
        let gate = judge.judge(evidence, now: at(1_000)).gates.first { $0.name == "max_failed_connects" }
        #expect(gate?.verdict == verdict)
    }

    // MARK: Parallel

    @Test(
        arguments: [
            (1_000, 1_000, Verdict.holds), (999, 1_000, .holds), (998, 1_000, .broken), (9_989, 10_000, .broken),
            (9_990, 10_000, .holds), (1, 1, .holds), (0, 1, .broken), (0, 0, .open),
        ]
    )
    func agreement(_ agreed: Int, _ compared: Int, _ verdict: Verdict) {
        let gates = Self.judged(.parallel) { evidence in
            evidence.comparison.counts.marksAgreed = agreed
            evidence.comparison.counts.marksCompared = compared
        }.gates
        #expect(gates["min_agreement_percent"]?.verdict == verdict)
    }

    @Test func theAgreementIsNotRoundedUp() {
        let gate = Self.judged(.parallel) { evidence in
            evidence.comparison.counts.marksAgreed = 99_999
            evidence.comparison.counts.marksCompared = 100_000
        }.gates["min_agreement_percent"]
        #expect(gate?.value == "99.99 % of 100000")
        #expect(gate?.limit == "99.9 %")
    }

    @Test(arguments: [("0", Verdict.holds), ("0.999999", .holds), ("1.00", .holds), ("1.000001", .broken)])
    func divergence(_ percent: String, _ verdict: Verdict) throws {
        let worst = try decimal(percent)
        let gates = Self.judged(.cutover) { $0.comparison.counts.worstDivergence = worst }.gates
        #expect(gates["max_divergence_percent"]?.verdict == verdict)
    }

    @Test(
        arguments: [
            (1, 1, 0, Verdict.holds), (0, 1, 0, .open), (11, 12, 0, .open), (12, 12, 1, .broken), (0, 0, 0, .open),
            (0, 0, 1, .broken),
        ]
    )
    func seenByBoth(_ seen: Int, _ open: Int, _ differences: Int, _ verdict: Verdict) {
        let gates = Self.judged(.parallel) { evidence in
            evidence.comparison.seenByBoth = seen
            evidence.comparison.openPositions = open
            evidence.comparison.counts.differences = differences
        }.gates
        #expect(gates["positions_seen_by_both"]?.verdict == verdict)
    }

    @Test(arguments: [Mode.canary, .parallel, .cutover])
    func withoutPositionsItIsOpen(_ mode: Mode) {
        let judged = Self.judged(mode) { evidence in
            evidence.openPositions = 0
            evidence.openSince = nil
            evidence.symbols = []
            evidence.comparison = .init()
        }
        #expect(judged.verdict == .open)
        let open = judged.gates.values.filter { $0.verdict == .open }.map(\.name)
        #expect(Set(open) == Set(judged.gates.keys).subtracting(["max_failed_connects"]))
    }

    @Test(
        arguments: [
            (0, "0s"), (850, "850ms"), (1_000, "1s"), (59_999, "59s"), (724_000, "12m 4s"), (14_400_000, "4h 0m"),
            (266_400_000, "3d 2h"), (-5, "0s"),
        ] as [(Int64, String)]
    )
    func timesAreToldInTheTwoLargestUnits(_ milliseconds: Int64, _ text: String) {
        #expect(RolloutText.elapsed(.milliseconds(milliseconds)) == text)
    }
}

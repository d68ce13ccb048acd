import HybridStream
import Testing

@testable import Orchestrator

@Suite struct RollbackTriggersTests {
    private typealias Name = RollbackTriggers.Trigger.Name

    private static let now = at(10_000)

    /// What must fire for a change of an account that does well.
    private static func fired(
        _ mode: Mode = .hybrid,
        _ change: (inout RolloutEvidence) throws -> Void
    ) rethrows -> [RollbackTriggers.Trigger.Name] {
        var evidence = RolloutEvidence.healthy(mode, now: Self.now)
        try change(&evidence)
        var triggers = RollbackTriggers(configuration: RolloutConfiguration())
        return triggers.check(evidence, now: Self.now).map(\.name)
    }

    private static func divergence(_ percent: String, _ kind: Divergence.Kind = .mark) throws -> Divergence {
        Divergence(symbol: "BTCUSDT", positionIndex: 0, kind: kind, percent: try decimal(percent), text: "apart")
    }

    private static func inflict(_ fault: RollbackTriggers.Trigger.Name, on evidence: inout RolloutEvidence) throws {
        switch fault {
        case .bothDown:
            evidence.privateConnection = .down(since: at(9_000))
            evidence.tickerFeed = .down(since: at(9_000))
        case .noEvent:
            evidence.lastEvent = at(9_700)
        case .subscriptionFailures:
            for _ in 0..<11 { evidence.failedSubscriptions.add(at(9_990)) }
        case .divergence:
            evidence.divergences = [try Self.divergence("1.1")]
            evidence.hasDoubts = true
        case .consumerFailed:
            evidence.consumerFailures = ["trailing_stop: 39 digits"]
        }
    }

    @Test(arguments: RollbackTriggers.Trigger.Name.allCases)
    func eachFaultFiresItsOwnTriggerOnly(_ fault: RollbackTriggers.Trigger.Name) throws {
        for mode in [Mode.canary, .parallel, .cutover, .hybrid] {
            #expect(try Self.fired(mode) { try Self.inflict(fault, on: &$0) } == [fault])
        }
        #expect(try Self.fired(.rest) { try Self.inflict(fault, on: &$0) } == [])
    }

    @Test func nothingFiresWhileAllIsWell() {
        for mode in Mode.allCases { #expect(Self.fired(mode) { _ in } == []) }
    }

    // MARK: Limits

    @Test(
        arguments: [
            (9_700.0, 9_700.0, true), (9_700, 9_000, true), (9_000, 9_700, true), (9_700.1, 9_000, false),
            (9_000, 9_700.1, false), (9_999, 9_999, false),
        ]
    )
    func bothAreDownForFiveMinutes(_ privateSince: Double, _ tickersSince: Double, _ fires: Bool) {
        let names = Self.fired { evidence in
            evidence.privateConnection = .down(since: at(privateSince))
            evidence.tickerFeed = .down(since: at(tickersSince))
        }
        #expect(names == (fires ? [.bothDown] : []))
    }

    @Test(arguments: [RolloutEvidence.TickerFeed.idle, .live])
    func onlyOneIsDown(_ feed: RolloutEvidence.TickerFeed) {
        #expect(
            Self.fired { evidence in
                evidence.privateConnection = .down(since: at(0))
                evidence.tickerFeed = feed
            } == []
        )
        #expect(Self.fired { $0.tickerFeed = .down(since: at(0)) } == [])
    }

    /// Of the last event, and of the position; nil: none is open.
    @Test(
        arguments: [
            (9_700.0, 0.0, true), (9_700.1, 0, false), (0, 9_700, true), (0, 9_700.1, false), (0, nil, false),
        ] as [(Double, Double?, Bool)]
    )
    func noEventWhilePositionsAreOpen(_ event: Double, _ open: Double?, _ fires: Bool) {
        let names = Self.fired { evidence in
            evidence.lastEvent = at(event)
            evidence.openSince = open.map(at)
            evidence.openPositions = open == nil ? 0 : 1
        }
        #expect(names == (fires ? [.noEvent] : []))
    }

    @Test(arguments: [(10, 9_000.0, false), (11, 9_000, true), (11, 6_400, false), (11, 6_400.1, true)])
    func moreThanTenFailedSubscriptionsInAnHour(_ count: Int, _ time: Double, _ fires: Bool) {
        let names = Self.fired { evidence in
            for _ in 0..<count { evidence.failedSubscriptions.add(at(time)) }
        }
        #expect(names == (fires ? [.subscriptionFailures] : []))
    }

    @Test(
        arguments: [
            ("1", Divergence.Kind.mark, false), ("1.000001", .mark, true), ("0.5", .mark, false),
            ("0", .position, true),
        ]
    )
    func aDivergenceOverOnePercent(_ percent: String, _ kind: Divergence.Kind, _ fires: Bool) throws {
        let names = try Self.fired { $0.divergences = [try Self.divergence(percent, kind)] }
        #expect(names == (fires ? [.divergence] : []))
    }

    @Test func theWorstOfSeveralDivergencesCounts() throws {
        let names = try Self.fired { $0.divergences = [try Self.divergence("0.3"), try Self.divergence("7")] }
        #expect(names == [.divergence])
    }

    // MARK: Occasions

    @Test(arguments: RollbackTriggers.Trigger.Name.allCases)
    func eachFiresOncePerOccasion(_ fault: RollbackTriggers.Trigger.Name) throws {
        var triggers = RollbackTriggers(configuration: RolloutConfiguration())
        var sick = RolloutEvidence.healthy(.hybrid, now: Self.now)
        try Self.inflict(fault, on: &sick)
        let well = RolloutEvidence.healthy(.hybrid, now: at(10_100))
        #expect(triggers.check(sick, now: Self.now).map(\.name) == [fault])
        #expect(triggers.check(sick, now: at(10_001)).isEmpty)
        #expect(triggers.check(well, now: at(10_100)).isEmpty)
        #expect(triggers.check(sick, now: at(10_101)).map(\.name) == [fault])
    }

    @Test func aDifferenceThatLastsIsOneOccasion() throws {
        var triggers = RollbackTriggers(configuration: RolloutConfiguration())
        var evidence = RolloutEvidence.healthy(.parallel, now: Self.now)
        var fired = 0
        for second in 0..<100 {
            evidence.hasDoubts = true
            evidence.divergences = second % 6 == 0 ? [try Self.divergence("0", .position)] : []
            evidence.lastEvent = at(10_000 + Double(second))
            fired += triggers.check(evidence, now: at(10_000 + Double(second))).count
        }
        #expect(fired == 1)
    }

    @Test func aConsumerThatFailsOnEveryEventIsOneOccasion() {
        var triggers = RollbackTriggers(configuration: RolloutConfiguration())
        var evidence = RolloutEvidence.healthy(.hybrid, now: Self.now)
        var fired: [Double] = []
        for second in [0.0, 1, 2, 30, 31, 60, 61, 130, 131, 191, 192] {
            evidence.lastEvent = at(10_000 + second)
            evidence.consumerFailures = [0, 30, 61, 192].contains(second) ? ["it failed"] : []
            if !triggers.check(evidence, now: at(10_000 + second)).isEmpty { fired.append(second) }
        }
        #expect(fired == [0, 192])
    }

    @Test func whatLastsFromRestFiresOnceTheModeIsLeft() throws {
        var triggers = RollbackTriggers(configuration: RolloutConfiguration())
        var evidence = RolloutEvidence.healthy(.rest, now: Self.now)
        try Self.inflict(.subscriptionFailures, on: &evidence)
        #expect(triggers.check(evidence, now: Self.now).isEmpty)
        evidence.stage = RolloutStage(.canary)
        #expect(triggers.check(evidence, now: Self.now).map(\.name) == [.subscriptionFailures])
    }
}

import HybridStream
import Testing

@testable import Orchestrator

@Suite struct WavePlanTests {
    /// A fleet in which everything that is asked for happens.
    private struct Fleet {
        var plan: WavePlan
        var accounts: [String: WavePlan.Account] = [:]
        var now = 0.0

        init(
            _ names: [String],
            _ settings: RolloutWaves,
            stage: RolloutStage = RolloutStage(.rest),
            cap: Mode? = nil
        ) {
            self.plan = WavePlan(settings, steps: [50, 100], cap: cap, accounts: names)
            for name in names {
                self.accounts[name] = WavePlan.Account(health: .healthy, stage: stage, verdict: .holds)
            }
        }

        mutating func tick(after seconds: Double = 1) -> WavePlan.Step? {
            self.now += seconds
            return self.plan.tick(self.accounts, now: at(self.now))
        }

        mutating func arrive(_ names: String...) {
            for name in names {
                guard let above = self.accounts[name]?.stage.above(steps: [50, 100]) else { continue }
                self.accounts[name]?.stage = above
            }
        }
    }

    private static func settings(_ sizes: [RolloutWaves.Size], maxUnhealthy: Int = 0) -> RolloutWaves {
        var waves = RolloutWaves()
        waves.sizes = sizes
        waves.maxUnhealthy = maxUnhealthy
        return waves
    }

    private static let names = ["a", "b", "c", "d"]
    private static let two = WavePlanTests.settings([.accounts(2), .percent(100)])

    // MARK: Sizes

    @Test(
        arguments: [
            ([.accounts(1), .percent(10), .percent(50), .percent(100)], 100, [1, 9, 40, 50]),
            ([.accounts(1), .percent(10), .percent(50), .percent(100)], 5, [1, 1, 1, 2]),
            ([.accounts(1), .percent(10), .percent(50), .percent(100)], 1, [1]),
            ([.accounts(1), .percent(10), .percent(50), .percent(100)], 0, []),
            ([.percent(10)], 101, [11]), ([.percent(1)], 100, [1]), ([.percent(1)], 101, [2]),
            ([.accounts(10), .accounts(5), .percent(100)], 20, [10, 1, 9]), ([.accounts(50)], 3, [3]),
            ([.accounts(2)], 5, [2]),
        ] as [([RolloutWaves.Size], Int, [Int])]
    )
    func sizesAreWhatIsDoneAfterAWave(_ sizes: [RolloutWaves.Size], _ count: Int, _ waves: [Int]) {
        let names = (0..<count).map { "sub-\($0)" }
        let plan = WavePlan(Self.settings(sizes), steps: [100], accounts: names)
        #expect(plan.waves.map(\.count) == waves)
        #expect(plan.waves.joined().elementsEqual(names.prefix(waves.reduce(0, +))))
    }

    @Test(
        arguments: [
            (RolloutStage(.rest), RolloutStage(.canary)), (RolloutStage(.canary), RolloutStage(.parallel)),
            (RolloutStage(.parallel), RolloutStage(.cutover, percent: 50)),
            (RolloutStage(.cutover, percent: 50), RolloutStage(.cutover, percent: 100)),
            (RolloutStage(.cutover, percent: 70), RolloutStage(.cutover, percent: 100)),
            (RolloutStage(.cutover, percent: 100), RolloutStage(.hybrid)), (RolloutStage(.hybrid), nil),
        ] as [(RolloutStage, RolloutStage?)]
    )
    func stagesFollowEachOther(_ stage: RolloutStage, _ above: RolloutStage?) {
        #expect(stage.above(steps: [50, 100]) == above)
        if let above { #expect(stage < above) }
    }

    // MARK: Course

    @Test func waveAfterWave() {
        var fleet = Fleet(Self.names, Self.two)
        #expect(fleet.tick() == .promote(["a", "b"]))
        #expect(fleet.tick() == nil)
        fleet.arrive("a")
        #expect(fleet.tick(after: 10_000) == nil)
        fleet.arrive("b")
        #expect(fleet.tick() == nil)
        #expect(fleet.plan.state(now: at(fleet.now + 724)) == "wave 1 of 2: watched for 12m 4s of 15m")
        #expect(fleet.tick(after: 899.9) == nil)
        #expect(fleet.tick(after: 0.1) == .promote(["c", "d"]))
        fleet.arrive("c", "d")
        #expect(fleet.tick() == nil)
        #expect(fleet.tick(after: 900) == .finished)
        #expect(fleet.tick() == nil)
    }

    @Test func accountsThatAreUpOrNotCountedAreLeftOut() {
        var fleet = Fleet(Self.names, Self.two)
        fleet.accounts["a"]?.stage = RolloutStage(.hybrid)
        fleet.accounts["b"] = nil
        fleet.accounts["c"] = nil
        // Nobody of the first wave is left, so nobody waits for it.
        #expect(fleet.tick() == .promote(["d"]))
    }

    @Test func anAccountThatIsDrainedMeanwhileIsNotWaitedFor() {
        var fleet = Fleet(Self.names, Self.two)
        #expect(fleet.tick() == .promote(["a", "b"]))
        fleet.arrive("a")
        fleet.accounts["b"] = nil
        #expect(fleet.tick() == nil)
        #expect(fleet.tick(after: 900) == .promote(["c", "d"]))
    }

    @Test func aWaveWaitsForGatesThatAreOpen() {
        var fleet = Fleet(Self.names, Self.two)
        fleet.accounts["b"]?.verdict = .open
        fleet.accounts["d"]?.verdict = .broken
        #expect(fleet.tick() == nil)
        #expect(fleet.plan.state(now: at(0)) == "wave 1 of 2: waiting for the gates of b")
        fleet.accounts["b"]?.verdict = .holds
        #expect(fleet.tick() == .promote(["a", "b"]))
    }

    @Test func afterItsPromotionAGateMayBeOpen() {
        var fleet = Fleet(Self.names, Self.two)
        #expect(fleet.tick() == .promote(["a", "b"]))
        fleet.arrive("a", "b")
        fleet.accounts["a"]?.verdict = .open
        #expect(fleet.tick() == nil)
        #expect(fleet.tick(after: 900) == .promote(["c", "d"]))
    }

    // MARK: Ends

    @Test func aBrokenGateBeforeTheWaveStops() {
        var fleet = Fleet(Self.names, Self.two)
        fleet.accounts["b"]?.verdict = .broken
        #expect(fleet.tick() == .stopped(reason: "a gate of b is broken"))
        #expect(fleet.tick() == nil)
    }

    /// Who breaks, after how many of the two have arrived.
    @Test(arguments: [("a", 0), ("b", 0), ("a", 2), ("b", 2)])
    func aBrokenGateInTheWaveTakesItBack(_ name: String, _ arrived: Int) {
        var fleet = Fleet(Self.names, Self.two)
        #expect(fleet.tick() == .promote(["a", "b"]))
        if arrived == 2 {
            fleet.arrive("a", "b")
            #expect(fleet.tick() == nil)
        }
        fleet.accounts[name]?.verdict = .broken
        // What has not arrived yet is where it was.
        #expect(fleet.tick() == .rollBack(arrived == 2 ? ["a", "b"] : [], reason: "a gate of \(name) is broken"))
        #expect(fleet.tick() == nil)
    }

    @Test func aBrokenGateOfAnEarlierWaveStops() {
        var fleet = Fleet(Self.names, Self.two)
        _ = fleet.tick()
        fleet.arrive("a", "b")
        _ = fleet.tick()
        #expect(fleet.tick(after: 900) == .promote(["c", "d"]))
        fleet.accounts["a"]?.verdict = .broken
        #expect(fleet.tick() == .stopped(reason: "a gate of a is broken"))
    }

    @Test func anAccountThatWasTakenBackTakesItsWaveBack() {
        var fleet = Fleet(Self.names, Self.two, stage: RolloutStage(.canary))
        _ = fleet.tick()
        fleet.arrive("a", "b")
        _ = fleet.tick()
        fleet.accounts["b"]?.stage = RolloutStage(.rest)
        #expect(fleet.tick() == .rollBack(["a"], reason: "b was taken back to rest"))
        #expect(fleet.plan.origin(of: "a") == RolloutStage(.canary))
    }

    @Test func whoTakesAnAccountBackThatWaitsEndsIt() {
        var fleet = Fleet(Self.names, Self.two, stage: RolloutStage(.parallel))
        fleet.accounts["b"]?.verdict = .open
        #expect(fleet.tick() == nil)
        fleet.accounts["b"]?.stage = RolloutStage(.canary)
        #expect(fleet.tick() == .stopped(reason: "b was taken back to canary"))
        #expect(fleet.tick() == nil)
    }

    @Test func whoTakesAnAccountOfALaterWaveBackEndsIt() {
        var fleet = Fleet(Self.names, Self.two, stage: RolloutStage(.canary))
        #expect(fleet.tick() == .promote(["a", "b"]))
        fleet.arrive("a", "b")
        fleet.accounts["d"]?.stage = RolloutStage(.rest)
        #expect(fleet.tick() == .stopped(reason: "d was taken back to rest"))
    }

    @Test func aPromotionThatFailsTakesTheWaveBack() {
        var fleet = Fleet(Self.names, Self.two)
        _ = fleet.tick()
        fleet.arrive("a")
        fleet.plan.promotionFailed("b", reason: "no sweep in 30s")
        // Who is where it was stays there.
        #expect(fleet.tick() == .rollBack(["a"], reason: "b could not be promoted: no sweep in 30s"))
    }

    @Test func aStepOfACutoverGoesBackToTheStepBefore() {
        var fleet = Fleet(Self.names, Self.two, stage: RolloutStage(.cutover, percent: 50))
        #expect(fleet.tick() == .promote(["a", "b"]))
        fleet.arrive("a", "b")
        _ = fleet.tick()
        fleet.accounts["a"]?.verdict = .broken
        #expect(fleet.tick() == .rollBack(["a", "b"], reason: "a gate of a is broken"))
        #expect(fleet.plan.origin(of: "a") == RolloutStage(.cutover, percent: 50))
    }

    @Test func whoseGateHasOpenedInBetweenFollows() {
        var fleet = Fleet(Self.names, Self.two)
        #expect(fleet.tick() == .promote(["a", "b"]))
        fleet.plan.promotionWaits("b")
        fleet.arrive("a")
        fleet.accounts["b"]?.verdict = .open
        #expect(fleet.tick() == nil)
        fleet.accounts["b"]?.verdict = .holds
        #expect(fleet.tick() == .promote(["b"]))
        #expect(fleet.tick() == nil, "once")
        fleet.arrive("b")
        #expect(fleet.tick() == nil)
        #expect(fleet.tick(after: 900) == .promote(["c", "d"]))
    }

    @Test func whoTakesAnAccountBackWhileOthersArePromotedEndsIt() {
        var fleet = Fleet(Self.names, Self.two, stage: RolloutStage(.canary))
        #expect(fleet.tick() == .promote(["a", "b"]))
        // Promoted, and taken back at once, while the other one is still under way.
        fleet.plan.promotionDone("a")
        #expect(fleet.tick() == .rollBack([], reason: "a was taken back to canary"))
    }

    @Test func nobodyGoesBeyondTheCap() {
        var fleet = Fleet(Self.names, Self.two, stage: RolloutStage(.parallel), cap: .parallel)
        fleet.accounts["c"]?.stage = RolloutStage(.canary)
        #expect(fleet.tick() == .promote(["c"]))
        var all = Fleet(Self.names, Self.two, stage: RolloutStage(.canary), cap: .canary)
        #expect(all.tick() == .finished)
    }

    /// Who is unhealthy while the first wave is watched.
    @Test(
        arguments: [
            ([], 0, nil), (["d"], 1, nil), (["a"], 1, nil), (["a", "d"], 2, nil),
            (["d"], 0, .stopped(reason: "1 account unhealthy, at most 0 may be: d")),
            (["c", "d"], 1, .stopped(reason: "2 accounts unhealthy, at most 1 may be: c, d")),
            (["a"], 0, .rollBack(["a", "b"], reason: "1 account unhealthy, at most 0 may be: a")),
            (["b", "d"], 1, .rollBack(["a", "b"], reason: "2 accounts unhealthy, at most 1 may be: b, d")),
        ] as [([String], Int, WavePlan.Step?)]
    )
    func tooManyUnhealthy(_ unhealthy: [String], _ limit: Int, _ step: WavePlan.Step?) {
        var fleet = Fleet(Self.names, Self.settings([.accounts(2), .percent(100)], maxUnhealthy: limit))
        _ = fleet.tick()
        fleet.arrive("a", "b")
        #expect(fleet.tick() == nil)
        for name in unhealthy { fleet.accounts[name]?.health = .unhealthy }
        #expect(fleet.tick() == step)
    }

    @Test func aFleetThatIsIllAlreadyIsNotTouched() {
        var fleet = Fleet(Self.names, Self.two)
        fleet.accounts["d"]?.health = .unhealthy
        #expect(fleet.tick() == .stopped(reason: "1 account unhealthy, at most 0 may be: d"))
    }

    @Test func whileItIsPromotedAnAccountMayBeUnhealthy() {
        var fleet = Fleet(Self.names, Self.two)
        #expect(fleet.tick() == .promote(["a", "b"]))
        fleet.accounts["a"]?.health = .unhealthy
        #expect(fleet.tick() == nil)
        fleet.accounts["a"]?.health = .healthy
        fleet.arrive("a", "b")
        #expect(fleet.tick() == nil)
        #expect(fleet.tick(after: 900) == .promote(["c", "d"]))
    }
}

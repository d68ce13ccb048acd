import Orchestrator
import Testing

@testable import bybitctl

@Suite struct StatusGoalTests {
    private let off = Samples.account("off", enabled: false, state: .disabled)

    @Test func healthyNamesWhatIsNot() {
        let report = Samples.report([
            Samples.account("a"), self.off,
            Samples.account("b", state: .starting, health: .degraded, lastError: "no route to host"),
        ])
        #expect(StatusGoal.healthy.pending(report, isNamed: false) == ["b: starting, degraded: no route to host"])
    }

    @Test func healthyWaitsForTheTickersToo() {
        var report = Samples.report([Samples.account("a")])
        #expect(StatusGoal.healthy.pending(report, isNamed: false).isEmpty)
        report.tickers.receiving = 1
        report.rollUp(wholeFleet: true)
        #expect(StatusGoal.healthy.pending(report, isNamed: false) == ["tickers: live, 1 of 2 receiving"])
    }

    @Test func aStateConcernsEnabledAccountsUnlessNamed() {
        let report = Samples.report([Samples.account("a"), self.off])
        #expect(StatusGoal.state(.live).pending(report, isNamed: false).isEmpty)
        #expect(StatusGoal.state(.live).pending(report, isNamed: true) == ["off: disabled, healthy"])
        #expect(StatusGoal.state(.disabled).pending(report, isNamed: false) == ["a: live, healthy"])
        #expect(StatusGoal.state(.drained).pending(report, isNamed: false) == ["a: live, healthy"])
    }

    @Test func aDrainThatIsOverCountsAsBegun() {
        let report = Samples.report([
            Samples.account("a", state: .drained), Samples.account("b", state: .draining, health: .degraded), self.off,
        ])
        #expect(StatusGoal.state(.draining).pending(report, isNamed: false).isEmpty)
        #expect(StatusGoal.state(.drained).pending(report, isNamed: false) == ["b: draining, degraded"])
        #expect(StatusGoal.state(.draining).pending(report, isNamed: true) == ["off: disabled, healthy"])
        #expect(StatusGoal.state(.disabled).pending(report, isNamed: false).count == 2)
        #expect(StatusGoal.state(.disabled).pending(Samples.report([self.off]), isNamed: true).isEmpty)
        #expect(StatusGoal.healthy.pending(report, isNamed: false) == ["b: draining, degraded"])
    }
}

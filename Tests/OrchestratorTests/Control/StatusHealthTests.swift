import Testing

@testable import Orchestrator

@Suite struct StatusHealthTests {
    private let nothing = StatusReport.PositionCounts(open: 0, stale: 0, unprotected: 0)

    @Test(arguments: [
        (StatusReport.State.live, StatusReport.Health.healthy), (.starting, .degraded), (.degraded, .degraded),
        (.fallback, .degraded), (.draining, .degraded), (.drained, .healthy), (.failed, .critical),
        (.disabled, .healthy),
    ])
    func stateDecides(state: StatusReport.State, health: StatusReport.Health) {
        #expect(StatusReport.Health.ofAccount(enabled: true, state: state, counts: self.nothing) == health)
    }

    @Test func aStalePositionDegrades() {
        let counts = StatusReport.PositionCounts(open: 2, stale: 1, unprotected: 0)
        #expect(StatusReport.Health.ofAccount(enabled: true, state: .live, counts: counts) == .degraded)
    }

    @Test(arguments: [StatusReport.State.live, .fallback, .starting])
    func anUnprotectedPositionIsCritical(state: StatusReport.State) {
        let counts = StatusReport.PositionCounts(open: 2, stale: 0, unprotected: 1)
        #expect(StatusReport.Health.ofAccount(enabled: true, state: state, counts: counts) == .critical)
    }

    @Test func disabledAccountsNeverCount() {
        let counts = StatusReport.PositionCounts(open: 1, stale: 1, unprotected: 1)
        #expect(StatusReport.Health.ofAccount(enabled: false, state: .failed, counts: counts) == .healthy)
        var report = StatusSamples.report(accounts: [
            StatusSamples.account("off", enabled: false, state: .disabled, health: .critical),
            StatusSamples.account("gone", state: .drained, health: .critical),
            StatusSamples.account("on"),
        ])
        report.rollUp(wholeFleet: true)
        #expect(report.health == .healthy)
    }

    @Test func theWorstAccountDecides() {
        var report = StatusSamples.report(accounts: [
            StatusSamples.account("a"), StatusSamples.account("b", state: .failed, health: .critical),
            StatusSamples.account("c", state: .fallback, health: .degraded),
        ])
        report.rollUp(wholeFleet: true)
        #expect(report.health == .critical)
    }

    @Test(arguments: [
        (StatusSamples.tickers(), StatusReport.Health.healthy),
        (StatusSamples.tickers(receiving: 41), .degraded),
        (StatusSamples.tickers(quarantined: ["XYZUSDT"]), .degraded),
        (StatusSamples.tickers(desired: 0, receiving: 0, quarantined: ["XYZUSDT"]), .degraded),
        (StatusSamples.tickers(state: .reconnecting), .degraded),
        (StatusSamples.tickers(state: .idle, desired: 0, receiving: 0), .healthy),
    ])
    func tickersCountForTheFleet(tickers: StatusReport.Tickers, health: StatusReport.Health) {
        var report = StatusSamples.report(accounts: [StatusSamples.account("a")])
        report.tickers = tickers
        report.rollUp(wholeFleet: true)
        #expect(report.health == health)
        report.rollUp(wholeFleet: false)
        #expect(report.health == .healthy)
    }

    @Test func anEmptyFleetIsHealthy() {
        var report = StatusSamples.report(accounts: [StatusSamples.account("off", enabled: false, state: .disabled)])
        report.tickers = StatusSamples.tickers(state: .reconnecting)
        report.rollUp(wholeFleet: true)
        #expect(report.health == .healthy)
    }

    @Test func worstFirst() {
        var report = StatusSamples.report(accounts: [
            StatusSamples.account("z-off", enabled: false, state: .disabled),
            StatusSamples.account("drained", state: .drained),
            StatusSamples.account("b-live"),
            StatusSamples.account("a-live"),
            StatusSamples.account("starting", state: .starting, health: .degraded),
            StatusSamples.account("stale", state: .live, health: .degraded),
            StatusSamples.account("fallback", state: .fallback, health: .degraded),
            StatusSamples.account("unprotected", state: .live, health: .critical),
            StatusSamples.account("failed", state: .failed, health: .critical),
        ])
        report.rollUp(wholeFleet: true)
        #expect(
            report.accounts.map(\.name) == [
                "failed", "unprotected", "fallback", "starting", "stale", "a-live", "b-live", "drained", "z-off",
            ]
        )
    }
}

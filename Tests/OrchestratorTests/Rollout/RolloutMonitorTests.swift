import HybridStream
import Synchronization
import Testing

@testable import Orchestrator

@Suite struct RolloutMonitorTests {
    /// A clock that stands still until it is put forward.
    private final class Clock: Sendable {
        private let seconds = Mutex(1_000.0)
        var source: TimeSource {
            TimeSource(uptime: { at(self.seconds.withLock { $0 }) }, wall: { 1_790_000_000_000 })
        }
        var now: Uptime { at(self.seconds.withLock { $0 }) }
        func wait(_ seconds: Double) { self.seconds.withLock { $0 += seconds } }
    }

    private let clock = Clock()

    private func monitor(
        _ mode: Mode,
        _ configuration: RolloutConfiguration = RolloutConfiguration()
    ) -> RolloutMonitor {
        RolloutMonitor(RolloutStage(mode, percent: 50), configuration: configuration, time: self.clock.source)
    }

    @Test(
        arguments: [
            (Mode.rest, Verdict.holds), (.canary, .open), (.parallel, .open), (.cutover, .open), (.hybrid, .holds),
        ]
    )
    func whoHasNoGatesMayGoOnAtOnce(_ mode: Mode, _ verdict: Verdict) {
        #expect(self.monitor(mode).judgement.verdict == verdict)
        for former in Mode.allCases {
            let monitor = self.monitor(former)
            _ = monitor.look(.live)
            monitor.begin(RolloutStage(mode, percent: 100))
            #expect(monitor.judgement.verdict == verdict)
            #expect(monitor.look(.live).judgement.verdict == verdict)
        }
    }

    @Test func switchedOnTheRollbackRescuesWhoIsInTroubleAlready() {
        var configuration = RolloutConfiguration()
        configuration.isAutoRollback = false
        let monitor = self.monitor(.hybrid, configuration)
        let feed = RolloutEvidence.TickerFeed.down(since: self.clock.now)
        self.clock.wait(300)
        #expect(monitor.look(feed).triggers.map(\.name) == [.bothDown])
        #expect(monitor.look(feed).triggers.isEmpty)
        monitor.configure(configuration)
        #expect(monitor.look(feed).triggers.isEmpty)
        configuration.isAutoRollback = true
        monitor.configure(configuration)
        #expect(monitor.look(feed).triggers.map(\.name) == [.bothDown])
        // It is on its way back: another file does not call for it again.
        monitor.configure(configuration)
        #expect(monitor.look(feed).triggers.isEmpty)
    }

    /// Whoever takes it back by a step while the daemon is about to take it back to `rest` has not made it well.
    @Test func whatLastsIsFoundAgainInAnotherMode() {
        let monitor = self.monitor(.hybrid)
        let feed = RolloutEvidence.TickerFeed.down(since: self.clock.now)
        self.clock.wait(300)
        #expect(monitor.look(feed).triggers.map(\.name) == [.bothDown])
        monitor.begin(RolloutStage(.cutover, percent: 100))
        #expect(monitor.look(feed).triggers.map(\.name) == [.bothDown])
        #expect(monitor.look(feed).triggers.isEmpty)
        monitor.begin(RolloutStage(.rest))
        #expect(monitor.look(feed).triggers.isEmpty)
    }

    @Test func anotherFileForgetsNoFailure() {
        var configuration = RolloutConfiguration()
        let monitor = self.monitor(.hybrid, configuration)
        for _ in 0..<10 { monitor.subscriptionFailed(now: self.clock.now) }
        #expect(monitor.look(.live).triggers.isEmpty)
        configuration.waves.soak = .seconds(60)
        monitor.configure(configuration)
        #expect(monitor.look(.live).triggers.isEmpty)
        monitor.subscriptionFailed(now: self.clock.now)
        #expect(monitor.look(.live).triggers.map(\.name) == [.subscriptionFailures])
    }

    @Test func anotherLimitHoldsForWhatHasFailedAlready() {
        var configuration = RolloutConfiguration()
        let monitor = self.monitor(.hybrid, configuration)
        for _ in 0..<4 { monitor.subscriptionFailed(now: self.clock.now) }
        for (limit, fires) in [(5, false), (4, false), (3, true)] {
            configuration.rollbackWhen.subscriptionFailuresPerHour = limit
            monitor.configure(configuration)
            #expect(monitor.look(.live).triggers.map(\.name) == (fires ? [.subscriptionFailures] : []), "\(limit)")
        }
    }

    @Test(arguments: [(Mode.parallel, 3_600_000), (.cutover, 7_200_000)] as [(Mode, Int64)])
    func anotherSoakIsAnotherWindow(_ mode: Mode, _ milliseconds: Int64) {
        var configuration = RolloutConfiguration()
        let monitor = self.monitor(mode, configuration)
        configuration.gates.parallel.soak = .seconds(3_600)
        configuration.gates.cutover.soak = .seconds(7_200)
        monitor.configure(configuration)
        #expect(monitor.memory.comparison.window == milliseconds)
    }
}

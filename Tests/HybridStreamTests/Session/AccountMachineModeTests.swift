import Testing

@testable import HybridStream

/// Changes of mode and of how often REST is asked.
@Suite("AccountMachine between modes")
struct AccountMachineModeTests {
    /// Live in mode `rest`, polled every `interval`.
    private static func polled(every interval: Duration) -> AccountRig {
        var rig = AccountRig(.rest)
        _ = rig.do { $0.setPollInterval(interval, now: $1, actions: &$2) }
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.swept()
        return rig
    }

    /// Live in a mode with a stream that is polled as well: the first sweep is from before the connection.
    private static func streaming(_ mode: AccountMachine.Mode) -> AccountRig {
        var rig = AccountRig(mode)
        rig.goLive()
        _ = rig.swept()
        return rig
    }

    private static func states(_ actions: [AccountMachine.Action]) -> [AccountMachine.Action] {
        actions.filter { if case .stateChanged = $0 { true } else { false } }
    }

    // MARK: Other intervals

    @Test("from hybrid to polling: what the reconcile has confirmed in time stays confirmed, and polls begin in time")
    func reconciledLongAgo() {
        var rig = AccountRig()
        rig.goLive()
        _ = rig.quiet(.seconds(65))
        _ = rig.quiet(.seconds(50))
        let changed = rig.do { $0.change(to: .mixed, now: $1, actions: &$2) }
        #expect(changed == [] && rig.machine.state == .live)
        let later = rig.quiet(.seconds(5))
        #expect(later.contains(.sweep) && Self.states(later) == [] && !later.contains(.listingsOverdue))
    }

    @Test("from hybrid to polling: polls without an answer are missed from the change on")
    func reconciledLongAgoAndNeverAgain() {
        var rig = AccountRig()
        rig.goLive()
        _ = rig.quiet(.seconds(65))
        _ = rig.quiet(.seconds(50))
        _ = rig.do { $0.change(to: .mixed, now: $1, actions: &$2) }
        let change = rig.now
        var overdue: Duration?
        var degraded: Duration?
        while rig.now < change + .seconds(60) {
            rig.now = max(rig.now, rig.machine.deadline)
            for action in rig.tick() {
                if action.isPing { rig.machine.frameArrived(now: rig.now) }
                if action == .listingsOverdue { overdue = rig.now - change }
                if case .stateChanged(.live, .degraded, _) = action { degraded = rig.now - change }
            }
        }
        #expect(overdue == .seconds(15))
        #expect(degraded == .seconds(20))
    }

    @Test("polled more often from now on: what was on time is not late, and the next poll comes soon")
    func shorterInterval() {
        var rig = Self.polled(every: .seconds(20))
        rig.wait(.seconds(16))
        #expect(rig.do { $0.setPollInterval(.seconds(5), now: $1, actions: &$2) } == [])
        #expect(!rig.machine.isOverdue(markOf: rig.now + .seconds(-16), now: rig.now))
        rig.wait(.seconds(4))
        #expect(rig.tick() == [.sweep])
        rig.wait(.seconds(1))
        #expect(rig.swept() == [] && rig.machine.state == .live)
        // Now the new interval holds.
        rig.wait(.seconds(5))
        #expect(rig.tick() == [.sweep])
        rig.wait(.seconds(9))
        #expect(rig.tick() == [])
        #expect(rig.machine.isOverdue(markOf: rig.now + .seconds(-15), now: rig.now + .seconds(1)))
        rig.wait(.seconds(1))
        #expect(rig.tick() == [.listingsOverdue])
    }

    @Test("what was about to be late is late when it would have been, however often the interval changes")
    func lateAnyhow() {
        var rig = Self.polled(every: .seconds(20))
        rig.wait(.seconds(20))
        #expect(rig.tick() == [.sweep])
        // It is never answered.
        rig.wait(.seconds(38))
        #expect(Self.states(rig.tick()).count == 1 && rig.machine.state == .degraded)
        for seconds in [5, 20, 10, 5, 20, 5] {
            #expect(rig.do { $0.setPollInterval(.seconds(seconds), now: $1, actions: &$2) } == [])
        }
        rig.wait(.seconds(1))
        #expect(rig.tick() == [])
        rig.wait(.seconds(1))
        #expect(rig.tick().contains(.listingsOverdue))
    }

    @Test("an account that is degraded for want of an answer does not become live by a change of mode")
    func staysDegraded() {
        var rig = AccountRig()
        rig.goLive()
        let start = rig.now
        while rig.now < start + .seconds(200) {
            rig.now = max(rig.now, rig.machine.deadline)
            for action in rig.tick() where action.isPing { rig.machine.frameArrived(now: rig.now) }
        }
        #expect(rig.machine.state == .degraded)
        _ = rig.do { $0.change(to: .mixed, now: $1, actions: &$2) }
        #expect(rig.machine.state == .degraded)
    }

    // MARK: Leaving

    @Test("a connection that was given up with the mode has not failed, also if the next mode wants another at once")
    func leavingIsNoFailure() {
        var rig = AccountRig(.beside)
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.granted()
        #expect(rig.do { $0.change(to: .rest, now: $1, actions: &$2) }.contains { $0.isClose })
        _ = rig.do { $0.change(to: .beside, now: $1, actions: &$2) }
        #expect(rig.closed("the stream is not needed any more") == [])
        #expect(rig.machine.failedConnects == 0 && rig.machine.lastError == nil)
        #expect(rig.machine.phaseName == "waiting")
        // The next one has.
        rig.now = max(rig.now, rig.machine.deadline)
        _ = rig.tick()
        while rig.machine.phaseName != "queued" {
            rig.now = max(rig.now, rig.machine.deadline)
            _ = rig.tick()
        }
        _ = rig.granted()
        _ = rig.closed("refused")
        #expect(rig.machine.failedConnects == 1 && rig.machine.lastError == "refused")
    }

    @Test("a connection that failed before the mode was left has failed")
    func failedBeforeLeaving() {
        var rig = AccountRig(.beside)
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.granted()
        rig.wait(.seconds(10))
        #expect(rig.tick().contains { $0.isClose })
        _ = rig.do { $0.change(to: .rest, now: $1, actions: &$2) }
        _ = rig.do { $0.change(to: .beside, now: $1, actions: &$2) }
        _ = rig.closed("no connection")
        #expect(rig.machine.failedConnects == 1)
    }

    // MARK: A stream that cannot take over after all

    @Test("with an obstacle REST stands in from the start, until the stream has been good for its time")
    func obstacle() {
        var rig = Self.streaming(.beside)
        _ = rig.quiet(.seconds(100))
        let actions = rig.do { $0.change(to: .hybrid, obstacle: "no ticker", now: $1, actions: &$2) }
        #expect(actions == [.state(.live, .fallback, "REST drives: no ticker"), .sweep])
        #expect(rig.machine.driver == .rest)
        _ = rig.swept()
        let before = rig.quiet(.milliseconds(29_999))
        #expect(Self.states(before) == [] && before.filter { $0 == .sweep }.count == 5)
        #expect(Self.states(rig.quiet(.milliseconds(1))) == [.state(.fallback, .live, "live")])
        #expect(rig.machine.driver == .hybrid)
    }

    @Test("also where the mode stays and only the share grows")
    func obstacleToALargerShare() {
        var rig = Self.streaming(.mixed)
        #expect(rig.do { $0.change(to: .mixed, now: $1, actions: &$2) } == [])
        let actions = rig.do { $0.change(to: .mixed, obstacle: "no ticker", now: $1, actions: &$2) }
        #expect(actions.first == .state(.live, .fallback, "REST drives: no ticker"))
    }
}

import Testing

@testable import HybridStream

/// A machine, its clock, and what it asked for.
struct AccountRig {
    var machine: AccountMachine
    var now = Uptime.seconds(1000)

    init(_ mode: AccountMachine.Mode = .hybrid, seed: UInt64 = 1) {
        self.machine = AccountMachine(settings: AccountMachine.Settings(mode: mode), seed: seed)
    }

    mutating func `do`(_ body: (inout AccountMachine, Uptime, inout [AccountMachine.Action]) -> Void) -> [AccountMachine
        .Action]
    {
        var actions: [AccountMachine.Action] = []
        body(&self.machine, self.now, &actions)
        return actions
    }

    mutating func start() -> [AccountMachine.Action] { self.do { $0.start(now: $1, actions: &$2) } }
    mutating func stop() -> [AccountMachine.Action] { self.do { $0.stop(now: $1, actions: &$2) } }
    mutating func tick() -> [AccountMachine.Action] { self.do { $0.tick(now: $1, actions: &$2) } }
    mutating func key(_ verdict: AccountMachine.KeyVerdict) -> [AccountMachine.Action] {
        self.do { $0.keyChecked(verdict, now: $1, actions: &$2) }
    }
    mutating func granted() -> [AccountMachine.Action] { self.do { $0.granted(now: $1, actions: &$2) } }
    mutating func opened() -> [AccountMachine.Action] { self.do { $0.opened(now: $1, actions: &$2) } }
    mutating func closed(_ reason: String = "lost") -> [AccountMachine.Action] {
        self.do { $0.closed(reason: reason, now: $1, actions: &$2) }
    }
    mutating func swept(
        _ failure: String? = nil,
        followUp: Duration? = nil,
        isDeaf: Bool = false
    ) -> [AccountMachine.Action] {
        self.do {
            $0.sweepFinished(
                isUsable: failure == nil,
                followUp: followUp,
                isDeaf: isDeaf,
                failure: failure,
                now: $1,
                actions: &$2
            )
        }
    }
    mutating func reply(_ operation: String, _ success: Bool?, _ message: String = "") -> [AccountMachine.Action] {
        var reply = OperationReply()
        reply.operation = operation
        reply.success = success
        reply.message = message
        return self.do { $0.received(reply: reply, now: $1, actions: &$2) }
    }

    mutating func wait(_ duration: Duration) { self.now = self.now + duration }

    /// Goes through the whole start; the last answer is the sweep's.
    mutating func goLive() {
        _ = self.start()
        _ = self.key(.usable)
        _ = self.granted()
        _ = self.opened()
        _ = self.reply("auth", true)
        _ = self.reply("subscribe", true)
        _ = self.swept()
    }

    /// Lets time pass, ringing at each deadline; sweeps are answered at once, and pings if the connection is `answering`.
    mutating func quiet(_ duration: Duration, answering: Bool = true) -> [AccountMachine.Action] {
        let end = self.now + duration
        var all: [AccountMachine.Action] = []
        while self.machine.deadline <= end {
            self.now = max(self.now, self.machine.deadline)
            let actions = self.tick()
            all += actions
            for action in actions {
                switch action {
                case .send: if answering { self.machine.frameArrived(now: self.now) }
                case .sweep: all += self.swept()
                default: break
                }
            }
        }
        self.now = end
        return all
    }
}

extension AccountMachine {
    /// The phase without what goes with it.
    var phaseName: String { String("\(self.phase)".prefix { $0 != "(" }) }
}

extension AccountMachine.Action {
    static let subscribe = Self.send(#"{"req_id":"position","op":"subscribe","args":["position"]}"#)
    static func state(_ from: AccountMachine.State, _ to: AccountMachine.State, _ reason: String) -> Self {
        .stateChanged(from: from, to: to, reason: reason)
    }

    var isPing: Bool { if case .send(let text) = self { text.contains("ping") } else { false } }
    var isClose: Bool { if case .close = self { true } else { false } }
}

@Suite("AccountMachine")
struct AccountMachineTests {
    @Test("key check, connect, authenticate, subscribe, sweep, live: in this order and no other")
    func life() {
        var rig = AccountRig()
        #expect(rig.start() == [.checkKey])
        #expect(rig.start() == [])
        #expect(rig.granted() == [] && rig.opened() == [] && rig.reply("auth", true) == [])
        #expect(rig.key(.usable) == [.requestConnection])
        #expect(rig.granted() == [.connect])
        // Nothing is subscribed before the answer to auth, whatever comes.
        #expect(rig.reply("subscribe", true) == [] && rig.reply("auth", true) == [])
        #expect(rig.opened() == [.authenticate])
        #expect(!rig.machine.acceptsRows)
        #expect(rig.reply("subscribe", true) == [])
        #expect(rig.reply("", true) == [] && rig.reply("pong", nil) == [] && rig.reply("ping", true, "pong") == [])
        #expect(rig.reply("auth", true) == [.subscribe])
        #expect(rig.reply("auth", true) == [])
        #expect(rig.reply("subscribe", true) == [.sweep])
        #expect(rig.machine.isBuffering && rig.machine.acceptsRows)
        #expect(rig.machine.state == .starting)
        #expect(rig.swept() == [.releaseBuffer, .state(.starting, .live, "live")])
        #expect(rig.machine.phaseName == "live" && !rig.machine.isBuffering && rig.machine.driver == .hybrid)
    }

    @Test("a key that cannot be checked does not stop the start")
    func unknownKey() {
        var rig = AccountRig()
        _ = rig.start()
        #expect(rig.key(.unknown("no route")) == [.requestConnection])
        #expect(rig.machine.lastError == "no route")
    }

    @Test("a refused key fails the account; it is asked again after five minutes, and recovers")
    func refusedKey() {
        var rig = AccountRig()
        _ = rig.start()
        #expect(rig.key(.refused("key expired")) == [.state(.starting, .failed, "key expired")])
        #expect(rig.machine.deadline == rig.now + .seconds(300))
        #expect(rig.quiet(.seconds(299)) == [])
        rig.wait(.seconds(1))
        #expect(rig.tick() == [.checkKey])
        #expect(rig.key(.refused("key expired")) == [])
        rig.wait(.seconds(300))
        #expect(rig.tick() == [.checkKey])
        #expect(rig.key(.usable) == [.state(.failed, .starting, "the key is accepted again"), .requestConnection])
    }

    @Test("refused authentication asks REST for the cause")
    func authRefused() {
        var rig = AccountRig()
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.granted()
        _ = rig.opened()
        #expect(
            rig.reply("auth", false, "Params Error") == [
                .close(code: nil, reason: "authentication refused: Params Error")
            ]
        )
        #expect(rig.reply("auth", true) == [])
        #expect(rig.closed("authentication refused: Params Error") == [.checkKey])
        #expect(rig.key(.refused("bad key")) == [.state(.starting, .failed, "bad key")])
        // Mended: it comes back, but not before a back-off.
        rig.wait(.seconds(300))
        #expect(rig.tick() == [.checkKey])
        #expect(rig.key(.usable).contains(.requestConnection) == false)
        #expect(rig.machine.phaseName == "waiting")
        rig.wait(.seconds(1))
        #expect(rig.tick() == [.requestConnection])
    }

    @Test("after a refused authentication that REST cannot explain (a clock fault), it tries again by itself")
    func authRefusedClock() {
        var rig = AccountRig()
        _ = rig.start()
        _ = rig.key(.usable)
        for _ in 0..<5 {
            while rig.machine.phaseName != "queued" {
                rig.now = max(rig.now, rig.machine.deadline)
                _ = rig.tick()
            }
            _ = rig.granted()
            _ = rig.opened()
            _ = rig.reply("auth", nil)
            #expect(rig.closed() == [.checkKey])
            _ = rig.key(.usable)
        }
        #expect(rig.machine.state != .failed)
    }

    struct Silence: Sendable {
        var phase: String
        var reason: String
    }

    @Test(
        "each phase of a connection has its time",
        arguments: [
            Silence(phase: "connecting", reason: "no connection within 10.0 seconds"),
            Silence(phase: "authenticating", reason: "no answer to auth within 10.0 seconds"),
            Silence(phase: "subscribing", reason: "no answer to subscribe within 10.0 seconds"),
        ]
    )
    func timeouts(_ silence: Silence) {
        var rig = AccountRig()
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.granted()
        if silence.phase != "connecting" { _ = rig.opened() }
        if silence.phase == "subscribing" { _ = rig.reply("auth", true) }
        #expect(rig.machine.phaseName == silence.phase)
        rig.wait(.milliseconds(9_999))
        #expect(rig.tick() == [])
        rig.wait(.milliseconds(1))
        #expect(rig.tick() == [.close(code: nil, reason: silence.reason)])
        #expect(rig.tick() == [] && rig.opened() == [] && rig.reply("auth", true) == [])
        #expect(rig.reply("subscribe", true) == [])
        #expect(rig.machine.deadline > rig.now + .seconds(10), "nothing is to be done until the socket reports its end")
        #expect(rig.closed(silence.reason) == [])
        #expect(rig.machine.phaseName == "waiting")
    }

    @Test("a subscription refused closes the connection; already subscribed is subscribed")
    func subscriptionRefused() {
        var rig = AccountRig()
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.granted()
        _ = rig.opened()
        _ = rig.reply("auth", true)
        var other = rig
        #expect(
            rig.reply("subscribe", false, "error:x")
                == [.close(code: nil, reason: "subscription to positions refused: error:x")]
        )
        #expect(other.reply("subscribe", false, "error:already subscribed,topic:position") == [.sweep])
    }

    @Test("the first sweep may come from before the subscription: a second one follows, then the usual ones")
    func secondSweep() {
        var rig = AccountRig()
        rig.goLive()
        let live = rig.now
        var sweeps: [Duration] = []
        while rig.now < live + .seconds(200) {
            rig.now = max(rig.now, rig.machine.deadline)
            for action in rig.tick() {
                if action.isPing { rig.machine.frameArrived(now: rig.now) }
                guard action == .sweep else { continue }
                sweeps.append(rig.now - live)
                _ = rig.swept()
            }
        }
        #expect(sweeps.prefix(3) == [.seconds(5), .seconds(65), .seconds(125)])
    }

    @Test("a quiet hour: pings and sweeps, and nothing else")
    func quietHour() {
        var rig = AccountRig()
        rig.goLive()
        let actions = rig.quiet(.seconds(3600))
        #expect(actions.filter(\.isPing).count == 180)
        #expect(actions.filter { $0 == .sweep }.count == 60)
        #expect(actions.count == 240)
        #expect(rig.machine.state == .live)
    }

    @Test("no pong and no frame: torn down when the time is up, REST drives after half a minute, and back")
    func deadSocket() {
        var rig = AccountRig()
        rig.goLive()
        let live = rig.now
        let actions = rig.quiet(.seconds(30), answering: false)
        #expect(actions.filter(\.isPing).count == 1)
        #expect(actions.last == .close(code: nil, reason: "no answer to a ping within 10.0 seconds"))
        #expect(rig.now == live + .seconds(30))
        #expect(rig.closed("no answer") == [.state(.live, .degraded, "no answer")])
        let down = rig.now
        // The exchange is away: every attempt is refused.
        var fallback: Uptime?
        var sweeps = 0
        while rig.now < down + .seconds(120) {
            rig.now = max(rig.now, rig.machine.deadline)
            for action in rig.tick() {
                switch action {
                case .requestConnection:
                    _ = rig.granted()
                    _ = rig.closed("refused")
                case .sweep:
                    sweeps += 1
                    _ = rig.swept()
                case .stateChanged(_, .fallback, _): fallback = rig.now
                default: Issue.record("\(action)")
                }
            }
        }
        #expect(fallback == down + .seconds(30))
        #expect((17...20).contains(sweeps), "every five seconds while REST drives")
        #expect(rig.machine.driver == .rest && rig.machine.state == .fallback)
        while rig.machine.phaseName != "queued" {
            rig.now = max(rig.now, rig.machine.deadline)
            if rig.tick().contains(.sweep) { _ = rig.swept() }
        }
        _ = rig.granted()
        _ = rig.opened()
        _ = rig.reply("auth", true)
        _ = rig.reply("subscribe", true)
        let made = rig.swept()
        #expect(made.count == 2 && made.first == .releaseBuffer)
        #expect(made.contains { if case .recovered("no answer", _) = $0 { true } else { false } })
        #expect(rig.machine.state == .fallback, "it has to prove itself first")
        let back = rig.quiet(.seconds(29))
        #expect(!back.contains { if case .stateChanged = $0 { true } else { false } })
        #expect(rig.quiet(.seconds(1)).contains(.state(.fallback, .live, "live")))
        #expect(rig.machine.driver == .hybrid)
    }

    @Test("a sweep that fails during the bootstrap releases the rows and degrades; the next one mends it")
    func failedBootstrap() {
        var rig = AccountRig()
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.granted()
        _ = rig.opened()
        _ = rig.reply("auth", true)
        _ = rig.reply("subscribe", true)
        #expect(
            rig.swept("HTTP 502")
                == [.releaseBuffer, .state(.starting, .degraded, "positions could not be listed: HTTP 502")]
        )
        rig.wait(.seconds(1))
        #expect(rig.tick() == [.sweep])
        #expect(rig.swept() == [.state(.degraded, .live, "live")])
    }

    @Test("a sweep that left before the new connection was subscribed does not bootstrap it")
    func supersededSweep() {
        var rig = AccountRig()
        rig.goLive()
        _ = rig.quiet(.seconds(64))
        rig.wait(.seconds(1))
        #expect(rig.tick().contains(.sweep))
        // The connection goes and comes back while that sweep is still under way.
        _ = rig.closed()
        rig.wait(.seconds(1))
        #expect(rig.tick() == [.requestConnection])
        _ = rig.granted()
        _ = rig.opened()
        _ = rig.reply("auth", true)
        #expect(rig.reply("subscribe", true) == [])
        #expect(rig.swept() == [.sweep], "what happened in between is not in it: another one, and rows still wait")
        #expect(rig.machine.isBuffering && rig.machine.state == .degraded)
        #expect(rig.swept().prefix(2) == [.releaseBuffer, .state(.degraded, .live, "live")])
    }

    @Test("rows buffered when the connection goes during the bootstrap are not lost")
    func lostDuringBootstrap() {
        var rig = AccountRig()
        _ = rig.start()
        _ = rig.key(.usable)
        _ = rig.granted()
        _ = rig.opened()
        _ = rig.reply("auth", true)
        _ = rig.reply("subscribe", true)
        #expect(rig.closed("reset") == [.releaseBuffer])
    }

    @Test("after a gap the first whole sweep reports it, once, from the last sign of life")
    func recovery() {
        var rig = AccountRig()
        rig.goLive()
        rig.machine.frameArrived(now: rig.now)
        rig.wait(.seconds(7))
        _ = rig.closed("reset")
        #expect(rig.machine.hasGap)
        rig.wait(.seconds(1))
        _ = rig.tick()
        _ = rig.granted()
        _ = rig.opened()
        _ = rig.reply("auth", true)
        _ = rig.reply("subscribe", true)
        #expect(!rig.swept("timeout").contains { if case .recovered = $0 { true } else { false } })
        rig.wait(.seconds(2))
        _ = rig.tick()
        #expect(rig.swept().contains(.recovered(reason: "reset", length: .seconds(10))))
        #expect(!rig.machine.hasGap)
        rig.wait(.seconds(60))
        _ = rig.tick()
        #expect(rig.swept() == [])
    }

    @Test("a deaf connection is given up although it lives")
    func deaf() {
        var rig = AccountRig()
        rig.goLive()
        rig.wait(.seconds(60))
        _ = rig.tick()
        let reason = "the private connection does not tell what REST shows"
        #expect(rig.swept(isDeaf: true) == [.close(code: nil, reason: reason)])
        #expect(rig.closed(reason).contains(.state(.live, .degraded, reason)))
    }

    @Test("a key refused during the fallback and mended later starts afresh, and falls back again as `fallback`")
    func failedDuringFallback() {
        var rig = AccountRig()
        _ = rig.start()
        _ = rig.key(.usable)
        rig.wait(.seconds(30))
        #expect(rig.tick() == [.state(.starting, .fallback, "REST drives: the stream is not up yet"), .sweep])
        _ = rig.swept()
        _ = rig.granted()
        _ = rig.opened()
        _ = rig.reply("auth", false, "Params Error")
        #expect(rig.closed() == [.checkKey])
        #expect(rig.key(.refused("expired")) == [.state(.fallback, .failed, "expired")])
        rig.wait(.seconds(300))
        #expect(rig.tick() == [.checkKey])
        #expect(rig.key(.usable) == [.state(.failed, .starting, "the key is accepted again")])
        rig.wait(.seconds(30))
        #expect(rig.tick().contains(.state(.starting, .fallback, "REST drives: expired")))
    }

    @Test("an open question of a sweep is asked again after the grace")
    func followUp() {
        var rig = AccountRig()
        rig.goLive()
        rig.wait(.seconds(60))
        #expect(rig.tick().contains(.sweep))
        rig.machine.frameArrived(now: rig.now)
        _ = rig.swept(followUp: .seconds(5))
        rig.wait(.milliseconds(4_999))
        #expect(!rig.tick().contains(.sweep))
        rig.wait(.milliseconds(1))
        #expect(rig.tick().contains(.sweep))
    }

    @Test("frames that cannot be read: a sweep soon, one for all of them, also while one is under way")
    func unreadable() {
        var rig = AccountRig()
        rig.goLive()
        for _ in 0..<10 { #expect(rig.do { $0.receivedUnreadable(now: $1, actions: &$2) } == []) }
        rig.wait(.milliseconds(500))
        #expect(rig.tick() == [.sweep])
        #expect(rig.do { $0.receivedUnreadable(now: $1, actions: &$2) } == [])
        #expect(rig.swept() == [])
        rig.wait(.milliseconds(500))
        #expect(rig.tick() == [.sweep])
        #expect(rig.swept() == [])
        #expect(!rig.quiet(.seconds(30)).contains(.sweep))
    }

    @Test("mode rest: polls, never connects")
    func rest() {
        var rig = AccountRig(.rest)
        #expect(rig.start() == [.checkKey])
        #expect(rig.key(.usable) == [.sweep])
        #expect(rig.swept() == [.state(.starting, .live, "live")])
        let actions = rig.quiet(.seconds(60))
        #expect(actions == Array(repeating: .sweep, count: 12))
        #expect(rig.closed() == [] && rig.granted() == [] && rig.quiet(.seconds(10)) == [.sweep, .sweep])
        rig.wait(.seconds(5))
        _ = rig.tick()
        #expect(rig.swept("timeout") == [.state(.live, .degraded, "positions could not be listed: timeout")])
    }

    @Test("a connection that always dies at once is not hammered")
    func flapping() {
        var rig = AccountRig()
        rig.goLive()
        let start = rig.now
        var connects = 0
        _ = rig.closed("flap")
        while rig.now < start + .seconds(300) {
            rig.now = max(rig.now, rig.machine.deadline)
            guard rig.tick().contains(.requestConnection) else { continue }
            connects += 1
            _ = rig.granted()
            _ = rig.opened()
            _ = rig.reply("auth", true)
            _ = rig.reply("subscribe", true)
            _ = rig.swept()
            rig.wait(.milliseconds(100))
            _ = rig.closed("flap")
        }
        #expect((5...60).contains(connects), "one account alone must not eat the process' budget of connections")
    }

    @Test("after an hour of health the first reconnect is quick")
    func quickReconnect() {
        var rig = AccountRig()
        rig.goLive()
        for _ in 0..<6 {
            _ = rig.quiet(.seconds(3600))
            _ = rig.closed()
            #expect(rig.machine.deadline <= rig.now + .milliseconds(500))
            rig.wait(.milliseconds(500))
            #expect(rig.tick() == [.requestConnection])
            _ = rig.granted()
            _ = rig.opened()
            _ = rig.reply("auth", true)
            _ = rig.reply("subscribe", true)
            _ = rig.swept()
        }
    }
}

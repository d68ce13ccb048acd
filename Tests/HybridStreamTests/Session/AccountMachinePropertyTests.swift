import Testing

@testable import HybridStream

@Suite("AccountMachine, driven at random")
struct AccountMachinePropertyTests {
    /// Inputs that make sense or do not, in any order.
    static func poke(_ rig: inout AccountRig, _ random: inout SplitMix64) -> [AccountMachine.Action] {
        switch random.below(14) {
        case 0: return rig.start()
        case 1: return rig.key(.usable)
        case 2: return rig.key(random.chance(2) ? .unknown("?") : .refused("no"))
        case 3, 4: return rig.granted()
        case 5, 6: return rig.opened()
        case 7: return rig.reply("auth", !random.chance(4))
        case 8: return rig.reply("subscribe", !random.chance(4))
        case 9: return rig.closed()
        case 10:
            return rig.swept(
                random.chance(3) ? "failed" : nil,
                followUp: random.chance(4) ? .seconds(5) : nil,
                isDeaf: random.chance(8)
            )
        case 11:
            rig.machine.frameArrived(now: rig.now)
            return []
        case 12: return rig.reply(random.pick(["pong", "unsubscribe", ""]), random.pick([nil, true, false]))
        default:
            rig.wait(.milliseconds(Int64(random.below(40_000))))
            return rig.tick()
        }
    }

    /// A shell around the machine and an exchange that does all it is asked for.
    struct World {
        var isSocketOpen = false
        var pending: [AccountMachine.Action] = []
        var isSweeping = false
        var isChecking = false
        var isQueued = false

        mutating func note(_ actions: [AccountMachine.Action]) {
            for action in actions {
                switch action {
                case .checkKey: self.isChecking = true
                case .requestConnection: self.isQueued = true
                case .sweep: self.isSweeping = true
                default: break
                }
                self.pending.append(action)
            }
        }
    }

    @Test("whatever happened, a healthy exchange brings it live, and it never spins", arguments: 1...60)
    func recovers(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = AccountRig(.hybrid, seed: seed)
        var world = World()
        world.note(rig.start())
        for _ in 0..<random.below(60) { world.note(Self.poke(&rig, &random)) }
        // From here on the world is honest: what is outstanding is answered, what is closed reports its end.
        world.pending = []
        if ["connecting", "authenticating", "subscribing", "bootstrapping", "live", "closing"].contains(
            rig.machine.phaseName
        ) {
            world.note(rig.closed("tidied up"))
        }
        world.isChecking = true
        world.isQueued = true
        world.isSweeping = true
        let end = rig.now + .seconds(900)
        var idle = 0
        while rig.now < end, !(rig.machine.state == .live && rig.machine.driver == .hybrid) {
            let state = rig.machine.phaseName
            var actions = world.pending
            world.pending = []
            if world.isChecking { world.isChecking = false; actions.append(.checkKey) }
            if world.isSweeping { world.isSweeping = false; actions.append(.sweep) }
            if world.isQueued { world.isQueued = false; actions.append(.requestConnection) }
            for action in actions {
                switch action {
                case .checkKey: world.note(rig.key(.usable))
                case .requestConnection: world.note(rig.granted())
                case .connect: world.note(rig.opened())
                case .authenticate: world.note(rig.reply("auth", true))
                case .send(let text):
                    rig.machine.frameArrived(now: rig.now)
                    if text.contains("subscribe") { world.note(rig.reply("subscribe", true)) }
                case .close: world.note(rig.closed("closed"))
                case .sweep: world.note(rig.swept())
                case .releaseBuffer, .listingsOverdue, .recovered, .stateChanged: break
                }
            }
            if !world.pending.isEmpty { continue }
            let deadline = rig.machine.deadline
            #expect(deadline < .distantFuture, "nothing is outstanding and nothing will ring: wedged in \(state)")
            if deadline == .distantFuture { return }
            idle = deadline <= rig.now ? idle + 1 : 0
            rig.now = max(rig.now, deadline)
            let result = rig.tick()
            world.note(result)
            #expect(!result.isEmpty || rig.machine.deadline > rig.now, "ringing changed nothing in \(state)")
            if idle > 5 {
                Issue.record("spins in \(state)")
                return
            }
        }
        #expect(rig.machine.state == .live)
        #expect(rig.machine.driver == .hybrid)
    }

    @Test("a tick at the deadline always does something or moves it", arguments: 1...60)
    func neverSpins(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = AccountRig(random.chance(4) ? .rest : .hybrid, seed: seed)
        _ = rig.start()
        for step in 0..<300 {
            if step == 200, random.chance(2) { _ = rig.stop() }
            _ = Self.poke(&rig, &random)
            if random.chance(2) {
                let deadline = rig.machine.deadline
                if deadline < .distantFuture { rig.now = max(rig.now, deadline) }
            }
            let actions = rig.tick()
            let state = rig.machine.phaseName
            #expect(rig.machine.deadline > rig.now || !actions.isEmpty, "\(state)")
            // A second tick at the same instant finds nothing left to do.
            _ = rig.tick()
            #expect(rig.machine.deadline > rig.now, "\(state)")
        }
    }

    @Test("stopped in any state, it stays stopped and asks for nothing", arguments: 1...60)
    func stops(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = AccountRig(random.chance(4) ? .rest : .hybrid, seed: seed)
        if random.chance(3) { rig.goLive() } else { _ = rig.start() }
        for _ in 0..<random.below(40) { _ = Self.poke(&rig, &random) }
        let before = rig.machine.state
        let actions = rig.stop()
        #expect(actions == [.close(code: 1000, reason: "shutting down"), .state(before, .stopped, "stopped")])
        #expect(rig.machine.deadline == .distantFuture)
        for _ in 0..<100 {
            #expect(Self.poke(&rig, &random) == [])
            #expect(rig.machine.state == .stopped && rig.machine.phaseName == "stopped")
            #expect(rig.machine.deadline == .distantFuture)
        }
    }

    @Test("the position topic is never subscribed before the answer to auth", arguments: 1...40)
    func order(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var rig = AccountRig(.hybrid, seed: seed)
        _ = rig.start()
        for _ in 0..<500 {
            let phase = rig.machine.phaseName
            let actions = Self.poke(&rig, &random)
            if actions.contains(.subscribe) {
                #expect(phase == "authenticating" && rig.machine.phaseName == "subscribing")
            }
            if rig.machine.acceptsRows {
                #expect(["subscribing", "bootstrapping", "live"].contains(rig.machine.phaseName))
            }
        }
    }
}

import HybridStream
import Synchronization
import Testing

private func at(_ milliseconds: Int64) -> Uptime { Uptime(nanoseconds: milliseconds * 1_000_000) }

@Suite struct ServerTimeTests {
    static let server: Int64 = 1_700_000_000_000

    @Test func unknownBeforeTheFirstSample() {
        #expect(ServerTime().milliseconds(at: at(5)) == nil)
    }

    @Test func followsTheMonotonicClock() {
        var time = ServerTime()
        time.record(serverMilliseconds: Self.server, sent: at(1000), received: at(1000))
        #expect(time.milliseconds(at: at(1000)) == Self.server)
        #expect(time.milliseconds(at: at(61_000)) == Self.server + 60_000)
    }

    /// Whenever between request and reply the server has looked at its clock, we are not ahead of it, and behind by no
    /// more than the whole round trip.
    @Test(arguments: [0, 1, 40, 100, 900] as [Int64], [0.0, 0.3, 0.5, 1.0])
    func neverAhead(roundTrip: Int64, share: Double) throws {
        var time = ServerTime()
        let looked = 1000 + Int64(Double(roundTrip) * share)
        time.record(serverMilliseconds: Self.server + looked, sent: at(1000), received: at(1000 + roundTrip))
        let now = at(5000)
        let truth = Self.server + 5000
        let ours = try #require(time.milliseconds(at: now))
        #expect(ours <= truth)
        #expect(ours >= truth - roundTrip - 1)
    }

    /// After a very slow reply the receive window still fits, and the second that the exchange forgives is not used up.
    @Test(arguments: [0.0, 0.5, 1.0])
    func slowReply(share: Double) throws {
        var time = ServerTime()
        let looked = 1000 + Int64(2800 * share)
        time.record(serverMilliseconds: Self.server + looked, sent: at(1000), received: at(3800))
        let error = try #require(time.milliseconds(at: at(9000))) - (Self.server + 9000)
        #expect(error < 1000)
        #expect(error > -2500)
    }

    @Test func keepsTheSharperSample() {
        var time = ServerTime()
        time.record(serverMilliseconds: Self.server, sent: at(1000), received: at(1004))
        let before = time.milliseconds(at: at(2000))
        let taken = time.record(serverMilliseconds: Self.server + 1200, sent: at(2000), received: at(2500))
        #expect(!taken)
        #expect(time.milliseconds(at: at(2000)) == before)
    }

    @Test func takesASharperSample() {
        var time = ServerTime()
        time.record(serverMilliseconds: Self.server, sent: at(1000), received: at(1500))
        time.record(serverMilliseconds: Self.server + 1000, sent: at(2000), received: at(2002))
        #expect(time.milliseconds(at: at(2002)) == Self.server + 1000)
    }

    @Test func replacesAnOldSample() {
        var time = ServerTime()
        time.record(serverMilliseconds: Self.server, sent: at(0), received: at(2))
        let taken = time.record(serverMilliseconds: Self.server + 700_000, sent: at(700_000), received: at(700_100))
        #expect(taken)
    }

    /// The exchange's clock was set, or ours stood still while the host slept.
    @Test(arguments: [-3_600_000, 3_600_000] as [Int64])
    func believesAContradiction(jump: Int64) throws {
        var time = ServerTime()
        time.record(serverMilliseconds: Self.server, sent: at(1000), received: at(1002))
        time.record(serverMilliseconds: Self.server + 1000 + jump, sent: at(2000), received: at(2400))
        let ours = try #require(time.milliseconds(at: at(2400)))
        #expect(abs(ours - (Self.server + 1000 + jump)) <= 400)
    }

    @Test func aRefusalReplacesWhatLookedBetter() {
        var time = ServerTime()
        time.record(serverMilliseconds: Self.server, sent: at(1000), received: at(1002))
        time.record(serverMilliseconds: Self.server + 1100, sent: at(2000), received: at(2300), replacing: true)
        #expect(time.milliseconds(at: at(2300)) == Self.server + 1100)
    }

    @Test(arguments: [0, -1, Int64.max, Int64.min] as [Int64])
    func ignoresNonsense(server: Int64) {
        var time = ServerTime()
        time.record(serverMilliseconds: server, sent: at(1), received: at(2))
        time.record(serverMilliseconds: Self.server, sent: at(2), received: at(1))
        #expect(!time.isKnown)
    }
}

@Suite struct ServerClockTests {
    @Test func wallClockBeforeAnySample() {
        let clock = ServerClock(uptime: { at(7) }, wall: { 42 })
        #expect(clock.nowMilliseconds() == 42)
        #expect(clock.offsetMilliseconds == 0)
        #expect(!clock.isSynchronized)
    }

    @Test(arguments: [-3_600_000, 3_600_000] as [Int64])
    func aJumpOfTheWallClockChangesNothing(jump: Int64) {
        let clocks = SharedClocks()
        let clock = ServerClock(
            uptime: { at(clocks.uptime.load(ordering: .relaxed)) },
            wall: { clocks.wall.load(ordering: .relaxed) }
        )
        clock.record(serverMilliseconds: 1_700_000_000_250, sentUptime: at(1000), receivedUptime: at(1000))
        #expect(clock.offsetMilliseconds == 250)
        clocks.wall.add(jump + 10, ordering: .relaxed)
        clocks.uptime.add(10, ordering: .relaxed)
        #expect(clock.nowMilliseconds() == 1_700_000_000_260)
        #expect(clock.offsetMilliseconds == 250 - jump)
    }

    @Test func concurrentUse() async {
        let clock = ServerClock()
        let now = Uptime.now()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<500 {
                        clock.record(
                            serverMilliseconds: 1_700_000_000_000 + Int64(task * round),
                            sentUptime: now,
                            receivedUptime: now
                        )
                        _ = clock.nowMilliseconds()
                    }
                }
            }
        }
        #expect(clock.isSynchronized)
    }
}

private final class SharedClocks: Sendable {
    let wall = Atomic<Int64>(1_700_000_000_000)
    let uptime = Atomic<Int64>(1000)
}

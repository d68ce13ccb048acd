import Glibc
import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ChildSupervisionTests {
    private static let settings: ChildSupervision.Settings = {
        var sink = ExecSinkConfiguration()
        sink.restart.initial = .milliseconds(500)
        sink.restart.max = .seconds(8)
        sink.stopTimeout = .seconds(5)
        return ChildSupervision.Settings(sink)
    }()

    private var machine = ChildSupervision(label: "bot for a", settings: Self.settings, seed: 7)

    private static func at(_ milliseconds: Int64) -> Uptime { Uptime(nanoseconds: milliseconds * 1_000_000) }

    /// Handles an input; what it reports about troubles is looked at by those tests that are about them.
    private mutating func handle(_ input: ChildSupervision.Input, _ milliseconds: Int64) -> [ChildSupervision.Effect] {
        self.machine.handle(input, now: Self.at(milliseconds)).filter { if case .report = $0 { false } else { true } }
    }

    /// Fires the next timer, whenever it is due.
    private mutating func nextTimer() throws -> (effects: [ChildSupervision.Effect], at: Uptime) {
        let time = try #require(self.machine.nextTimer)
        return (self.machine.handle(.timer, now: time), time)
    }

    @Test mutating func startsAndIsStableAfterAWhile() throws {
        #expect(self.handle(.start, 0) == [.spawn])
        #expect(self.machine.nextTimer == nil)
        #expect(self.handle(.spawned, 10) == [])
        #expect(self.machine.state == .running)
        #expect(try self.nextTimer().at == Self.at(8_010))
        #expect(self.machine.nextTimer == nil, "nothing is to be done about a child that works")
    }

    @Test mutating func aChildThatEndsAtOnceIsStartedAgainWithGrowingPauses() throws {
        _ = self.handle(.start, 0)
        var now = Uptime(nanoseconds: 0)
        var longest: [Duration] = []
        for failure in 1...12 {
            _ = self.machine.handle(.spawned, now: now)
            let effects = self.machine.handle(.exited(.code(3)), now: now + .milliseconds(2))
            #expect(self.machine.failures == failure)
            guard case .report(let trouble?) = effects.last else {
                Issue.record("not reported: \(effects)")
                return
            }
            #expect(trouble.reason.contains("exit code 3 after 2 ms"), "\(trouble)")
            #expect(failure == 1 || trouble.reason.contains("so did the \(failure - 1) before it"), "\(trouble)")
            let due = try #require(self.machine.nextTimer)
            longest.append(due - now)
            #expect(self.machine.handle(.timer, now: due) == [.spawn])
            now = due
        }
        for (attempt, pause) in longest.enumerated() {
            #expect(pause <= min(.seconds(8), .milliseconds(500) * (1 << attempt)) + .milliseconds(2))
        }
        #expect(longest.suffix(6).reduce(.zero, +) > longest.prefix(6).reduce(.zero, +))
        // One that stays is no trouble any more, and the pauses begin anew.
        _ = self.machine.handle(.spawned, now: now)
        let (effects, at) = try self.nextTimer()
        #expect(effects == [.report(nil)])
        _ = self.machine.handle(.exited(.signal(SIGSEGV)), now: at + .seconds(60))
        #expect(try #require(self.machine.nextTimer) <= at + .seconds(60) + .milliseconds(500))
    }

    @Test mutating func theEndOfAChildThatWorkedIsNoTrouble() throws {
        _ = self.handle(.start, 0)
        _ = self.handle(.spawned, 0)
        let effects = self.machine.handle(.exited(.code(0)), now: Self.at(60_000))
        guard case .ended(.code(0), .seconds(60), let pause) = effects.first, effects.count == 1 else {
            Issue.record("\(effects)")
            return
        }
        #expect(self.machine.nextTimer == Self.at(60_000) + pause)
        #expect(self.machine.trouble == nil)
    }

    @Test mutating func aProgramThatCannotBeStartedIsTriedAgain() throws {
        let trouble = SinkTrouble(step: "start", path: "bot for a", errno: ENOENT, reason: "No such file or directory")
        _ = self.handle(.start, 0)
        #expect(self.machine.handle(.notSpawned(trouble), now: Self.at(1)) == [.report(trouble)])
        #expect(try self.nextTimer().effects == [.spawn])
        // The same again is not reported again.
        #expect(self.machine.handle(.notSpawned(trouble), now: Self.at(600)) == [])
        #expect(self.machine.state == .waiting)
    }

    @Test mutating func aChildThatDoesNotReadIsAToubleUntilItReads() throws {
        _ = self.handle(.start, 0)
        _ = self.handle(.spawned, 0)
        _ = self.handle(.blocked, 1_000)
        // Slow is not stuck.
        _ = self.handle(.read(isCaughtUp: false), 30_000)
        _ = self.handle(.blocked, 30_000)
        #expect(try self.nextTimer().at == Self.at(8_000))
        let (effects, at) = try self.nextTimer()
        #expect(at == Self.at(60_000))
        guard case .report(let trouble?) = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect("\(trouble)".contains("has read nothing for 30000 ms; events wait"))
        #expect(self.machine.nextTimer == nil)
        let read = self.machine.handle(.read(isCaughtUp: false), now: Self.at(90_000))
        #expect(read == [.report(nil)])
    }

    @Test mutating func lostEventsAreATroubleUntilTheChildHasCaughtUp() {
        _ = self.handle(.start, 0)
        _ = self.handle(.spawned, 0)
        let effects = self.machine.handle(.lost(12), now: Self.at(1))
        guard case .report(let trouble?) = effects.first else {
            Issue.record("\(effects)")
            return
        }
        #expect("\(trouble)".contains("events are lost"))
        #expect(self.machine.handle(.read(isCaughtUp: false), now: Self.at(2)) == [])
        #expect(self.machine.handle(.read(isCaughtUp: true), now: Self.at(3)) == [.report(nil)])
    }

    @Test mutating func theEndIsAskedForAndThenForced() throws {
        _ = self.handle(.start, 0)
        _ = self.handle(.spawned, 0)
        #expect(self.handle(.finish, 100) == [.closeInput])
        #expect(self.handle(.inputClosed, 100) == [])
        #expect(self.machine.nextTimer == Self.at(5_100))
        #expect(try self.nextTimer().effects == [.forced(SIGTERM), .signal(SIGTERM)])
        let (effects, at) = try self.nextTimer()
        #expect(effects == [.forced(SIGKILL), .signal(SIGKILL)])
        #expect(at == Self.at(6_100))
        #expect(self.machine.handle(.exited(.signal(SIGKILL)), now: at) == [.done])
        #expect(self.machine.nextTimer == nil)
        #expect(self.machine.handle(.exited(.code(0)), now: at) == [])
    }

    @Test mutating func aChildThatEndsWithItsInputIsTheEnd() {
        _ = self.handle(.start, 0)
        _ = self.handle(.spawned, 0)
        _ = self.handle(.finish, 10)
        #expect(self.handle(.exited(.code(1)), 11) == [.done])
        #expect(self.machine.trouble == nil)
    }

    @Test mutating func noChildIsStartedForTheEnd() throws {
        #expect(self.handle(.finish, 0) == [.done])
        var other = ChildSupervision(label: "", settings: Self.settings, seed: 1)
        _ = other.handle(.start, now: Self.at(0))
        #expect(other.handle(.finish, now: Self.at(1)) == [], "the start may succeed yet")
        #expect(other.handle(.spawned, now: Self.at(2)) == [.closeInput])
        #expect(other.handle(.exited(.code(0)), now: Self.at(3)) == [.done])
        var waiting = ChildSupervision(label: "", settings: Self.settings, seed: 1)
        _ = waiting.handle(.start, now: Self.at(0))
        _ = waiting.handle(.spawned, now: Self.at(0))
        _ = waiting.handle(.exited(.code(0)), now: Self.at(1))
        #expect(waiting.handle(.finish, now: Self.at(1)) == [.done])
    }

    @Test mutating func aStartThatHangsDoesNotHoldUpTheEnd() throws {
        _ = self.handle(.start, 0)
        _ = self.handle(.finish, 10)
        let (effects, at) = try self.nextTimer()
        #expect(effects == [.done] && at == Self.at(5_010))
        #expect(self.handle(.spawned, 6_000) == [])
        #expect(self.machine.state == .ended)
    }

    /// It cannot be fed any more, so it has to make room for one that can.
    @Test mutating func aChildThatClosesItsInputIsReplaced() throws {
        _ = self.handle(.start, 0)
        _ = self.handle(.spawned, 0)
        #expect(self.handle(.inputClosed, 20_000) == [])
        #expect(self.machine.nextTimer == Self.at(25_000))
        #expect(try self.nextTimer().effects == [.forced(SIGTERM), .signal(SIGTERM)])
        _ = self.handle(.exited(.signal(SIGTERM)), 25_001)
        #expect(try self.nextTimer().effects == [.spawn])
    }

    @Test func readsWaitStatuses() {
        #expect(ChildExit(status: 3 << 8) == .code(3))
        #expect(ChildExit(status: SIGKILL) == .signal(SIGKILL))
        #expect(ChildExit(status: SIGSEGV | 0x80) == .signal(SIGSEGV))
        #expect("\(ChildExit.code(1))" == "exit code 1")
        #expect("\(ChildExit.signal(9))" == "signal 9 (Killed)")
    }

    @Test mutating func otherSettingsHoldAtOnce() throws {
        var sink = ExecSinkConfiguration()
        sink.restart.initial = .seconds(3_600)
        sink.restart.max = .seconds(3_600)
        var (slow, quick) = (ChildSupervision.Settings(sink), Self.settings)
        slow.stopTimeout = .seconds(60)
        quick.initialPause = .milliseconds(1)
        quick.maxPause = .milliseconds(2)
        self.machine = ChildSupervision(label: "bot for a", settings: slow, seed: 7)
        _ = self.handle(.start, 0)
        _ = self.handle(.spawned, 0)
        _ = self.handle(.exited(.code(1)), 10)
        #expect(try #require(self.machine.nextTimer) > Self.at(1_000))
        // A pause that was long is not waited for.
        #expect(self.handle(.configured(quick), 20) == [])
        #expect(try #require(self.machine.nextTimer) <= Self.at(22))
        #expect(try self.nextTimer().effects == [.spawn])
        // The time that a child has for its end is the new one.
        _ = self.handle(.spawned, 30)
        #expect(self.handle(.configured(slow), 40) == [])
        #expect(self.handle(.finish, 50) == [.closeInput])
        #expect(self.machine.nextTimer == Self.at(60_050))
        // Who is to end keeps the time that it was given.
        #expect(self.handle(.configured(quick), 60) == [])
        #expect(self.machine.nextTimer == Self.at(60_050))
    }
}

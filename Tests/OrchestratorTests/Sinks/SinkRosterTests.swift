import Testing

@testable import Orchestrator

@Suite struct SinkRosterTests {
    private static func file(_ path: String) -> SinkConfiguration {
        var file = JSONLSinkConfiguration()
        file.path = path
        return .jsonl(file)
    }

    private static func exec(_ command: String) -> SinkConfiguration {
        var exec = ExecSinkConfiguration()
        exec.command = [command]
        return .exec(exec)
    }

    private static let shared = SinkIdentity.file(path: "/shared")
    private static let own = SinkIdentity.exec(command: ["own"])

    private static func roster() -> SinkRoster { SinkRoster(SinkPlan([(name: String, sinks: [SinkConfiguration])]())) }

    @Test func sinksAreMadeOnceAndEndWithTheLast() {
        var roster = Self.roster()
        let first = roster.join("a", [Self.file("/shared"), Self.exec("own"), Self.file("/shared")])
        #expect(first == .joined(all: [Self.shared, Self.own], new: [Self.shared, Self.own]))
        #expect(roster.join("b", [Self.file("/shared")]) == .joined(all: [Self.shared], new: []))
        #expect(roster.leave("a") == [Self.shared, Self.own])
        #expect(roster.delivered([Self.shared, Self.own]) == [Self.own])
        roster.ended(Self.own)
        #expect(roster.leave("b") == [Self.shared])
        #expect(roster.delivered([Self.shared]) == [Self.shared])
        roster.ended(Self.shared)
        #expect(roster.join("a", [Self.file("/shared")]) == .joined(all: [Self.shared], new: [Self.shared]))
    }

    @Test func theLastThatIsDeliveredEndsIt() {
        var roster = Self.roster()
        for name in ["a", "b"] { _ = roster.join(name, [Self.file("/shared")]) }
        for name in ["a", "b"] { _ = roster.leave(name) }
        #expect(roster.delivered([Self.shared]) == [])
        #expect(roster.delivered([Self.shared]) == [Self.shared])
    }

    @Test func whoJoinsBeforeAllIsDeliveredKeepsItAlive() {
        var roster = Self.roster()
        _ = roster.join("a", [Self.exec("own")])
        _ = roster.leave("a")
        #expect(roster.join("b", [Self.exec("own")]) == .joined(all: [Self.own], new: []))
        #expect(roster.delivered([Self.own]) == [])
        #expect(!roster.isEnding(Self.own))
    }

    @Test func whoJoinsDuringTheEndWaits() {
        var roster = Self.roster()
        _ = roster.join("a", [Self.exec("own")])
        _ = roster.leave("a")
        #expect(roster.delivered([Self.own]) == [Self.own])
        #expect(roster.join("b", [Self.file("/shared"), Self.exec("own")]) == .wait(Self.own))
        #expect(roster.sinks(of: "b") == nil, "nothing is held meanwhile")
        roster.ended(Self.own)
        #expect(
            roster.join("b", [Self.file("/shared"), Self.exec("own")])
                == .joined(all: [Self.shared, Self.own], new: [Self.shared, Self.own])
        )
    }

    @Test func whoIsThereOrWasNeverThereChangesNothing() {
        var roster = Self.roster()
        _ = roster.join("a", [Self.exec("own")])
        #expect(roster.join("a", [Self.file("/shared")]) == .joined(all: [Self.own], new: []))
        #expect(roster.leave("nobody") == [])
        _ = roster.leave("a")
        #expect(roster.leave("a") == [])
        #expect(roster.delivered([Self.own]) == [Self.own])
    }

    @Test func thePlanFollows() {
        var roster = Self.roster()
        for name in ["a", "b", "c"] { _ = roster.join(name, [Self.exec("bot")]) }
        #expect(roster.plan.exec(["bot"])?.label == "bot for a and 2 more accounts")
        _ = roster.leave("a")
        #expect(roster.plan.exec(["bot"])?.label == "bot for b and 1 more account")
        #expect(roster.plan.exec(["bot"])?.accounts == ["b", "c"])
        _ = roster.leave("b")
        _ = roster.leave("c")
        #expect(roster.plan.isEmpty)
    }

    @Test func labelsStayUniqueAndOthersKeepTheirs() {
        var other = ExecSinkConfiguration()
        other.command = ["bot", "--other"]
        var plan = SinkPlan([("a", [Self.exec("bot"), .exec(other)])])
        #expect(plan.execs.map(\.label) == ["bot for a", "bot for a (2)"])
        plan.add("b", [Self.exec("bot")])
        #expect(plan.execs.map(\.label) == ["bot for a and 1 more account", "bot for a (2)"])
        plan.add("b", [.exec(other)])
        #expect(plan.exec(other.command)?.accounts == ["a"], "it is there already, with what it has")
        plan.remove("b")
        #expect(plan.execs.map(\.label) == ["bot for a", "bot for a (2)"])
        plan.add("c", [Self.exec("bot"), .exec(other)])
        plan.remove("a")
        #expect(plan.execs.map(\.label) == ["bot for c", "bot for c (2)"])
    }
}

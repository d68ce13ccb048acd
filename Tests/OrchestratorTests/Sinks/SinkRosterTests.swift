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

    /// The sinks that somebody has joined; nil for one who has to wait.
    private static func identities(_ joining: SinkRoster.Joining) -> [SinkIdentity]? {
        if case .joined(let entries) = joining { entries.map(\.identity) } else { nil }
    }

    private static let shared = SinkIdentity.file(path: "/shared")
    private static let own = SinkIdentity.exec(command: ["own"])

    @Test func sinksAreMadeOnceAndEndWithTheLast() {
        var roster = SinkRoster()
        let first = roster.join("a", [Self.file("/shared"), Self.exec("own"), Self.file("/shared")])
        #expect(Self.identities(first) == [Self.shared, Self.own])
        #expect(Self.identities(roster.join("b", [Self.file("/shared")])) == [Self.shared])
        #expect(roster.leave("a") == [Self.shared, Self.own])
        #expect(roster.delivered([Self.shared, Self.own]) == [Self.own])
        roster.ended(Self.own)
        #expect(roster.leave("b") == [Self.shared])
        #expect(roster.delivered([Self.shared]) == [Self.shared])
        roster.ended(Self.shared)
        #expect(Self.identities(roster.join("a", [Self.file("/shared")])) == [Self.shared])
    }

    @Test func theLastThatIsDeliveredEndsIt() {
        var roster = SinkRoster()
        for name in ["a", "b"] { _ = roster.join(name, [Self.file("/shared")]) }
        for name in ["a", "b"] { _ = roster.leave(name) }
        #expect(roster.delivered([Self.shared]) == [])
        #expect(roster.delivered([Self.shared]) == [Self.shared])
    }

    @Test func whoJoinsBeforeAllIsDeliveredKeepsItAlive() {
        var roster = SinkRoster()
        _ = roster.join("a", [Self.exec("own")])
        _ = roster.leave("a")
        #expect(Self.identities(roster.join("b", [Self.exec("own")])) == [Self.own])
        #expect(roster.delivered([Self.own]) == [])
        #expect(!roster.isEnding(Self.own))
    }

    @Test func whoJoinsDuringTheEndWaits() {
        var roster = SinkRoster()
        _ = roster.join("a", [Self.exec("own")])
        _ = roster.leave("a")
        #expect(roster.delivered([Self.own]) == [Self.own])
        #expect(roster.join("b", [Self.file("/shared"), Self.exec("own")]) == .wait(Self.own))
        #expect(roster.sinks(of: "b") == [], "nothing is held meanwhile")
        roster.ended(Self.own)
        let again = roster.join("b", [Self.file("/shared"), Self.exec("own")])
        #expect(Self.identities(again) == [Self.shared, Self.own])
    }

    @Test func whoIsThereOrWasNeverThereChangesNothing() {
        var roster = SinkRoster()
        _ = roster.join("a", [Self.exec("own")])
        #expect(Self.identities(roster.join("a", [Self.file("/shared")])) == [Self.own])
        #expect(roster.leave("nobody") == [])
        _ = roster.leave("a")
        #expect(roster.leave("a") == [])
        #expect(roster.delivered([Self.own]) == [Self.own])
    }

    @Test func thePlanFollows() {
        var roster = SinkRoster()
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
        plan.put("b", [Self.exec("bot")])
        #expect(plan.execs.map(\.label) == ["bot for a and 1 more account", "bot for a (2)"])
        plan.remove("b")
        #expect(plan.execs.map(\.label) == ["bot for a", "bot for a (2)"])
        plan.put("c", [Self.exec("bot"), .exec(other)])
        plan.remove("a")
        #expect(plan.execs.map(\.label) == ["bot for c", "bot for c (2)"])
    }

    /// What the file on the disk says and what comes in the end may be two things.
    @Test func whoWasExpectedComesWithWhatItHasInTheEnd() {
        var roster = SinkRoster()
        roster.expect([("a", [Self.exec("bot"), Self.exec("former")]), ("b", [Self.exec("bot")])])
        let first = roster.join("a", [Self.exec("bot"), Self.exec("own")])
        guard case .joined(let entries) = first, case .exec(let bot) = entries.first else {
            Issue.record("\(first)")
            return
        }
        #expect(bot.label == "bot for a and 1 more account" && bot.accounts == ["a", "b"], "as it will be with all")
        #expect(entries.map(\.identity) == [.exec(command: ["bot"]), Self.own])
        #expect(roster.plan.exec(["former"]) == nil)
        _ = roster.join("b", [Self.exec("bot")])
        #expect(roster.plan.execs.map(\.accounts) == [["a", "b"], ["a"]])
        #expect(roster.stopExpecting() == [])
    }

    @Test func whoWasExpectedAndDoesNotComeIsForgotten() {
        var roster = SinkRoster()
        roster.expect([("a", [Self.exec("bot")]), ("b", [Self.exec("bot"), Self.exec("own")])])
        _ = roster.join("a", [Self.exec("bot")])
        #expect(roster.stopExpecting() == [.exec(command: ["bot"])])
        #expect(roster.plan.execs.map(\.label) == ["bot for a"])
        #expect(roster.stopExpecting() == [])
    }

    @Test func theOptionsOfTheOneWhoJoinsLastHold() {
        var roster = SinkRoster()
        var (old, new) = (ExecSinkConfiguration(), ExecSinkConfiguration())
        old.command = ["bot"]
        new.command = ["bot"]
        new.stopTimeout = .seconds(60)
        for name in ["a", "b"] { _ = roster.join(name, [.exec(old)]) }
        _ = roster.leave("a")
        let joining = roster.join("a", [.exec(new)])
        guard case .joined(let entries) = joining, case .exec(let exec) = entries.first else {
            Issue.record("\(joining)")
            return
        }
        #expect(exec.configuration == new)
        #expect(roster.plan.exec(["bot"]) == exec)
    }

    @Test func anAccountThatChangesItsSinksKeepsItsPlaceInThoseItKeeps() {
        var plan = SinkPlan([("a", [Self.exec("bot"), Self.exec("own")]), ("b", [Self.exec("bot")])])
        plan.put("a", [Self.exec("bot"), Self.exec("other")])
        #expect(plan.execs.map(\.label) == ["bot for a and 1 more account", "other for a"])
        plan.put("a", [])
        #expect(plan.execs.map(\.label) == ["bot for b"])
        #expect(plan.exec(["bot"])?.accounts == ["b"] && plan.exec(["other"]) == nil)
    }
}

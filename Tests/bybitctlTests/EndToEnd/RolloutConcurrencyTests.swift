import Foundation
import Testing

extension EndToEnd {
    /// Several people change things at once.
    @Suite struct RolloutConcurrency {}
}

extension EndToEnd.RolloutConcurrency {
    /// Whatever comes in whatever order: everybody has an answer, and what was changed stands in the history once, in an
    /// order that leads from the beginning to the end.
    @Test(.timeLimit(.minutes(3)))
    func commandsAboutOneAccountComeOneAfterAnother() async throws {
        try await Workplace.with { place in
            let rig = try await RolloutRig.start(in: place)
            let commands = [
                ["promote", "--force"], ["rollback"], ["drain"], ["promote", "--force"], ["resume"], ["rollback"],
                ["disable"], ["enable"], ["promote", "--force"], ["resume"],
            ]
            let name = "sub-001"
            var random = Seeded(state: 11)
            for round in 1...4 {
                try await rig.daemon.change("enable", name)
                try await rig.daemon.change("resume", name)
                let before = try await rig.daemon.status().document
                let history = try await rig.daemon.history()
                let mixed = commands.map { ($0, random.below(1_000)) }.sorted { $0.1 < $1.1 }.map(\.0)
                let clients = try mixed.map { try rig.daemon.begin($0 + [name]) }
                let answers = try await Self.answers(of: clients, "round \(round)")
                let added = try await rig.daemon.history().dropFirst(history.count)
                let after = try await rig.daemon.status().document
                #expect(added.map(\.number) == Array(history.count..<history.count + added.count).map { $0 + 1 })
                let told = answers.compactMap(\.revision).sorted()
                #expect(told == added.map(\.number), "round \(round): each change is told to who asked for it")
                let way = try Way(from: before, name)
                try way.follow(added.map(\.diff), "round \(round)")
                #expect(way.standing == after.account(name)?.standing, "round \(round): \(added)")
                for other in RolloutRig.accounts where other != name {
                    #expect(after.account(other)?.standing == before.account(other)?.standing)
                }
            }
            try await rig.finish(kills: 0, "concurrent commands")
        }
    }

    /// Two people move two accounts each, and neither waits for the other or undoes what the other did.
    @Test(.timeLimit(.minutes(3)))
    func commandsAboutDifferentAccountsDoNotDisturbEachOther() async throws {
        try await Workplace.with { place in
            let rig = try await RolloutRig.start(in: place)
            for command in [["promote", "--force"], ["rollback"], ["drain"], ["resume"], ["promote", "--force"]] {
                let before = try await rig.daemon.status().document.standings
                let history = try await rig.daemon.history().count
                let clients = try ["sub-001", "sub-002", "sub-003"].map { try rig.daemon.begin(command + [$0]) }
                let answers = try await Self.answers(of: clients, "\(command)")
                #expect(answers.map(\.outcome) == ["done", "done", "done"], "\(command)")
                let now = try await rig.daemon.status().document.standings
                for (name, standing) in now {
                    let answer = answers.first { $0.name == name }
                    #expect(standing == answer?.to ?? before[name], "\(command): \(name)")
                    #expect(answer?.from ?? before[name] == before[name], "\(command): \(name)")
                }
                let added = try await rig.daemon.history().dropFirst(history)
                #expect(Set(added.flatMap(\.accounts)) == ["sub-001", "sub-002", "sub-003"], "\(command)")
                #expect(added.count == 3, "\(command)")
            }
            try await rig.finish(kills: 0, "different accounts")
        }
    }

    /// One whose new source is not ready yet keeps nobody else waiting; who asks for the same account waits.
    @Test(.timeLimit(.minutes(2)))
    func aSwitchThatWaitsHoldsUpItsAccountAlone() async throws {
        try await Workplace.with { place in
            let rig = try await RolloutRig.start(in: place)
            try await rig.daemon.change("promote", "--force", "sub-001")
            let faults: [String: JSONField] = [
                "path": .string("/v5/position/list"), "account": .string("sub-001"), "delay_ms": .number(5_000),
            ]
            try await rig.exchange.setRESTFaults([faults])
            let slow = try rig.daemon.begin(["rollback", "sub-001"])
            try await eventually("the question") { rig.daemon.process.errors.contains("\"command\":\"rollback\"") }
            let behind = try rig.daemon.begin(["rollback", "sub-001"])
            let other = try await rig.daemon.change("rollback", "sub-002")
            #expect(other.accounts.map(\.to) == ["canary"])
            #expect(slow.isRunning && behind.isRunning)
            let answers = try await Self.answers(of: [slow, behind], "the slow one")
            #expect(answers.map(\.from) == ["cutover 50", "parallel"])
            #expect(answers.map(\.to) == ["parallel", "canary"])
            try await rig.exchange.post("/faults/clear")
            try await rig.finish(kills: 0, "a slow switch")
        }
    }

    /// A file waits for what is under way of the accounts that it is about; everybody else waits for neither.
    @Test(.timeLimit(.minutes(2)))
    func aFileWaitsForItsAccountsAndNobodyElseWaitsForIt() async throws {
        try await Workplace.with { place in
            let rig = try await RolloutRig.start(in: place)
            try rig.write(variant: 1)
            try await rig.daemon.change("apply")
            let history = try await rig.daemon.history().count
            let faults: [String: JSONField] = [
                "path": .string("/v5/position/list"), "account": .string("sub-004"), "delay_ms": .number(5_000),
            ]
            try await rig.exchange.setRESTFaults([faults])
            let slow = try rig.daemon.begin(["rollback", "sub-004"])
            try await eventually("the question") { rig.daemon.process.errors.contains("\"command\":\"rollback\"") }
            try rig.write(variant: 0)
            let file = try rig.daemon.begin(["apply"])
            // The fourth time that the file is read.
            try await eventually("the question about the file") {
                rig.daemon.process.errors.components(separatedBy: "the file of the start").count == 5
            }
            let other = try await rig.daemon.change("promote", "--force", "sub-001")
            #expect(other.accounts.map(\.to) == ["cutover 50"])
            #expect(slow.isRunning && file.isRunning)
            #expect(try await slow.exitCode(within: .seconds(70)) == 0)
            try await rig.exchange.post("/faults/clear")
            #expect(try await file.exitCode(within: .seconds(70)) == 0)
            let added = try await rig.daemon.history().dropFirst(history)
            #expect(added.map(\.kind) == ["promote", "rollback", "apply"])
            #expect(added.dropLast().map(\.accounts) == [["sub-001"], ["sub-004"]])
            let standings = try await rig.daemon.status().document.standings
            #expect(standings["sub-004"] == "rest" && standings["sub-005"] == nil)
            try await rig.finish(kills: 0, "a file among commands")
        }
    }

    /// What clients that ask about one account are told, in their order.
    private static func answers(
        of clients: [ChildProcess],
        _ context: String
    ) async throws -> [RolloutReportDocument.Account] {
        var answers: [RolloutReportDocument.Account] = []
        for client in clients {
            let code = try await client.exitCode(within: .seconds(70))
            let report = try client.report()
            #expect(report.accounts.count == 1, "\(context): \(client.output)")
            let answer = try #require(report.accounts.first)
            let isGood = answer.outcome == "done" || answer.outcome == "unchanged"
            #expect(code == (isGood ? 0 : 1), "\(context): \(code), \(client.output)")
            #expect((answer.revision != nil) == (answer.outcome == "done"), "\(context): \(client.output)")
            answers.append(answer)
        }
        return answers
    }
}

/// One account's way through revisions, by what they say of it.
private final class Way {
    private let name: String
    private var mode: String
    private var isEnabled: Bool
    private var isDrained: Bool

    init(from status: StatusDocument, _ name: String) throws {
        let account = try #require(status.account(name))
        self.name = name
        self.isEnabled = account.enabled
        self.isDrained = account.state == "drained"
        self.mode = account.mode + (account.rollout?.step.map { " \($0)" } ?? "")
    }

    var standing: String { self.isEnabled ? self.isDrained ? "drained" : self.mode : "disabled" }

    /// - Parameter diffs: lines such as `sub-001: mode: canary -> parallel`; each must begin where the last one ended.
    func follow(_ diffs: [[String]], _ context: String) throws {
        for line in diffs.joined() {
            let parts = line.components(separatedBy: ": ")
            let values = try #require(parts.last).components(separatedBy: " -> ")
            try #require(parts.count == 3 && values.count == 2 && parts[0] == self.name, "\(line)")
            switch parts[1] {
            case "mode":
                #expect(values[0] == self.mode && self.standing == self.mode, "\(context): \(line) of \(self.standing)")
                self.mode = values[1]
            case "enabled":
                #expect(values[0] == "\(self.isEnabled)", "\(context): \(line)")
                self.isEnabled = values[1] == "true"
            case "drained":
                #expect(values[0] == "\(self.isDrained)" && self.isEnabled, "\(context): \(line)")
                self.isDrained = values[1] == "true"
            default: Issue.record("\(context): \(line)")
            }
        }
    }
}

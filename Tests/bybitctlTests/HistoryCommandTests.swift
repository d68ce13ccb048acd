import ArgumentParser
import Orchestrator
import Testing

@testable import bybitctl

@Suite struct HistoryCommandTests {
    private func parse(_ arguments: String...) throws -> HistoryCommand {
        try #require(try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments)) as? HistoryCommand)
    }

    private let now = Timestamp(milliseconds: 10_000_000)

    @Test func requests() throws {
        #expect(try self.parse("history", "--actions").actionsRequest(now: self.now) == ActionsRequest(limit: 50))
        #expect(
            try self.parse("history", "--actions", "a", "b", "--since", "2h", "-n", "7").actionsRequest(now: self.now)
                == ActionsRequest(accounts: ["a", "b"], sinceMilliseconds: 2_800_000, limit: 7)
        )
        let since = try self.parse("history", "a", "--actions", "--since", "1970-01-01T00:00:01Z", "--output", "json")
        #expect(
            since.actionsRequest(now: self.now)
                == ActionsRequest(
                    accounts: ["a"],
                    sinceMilliseconds: 1_000,
                    limit: ControlClient.mostActions
                )
        )
        #expect(since.output == .json)
    }

    @Test func requestsForRevisions() throws {
        #expect(try self.parse("history").revisionsRequest(now: self.now) == RevisionsRequest(limit: 50))
        #expect(
            try self.parse("history", "a", "--since", "2h", "-n", "7").revisionsRequest(now: self.now)
                == RevisionsRequest(accounts: ["a"], sinceMilliseconds: 2_800_000, limit: 7)
        )
        #expect(
            try self.parse("history", "--since", "1234").revisionsRequest(now: self.now)
                == RevisionsRequest(sinceMilliseconds: 1_234, limit: ControlClient.mostRevisions)
        )
        #expect(
            try self.parse("history", "--revision", "3").revisionsRequest(now: self.now)
                == RevisionsRequest(limit: 50, number: 3)
        )
    }

    @Test(arguments: [
        ["history", "-n", "0"], ["history", "-n", "100001"], ["history", "--revision", "0"],
        ["history", "--revision", "3", "--actions"], ["history", "--revision", "3", "sub-001"],
        ["history", "--revision", "3", "--since", "1h"], ["history", "--revision", "3", "-n", "1"],
        ["history", "--output", "jsonl"], ["history", "--actions", "-n", "0"],
        ["history", "--actions", "-n", "100001"], ["history", "--actions", "--since", "yesterday"],
        ["history", "--actions", "--output", "yaml"],
    ])
    func usageErrors(arguments: [String]) {
        do {
            _ = try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments))
            Issue.record("accepted")
        } catch {
            #expect(Bybitctl.exitCode(for: error).rawValue == 64)
        }
    }

    // MARK: Without a process

    private func nowhere() throws -> InstanceLocation {
        try InstanceLocation(stateDirectory: "/nonexistent/bybitctl", instance: "default")
    }

    @Test func whatTheInstanceHasLeftIsRead() async throws {
        let revision = Revision(
            number: 4,
            time: 1_000,
            kind: .drain,
            caller: Caller(user: "alice", uid: 1000),
            reason: "",
            accounts: ["a"],
            diff: [],
            file: nil
        )
        let source = HistorySource(
            location: try self.nowhere(),
            offline: OfflineSources(revisions: { request, _ in request.limit == 5 ? [revision] : nil }),
            timeout: .seconds(300)
        )
        let json = try await source.revisions(RevisionsRequest(limit: 5))
        #expect(json == RevisionsReport([revision]).json())
        let error = await #expect(throws: CommandError.self) {
            try await source.revisions(RevisionsRequest(limit: 6))
        }
        #expect(error?.status == .notRunning)
        #expect(error?.message.contains("/nonexistent/bybitctl/default/store.sqlite") == true)
    }
}

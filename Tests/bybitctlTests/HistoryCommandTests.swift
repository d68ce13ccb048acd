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
        #expect(try self.parse("history", "--actions").request(now: self.now) == ActionsRequest(limit: 50))
        #expect(
            try self.parse("history", "--actions", "a", "b", "--since", "2h", "-n", "7").request(now: self.now)
                == ActionsRequest(accounts: ["a", "b"], sinceMilliseconds: 2_800_000, limit: 7)
        )
        let since = try self.parse("history", "a", "--actions", "--since", "1970-01-01T00:00:01Z", "--output", "json")
        #expect(
            since.request(now: self.now)
                == ActionsRequest(
                    accounts: ["a"],
                    sinceMilliseconds: 1_000,
                    limit: ControlClient.mostActions
                )
        )
        #expect(since.output == .json)
    }

    @Test(arguments: [
        ["history"], ["history", "sub-001"], ["history", "--actions", "-n", "0"],
        ["history", "--actions", "-n", "100001"], ["history", "--actions", "--since", "yesterday"],
        ["history", "--actions", "--output", "yaml"],
    ])
    func usageErrors(arguments: [String]) {
        do {
            _ = try Bybitctl.parseAsRoot(CommandLineText.normalized(arguments))
            Issue.record("accepted")
        } catch {
            #expect(Bybitctl.exitCode(for: error).rawValue == 64)
            if !arguments.contains("--actions") {
                #expect(Bybitctl.fullMessage(for: error).contains("only `history --actions` is there in this version"))
            }
        }
    }
}

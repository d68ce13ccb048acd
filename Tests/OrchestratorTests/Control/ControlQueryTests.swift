import Foundation
import Testing

@testable import Orchestrator

@Suite struct ControlQueryTests {
    /// As an HTTP server reads it.
    private func parameters(_ uri: String) -> [(key: Substring, value: Substring)] {
        guard let query = uri.split(separator: "?").dropFirst().first else { return [] }
        return query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (parts[0], Substring(parts[1].removingPercentEncoding ?? ""))
        }
    }

    @Test func followRequestsSurviveTheWire() throws {
        let request = FollowRequest(
            accounts: ["sub-001", "a&b=c d/ü"],
            symbols: ["BTCUSDT"],
            causes: ["opened", "closed"],
            shadow: true,
            sinceMilliseconds: 1_767_323_045_678,
            tail: 20
        )
        let uri = ControlQuery.uri(for: request)
        #expect(uri.contains("account=a%26b%3Dc%20d%2F%C3%BC"))
        #expect(try ControlQuery.filter(parameters: self.parameters(uri)) == request)
        #expect(ControlQuery.uri(for: FollowRequest()) == "/v1/events")
    }

    @Test func statusQueriesSurviveTheWire() throws {
        let query = ControlQuery.Status(includePositions: false, accounts: ["sub-001"])
        #expect(query.uri == "/v1/status?positions=0&account=sub-001")
        #expect(try ControlQuery.Status(parameters: self.parameters(query.uri)) == query)
        #expect(try ControlQuery.Status(parameters: []) == ControlQuery.Status(includePositions: true))
    }

    @Test(arguments: [
        ("tail", "-1"), ("tail", "x"), ("tail", "100001"), ("since", "yesterday"), ("shadow", "2"), ("x", "1"),
    ])
    func malformedEventQueriesAreNamed(key: String, value: String) {
        let error = #expect(throws: ControlQuery.Malformed.self) {
            try ControlQuery.filter(parameters: [(Substring(key), Substring(value))])
        }
        #expect(error?.description.contains(key) == true)
    }

    @Test func revisionQueriesSurviveTheWire() throws {
        let request = RevisionsRequest(accounts: ["a", "b c"], sinceMilliseconds: 5, limit: 7, number: 3)
        let uri = ControlQuery.uri(for: request)
        #expect(uri == "/v1/revisions?account=a&account=b%20c&since=5&limit=7&number=3")
        #expect(try ControlQuery.revisions(parameters: self.parameters(uri)) == request)
        #expect(try ControlQuery.revisions(parameters: []) == RevisionsRequest(limit: ControlClient.mostRevisions))
    }

    @Test(arguments: [
        ("limit", "0"), ("limit", "100001"), ("number", "0"), ("number", "x"), ("since", "y"), ("n", "1"),
    ])
    func malformedRevisionQueriesAreNamed(key: String, value: String) {
        let error = #expect(throws: ControlQuery.Malformed.self) {
            try ControlQuery.revisions(parameters: [(Substring(key), Substring(value))])
        }
        #expect(error?.description.contains(key) == true)
    }

    @Test(arguments: [("positions", "yes"), ("symbol", "BTCUSDT")])
    func malformedStatusQueriesAreNamed(key: String, value: String) {
        #expect(throws: ControlQuery.Malformed.self) {
            try ControlQuery.Status(parameters: [(Substring(key), Substring(value))])
        }
    }
}

import Foundation
import NIOCore
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct RevisionsReportTests {
    private static func revision(
        _ number: Int,
        kind: Revision.Kind = .promote,
        caller: Caller = Caller(user: "alice", uid: 1000),
        accounts: [String] = ["sub-001"],
        file: String? = nil
    ) -> Revision {
        Revision(
            number: number,
            time: 1_767_323_045_678 + Int64(number) * 1_000,
            kind: kind,
            caller: caller,
            reason: "“why”\n",
            accounts: accounts,
            diff: ["sub-001: mode: rest -> canary"],
            file: file
        )
    }

    @Test func keysAndOrder() {
        let report = RevisionsReport([
            Self.revision(2, kind: .automaticRollback, caller: .daemon),
            Self.revision(1, kind: .apply, accounts: [], file: "/etc/a.yaml"),
        ])
        #expect(
            String(buffer: report.json()) == """
                {"schema_version":1,"revisions":[\
                {"number":1,"time":"2026-01-02T03:04:06.678Z","kind":"apply","user":"alice","uid":1000,\
                "reason":"“why”\\n","accounts":[],"diff":["sub-001: mode: rest -> canary"],"file":"/etc/a.yaml"},\
                {"number":2,"time":"2026-01-02T03:04:07.678Z","kind":"auto-rollback","user":"bybitctl","uid":null,\
                "reason":"“why”\\n","accounts":["sub-001"],"diff":["sub-001: mode: rest -> canary"],"file":null}]}
                """
        )
    }

    @Test func survivesTheWire() throws {
        let revisions = Revision.Kind.allCases.enumerated().map { Self.revision($0.offset + 1, kind: $0.element) }
        let report = RevisionsReport(revisions)
        #expect(try RevisionsReport(json: report.json()) == report)
        let later = String(buffer: report.json()).replacing(#""number":1,"#, with: #""more":{"x":[1]},"number":1,"#)
        #expect(try RevisionsReport(json: ByteBuffer(string: later)) == report)
    }

    @Test(arguments: ["", "{}", #"{"schema_version":2,"revisions":[]}"#, #"{"schema_version":1,"revisions":[{}]}"#])
    func whatIsNoReportIsNotRead(json: String) {
        #expect(throws: (any Error).self) { try RevisionsReport(json: ByteBuffer(string: json)) }
    }

    // MARK: Over the socket

    private let backend = FakeBackend([StatusSamples.account("sub-001")])

    private func ask(_ request: RevisionsRequest) async throws -> RevisionsReport {
        try await ControlTestServer.with(self.backend) { location, _ in
            try RevisionsReport(
                json: try await ControlClient.with(location, timeout: .seconds(60)) { try await $0.revisions(request) }
            )
        }
    }

    @Test func aRunningInstanceTellsItsRevisions() async throws {
        self.backend.setRevisions(.success([Self.revision(2), Self.revision(1, accounts: ["gone"])]))
        let request = RevisionsRequest(limit: 50)
        #expect(try await self.ask(request).revisions.map(\.number) == [1, 2])
        #expect(self.backend.revisionRequests == [request])
    }

    @Test func anAccountThatHasLeftTheFileIsKnownByItsHistory() async throws {
        let old = Self.revision(1, accounts: ["gone"])
        self.backend.setRevisions(.success([old, Self.revision(2)]))
        #expect(try await self.ask(RevisionsRequest(accounts: ["gone"], limit: 5)).revisions == [old])
        // Also if that is older than what was asked for.
        let recent = RevisionsRequest(accounts: ["gone"], sinceMilliseconds: old.time + 1, limit: 5)
        #expect(try await self.ask(recent).revisions.isEmpty)
    }

    @Test func unknownNamesAreRefusedWithNearOnes() async throws {
        self.backend.setRevisions(.success([Self.revision(2)]))
        let error = await #expect(throws: ControlClientError.self) {
            try await self.ask(RevisionsRequest(accounts: ["sub-01"], limit: 5))
        }
        #expect(error?.exitCode == 64)
        #expect(error?.message == "no account is named 'sub-01'; did you mean sub-001?")
    }
}

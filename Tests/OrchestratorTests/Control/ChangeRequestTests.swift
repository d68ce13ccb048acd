import Foundation
import NIOCore
import Testing

@testable import Orchestrator

@Suite struct ChangeRequestTests {
    /// A request with some values set.
    struct Case: Sendable, CustomTestStringConvertible {
        let request: ChangeRequest
        /// A part of the problem; nil if there is none.
        let problem: String?
        var testDescription: String { "\(self.request.command) \(self.problem ?? "is right")" }

        init(
            _ command: ChangeRequest.Command,
            _ problem: String?,
            _ change: (inout ChangeRequest) -> Void = { _ in }
        ) {
            var request = ChangeRequest(command)
            change(&request)
            self.request = request
            self.problem = problem
        }
    }

    @Test(arguments: [
        Case(.drain, nil) { $0.accounts = ["a"] }, Case(.drain, nil) { $0.isForAll = true },
        Case(.drain, "name some or --all"), Case(.resume, "name some or --all"), Case(.enable, "name some or --all"),
        Case(.disable, "name some or --all"), Case(.promote, "--all, or --waves"), Case(.rollback, "or --revision"),
        Case(.drain, "both") {
            $0.accounts = ["a"]
            $0.isForAll = true
        },
        Case(.apply, nil), Case(.apply, nil) { $0.file = "/etc/a.yaml" },
        Case(.apply, "absolute") { $0.file = "a.yaml" }, Case(.apply, "whole file") { $0.isForAll = true },
        Case(.apply, "whole file") { $0.accounts = ["a"] },
        Case(.drain, "belongs to apply") {
            $0.isForAll = true
            $0.file = "/a"
        },
        Case(.rollback, nil) { $0.revision = 3 }, Case(.rollback, "from 1 on") { $0.revision = 0 },
        Case(.rollback, "whole file") {
            $0.revision = 3
            $0.accounts = ["a"]
        },
        Case(.rollback, "whole file") {
            $0.revision = 3
            $0.isForAll = true
        },
        Case(.rollback, "exclude each other") {
            $0.revision = 3
            $0.mode = .rest
        },
        Case(.rollback, nil) {
            $0.accounts = ["a"]
            $0.mode = .canary
        },
        Case(.rollback, "goes down") {
            $0.accounts = ["a"]
            $0.mode = .hybrid
        },
        Case(.promote, "--to belongs") {
            $0.accounts = ["a"]
            $0.mode = .canary
        },
        Case(.promote, "--revision belongs") {
            $0.accounts = ["a"]
            $0.revision = 1
        },
        Case(.promote, nil) {
            $0.accounts = ["a"]
            $0.isForced = true
        },
        Case(.promote, nil) { $0.isInWaves = true },
        Case(.promote, nil) {
            $0.isInWaves = true
            $0.isForAll = true
        },
        Case(.promote, "whole fleet") {
            $0.isInWaves = true
            $0.accounts = ["a"]
        },
        Case(.rollback, "--force belongs") {
            $0.accounts = ["a"]
            $0.isForced = true
        },
        Case(.rollback, "--waves belongs") {
            $0.accounts = ["a"]
            $0.isInWaves = true
        },
        Case(.drain, "line break") {
            $0.isForAll = true
            $0.reason = "a\nb"
        },
        Case(.drain, "longer than 1000") {
            $0.isForAll = true
            $0.reason = String(repeating: "x", count: 1001)
        },
        Case(.drain, nil) {
            $0.isForAll = true
            $0.timeoutMilliseconds = 0
        },
        Case(.drain, "24h") {
            $0.isForAll = true
            $0.timeoutMilliseconds = 86_400_001
        },
        Case(.drain, "24h") {
            $0.isForAll = true
            $0.timeoutMilliseconds = -1
        },
    ])
    func whatMakesNoSenseIsNamed(example: Case) {
        guard let words = example.problem else {
            #expect(example.request.problem == nil)
            return
        }
        #expect(example.request.problem?.contains(words) == true, "\(example.request.problem ?? "no problem")")
    }

    @Test func survivesTheWire() throws {
        var request = ChangeRequest(.rollback)
        request.accounts = ["a", "ü\""]
        request.mode = .canary
        request.revision = 7
        request.isInWaves = true
        request.isForced = true
        request.reason = "why"
        request.file = "/x"
        request.timeoutMilliseconds = 5
        let bytes = try JSONEncoder().encode(request)
        #expect(try JSONDecoder().decode(ChangeRequest.self, from: bytes) == request)
        let keys = try #require(try JSONSerialization.jsonObject(with: bytes) as? [String: Any]).keys.sorted()
        #expect(
            keys == [
                "accounts", "all", "command", "file", "force", "mode", "reason", "revision", "timeout_ms", "waves",
            ]
        )
    }

    @Test func aReportForPrograms() {
        let report = ChangeReport(accounts: [
            ChangeReport.Account(
                name: "a",
                outcome: .timedOut,
                from: "hybrid",
                to: "draining",
                blockers: ["set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet"]
            ),
            ChangeReport.Account(
                name: "b",
                outcome: .refused,
                from: "canary",
                to: "canary",
                revision: 4,
                text: "no",
                gates: [Gate(name: "soak", verdict: .open, value: "1m", limit: "10m")]
            ),
        ])
        #expect(
            String(buffer: report.json()) == """
                {"schema_version":1,"accounts":[\
                {"name":"a","outcome":"timed_out","from":"hybrid","to":"draining","revision":null,"text":"","gates":[],\
                "blockers":["set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet"]},\
                {"name":"b","outcome":"refused","from":"canary","to":"canary","revision":4,"text":"no",\
                "gates":[{"name":"soak","verdict":"open","value":"1m","limit":"10m"}],"blockers":[]}],\
                "revision":null,"text":""}
                """
        )
    }
}

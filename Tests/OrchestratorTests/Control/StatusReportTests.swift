import Foundation
import NIOCore
import Testing

@testable import Orchestrator

@Suite struct StatusReportTests {
    @Test func writesTheContractsExampleByteForByte() {
        var report = StatusSamples.report(
            accounts: [StatusSamples.account("sub-001", positions: [StatusSamples.position()])]
        )
        report.tickers = StatusSamples.tickers(receiving: 41, quarantined: ["XYZUSDT"])
        report.rollUp(wholeFleet: true)
        let expected = StatusSamples.contract.filter { !$0.isWhitespace }
        #expect(String(buffer: report.json()) == expected)
    }

    @Test func readsWhatItWrites() throws {
        var report = StatusSamples.report(accounts: [
            StatusSamples.account(
                "sub-002",
                state: .failed,
                health: .critical,
                lastError: "refused: \"key\" \\ expired\nline\u{1}"
            ),
            StatusSamples.account("sub-001", positions: [StatusSamples.position(unprotected: false)]),
        ])
        report.accounts[1].positions[0].trailing = .init(state: "active", peak: "61000", stop: "60695")
        report.accounts[1].positions[0].aged = .init(phase: "young", age: 12_000)
        report.accounts[1].positions[0].markAge = nil
        report.accounts[1].override = "mode=rest"
        report.accounts[0].positionCounts = .init(open: 3, stale: 1, unprotected: 0)
        let decoded = try JSONDecoder().decode(StatusReport.self, from: Data(report.json().readableBytesView))
        #expect(decoded == report)
    }

    @Test func addedKeysStandAfterTheContractsOwn() {
        var position = StatusSamples.position(unprotected: true)
        position.trailing = .init(state: "armed", peak: "1", stop: "2")
        position.aged = .init(phase: "old", age: 5)
        let report = StatusSamples.report(accounts: [StatusSamples.account("a", positions: [position])])
        #expect(
            String(buffer: report.json()).contains(
                #""stop_loss":"58000","unprotected":true,"trailing":{"state":"armed","peak":"1","stop":"2"},"aged":{"phase":"old","age_ms":5}}"#
            )
        )
    }

    @Test func rolloutAndDrainStandAtTheEndAndOnlyWhereTheyAre() throws {
        var account = StatusSamples.account("a", state: .draining)
        #expect(!String(buffer: StatusSamples.report(accounts: [account]).json()).contains("rollout"))
        account.rollout = StatusReport.Rollout(
            mode: .cutover,
            step: 50,
            since: Timestamp(milliseconds: 1_767_323_045_678),
            gates: [
                Gate(name: "soak", verdict: .open, value: "12m 4s", limit: "4h"),
                Gate(name: "max_divergence_percent", verdict: .holds, value: "0.01 %", limit: "1 %"),
            ]
        )
        account.drain = StatusReport.Drain(blockers: ["1 action \"in flight\""])
        let bytes = StatusSamples.report(accounts: [account]).json()
        #expect(
            String(buffer: bytes).hasSuffix(
                #""last_error":null,"rollout":{"mode":"cutover","step":50,"since":"2026-01-02T03:04:05.678Z","#
                    + #""verdict":"open","gates":[{"name":"soak","verdict":"open","value":"12m 4s","limit":"4h"},"#
                    + #"{"name":"max_divergence_percent","verdict":"holds","value":"0.01 %","limit":"1 %"}]},"#
                    + #""drain":{"blockers":["1 action \"in flight\""]}}]}"#
            )
        )
        let decoded = try JSONDecoder().decode(StatusReport.self, from: Data(bytes.readableBytesView))
        #expect(decoded.accounts == [account])
        account.rollout?.mode = .canary
        account.rollout?.step = nil
        #expect(
            String(buffer: StatusSamples.report(accounts: [account]).json()).contains(#""mode":"canary","step":null,"#)
        )
    }

    @Test func unknownIsNull() {
        var account = StatusSamples.account("a")
        account.events = StatusReport.Events()
        account.privateSession.lastFrameAge = nil
        let text = String(buffer: StatusSamples.report(accounts: [account]).json())
        #expect(
            text.contains(
                #""events":{"emitted":0,"per_second":0.0,"conflated":0,"last_age_ms":null,"latency_p50_us":null,"latency_p99_us":null}"#
            )
        )
        #expect(text.contains(#""private":{"state":"live","connects":1,"last_frame_age_ms":null}"#))
    }

    @Test func appendsToABuffer() {
        var buffer = ByteBuffer(string: "> ")
        StatusSamples.report(accounts: []).write(into: &buffer)
        let text = String(buffer: buffer)
        #expect(text.hasPrefix(#"> {"schema_version":1,"#))
        #expect(text.hasSuffix(#""accounts":[]}"#))
    }

    @Test func twoThousandAccountsAreAllThere() throws {
        let positions = (0..<10).map { StatusSamples.position("SYM\($0)USDT") }
        let report = StatusSamples.report(
            accounts: (0..<2000).map { StatusSamples.account("sub-\($0)", positions: positions) }
        )
        let bytes = report.json()
        let object = try JSONSerialization.jsonObject(with: Data(bytes.readableBytesView))
        let accounts = try #require((object as? [String: Any])?["accounts"] as? [[String: Any]])
        #expect(accounts.count == 2000)
        #expect(accounts.allSatisfy { ($0["positions"] as? [Any])?.count == 10 })
        #expect(accounts.last?["name"] as? String == "sub-1999")
    }

    @Test(arguments: [
        (9.75, "9.8"), (0, "0.0"), (10, "10.0"), (0.04, "0.0"), (-1.26, "-1.3"), (.nan, "0.0"), (.infinity, "0.0"),
        (123_456.0, "123456.0"),
    ])
    func writesTenths(value: Double, text: String) {
        #expect(String(buffer: ReportWriter().tenths(value).buffer) == text)
    }
}

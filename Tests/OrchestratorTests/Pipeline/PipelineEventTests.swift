import Foundation
import Testing

@testable import Orchestrator

@Suite struct PipelineEventTests {
    private func line(_ event: PipelineEvent) -> String {
        Fixtures.split(event.bytes(account: "sub-001", n: 7, emittedTime: 1_790_134_712_401)).joined(separator: "|")
    }

    @Test func writesTheStateOfAnAccount() {
        #expect(
            self.line(.accountState(old: "starting", new: "live", reason: "all \"positions\" known"))
                == #"{"v":1,"event":"account.state","account":"sub-001","n":7,"old":"starting","new":"live","#
                + #""reason":"all \"positions\" known","emitted_ts":1790134712401}"#
        )
    }

    @Test func writesAnAlert() {
        let alert = PipelineEvent.Alert(
            code: "unprotected",
            severity: .critical,
            state: .opened,
            symbol: "BTCUSDT",
            text: "no stop"
        )
        #expect(
            self.line(.alert(alert))
                == #"{"v":1,"event":"alert","account":"sub-001","n":7,"code":"unprotected","severity":"critical","#
                + #""state":"opened","symbol":"BTCUSDT","text":"no stop","emitted_ts":1790134712401}"#
        )
    }

    @Test func writesAnAction() {
        var action = PipelineEvent.Action(
            consumer: "trailing_stop",
            action: "set_stop",
            symbol: "BTCUSDT",
            positionIndex: 1,
            orderLinkID: "x-1",
            parameters: [.init("stop_loss", "59000.5"), .init("trigger_by", "MarkPrice")],
            dryRun: true,
            outcome: .journalled
        )
        let start =
            #"{"v":1,"event":"action","account":"sub-001","n":7,"consumer":"trailing_stop","action":"set_stop","#
            + #""symbol":"BTCUSDT","position_idx":1,"order_link_id":"x-1","params":"#
        #expect(
            self.line(.action(action)) == start
                + #"{"stop_loss":"59000.5","trigger_by":"MarkPrice"},"dry_run":true,"outcome":"journalled","#
                + #""ret_code":null,"text":"","emitted_ts":1790134712401}"#
        )
        action.parameters = []
        action.dryRun = false
        action.outcome = .rejected
        action.returnCode = 34_040
        action.text = "not modified"
        #expect(
            self.line(.action(action)) == start
                + #"{},"dry_run":false,"outcome":"rejected","ret_code":34040,"text":"not modified","#
                + #""emitted_ts":1790134712401}"#
        )
    }

    @Test func writesAStepOfARollout() {
        let rollout = PipelineEvent.Rollout(
            mode: "parallel",
            oldMode: "canary",
            cause: "gate",
            gate: "latency",
            verdict: "pass",
            text: "ok"
        )
        #expect(
            self.line(.rollout(rollout))
                == #"{"v":1,"event":"rollout","account":"sub-001","n":7,"mode":"parallel","old_mode":"canary","#
                + #""cause":"gate","gate":"latency","verdict":"pass","text":"ok","emitted_ts":1790134712401}"#
        )
    }

    @Test func longTextsOfControlCharactersFit() throws {
        let text = String(repeating: "\u{1}\"é", count: 10_000)
        let line = self.line(.accountState(old: text, new: text, reason: text))
        let parsed = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(parsed["reason"] as? String == text)
    }
}

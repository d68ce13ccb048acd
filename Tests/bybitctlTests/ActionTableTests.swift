import HybridStream
import Orchestrator
import Testing

@testable import bybitctl

@Suite struct ActionTableTests {
    private let plain = Terminal(isInteractive: false, environment: [:])

    private func action(
        _ id: String,
        account: String = "sub-001",
        consumer: String = "trailing_stop",
        action: String = "set_stop",
        index: Int = 0,
        parameters: [PipelineEvent.Action.Parameter] = [
            .init("stop_loss", "59000.10"), .init("trigger_by", "MarkPrice"),
        ],
        isDryRun: Bool = false,
        outcome: PipelineEvent.Action.Outcome = .done,
        code: Int? = 0,
        text: String = ""
    ) throws -> ActionRecord {
        ActionRecord(
            account: account,
            orderLinkID: id,
            consumer: consumer,
            action: action,
            opening: Opening(
                key: PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: index),
                side: .buy,
                openTime: 0,
                firstSeen: 0
            ),
            size: try #require(FixedPoint("0.5")),
            parameters: parameters,
            isDryRun: isDryRun,
            attempt: 1,
            outcome: outcome,
            returnCode: code,
            text: text,
            createdTime: 1_767_323_045_678,
            updatedTime: 1_767_323_046_000
        )
    }

    @Test func aJournal() throws {
        let report = ActionsReport(actions: [
            try self.action("bt-3k7q0mzv5cxn8d2f-1"),
            try self.action(
                "ba-9k7q0mzv5cxn8d2f-12",
                account: "a-long-name-that-is-not-cut-anywhere.at-all",
                consumer: "aged_monitor",
                action: "close_position",
                index: 2,
                parameters: [.init("type", "market"), .init("side", "Sell"), .init("qty", "0.5")],
                outcome: .rejected,
                code: 110_007,
                text: "not enough\nbalance"
            ),
            try self.action("bp-1", parameters: [], isDryRun: true, outcome: .journalled, code: nil),
        ])
        #expect(
            ActionTable(report: report, terminal: self.plain).text() == """
                TIME                      ACCOUNT                                      SYMBOL   IDX  CONSUMER       ACTION          PARAMETERS                               DRY RUN  OUTCOME       CODE  ORDER LINK ID           TEXT
                2026-01-02T03:04:05.678Z  sub-001                                      BTCUSDT    0  trailing_stop  set_stop        stop_loss=59000.10 trigger_by=MarkPrice  no       done             0  bt-3k7q0mzv5cxn8d2f-1
                2026-01-02T03:04:05.678Z  a-long-name-that-is-not-cut-anywhere.at-all  BTCUSDT    2  aged_monitor   close_position  type=market side=Sell qty=0.5            no       rejected    110007  ba-9k7q0mzv5cxn8d2f-12  not enough\\nbalance
                2026-01-02T03:04:05.678Z  sub-001                                      BTCUSDT    0  trailing_stop  set_stop                                                 yes      journalled       -  bp-1

                """
        )
    }

    @Test func nothingForNoActions() {
        #expect(ActionTable(report: ActionsReport(actions: []), terminal: self.plain).text() == "")
    }

    @Test(
        arguments: [(.done, "32"), (.rejected, "1;31"), (.unknown, "33")] as [(PipelineEvent.Action.Outcome, String)]
    )
    func coloursSayHowItEnded(outcome: PipelineEvent.Action.Outcome, code: String) throws {
        let report = ActionsReport(actions: [try self.action("1", outcome: outcome)])
        let text = ActionTable(report: report, terminal: Terminal(isInteractive: true, environment: [:])).text()
        #expect(text.contains("\u{1B}[\(code)m\(outcome.rawValue)\u{1B}[0m"))
    }
}

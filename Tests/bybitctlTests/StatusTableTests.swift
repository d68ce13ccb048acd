import Orchestrator
import Testing

@testable import bybitctl

@Suite struct StatusTableTests {
    private let plain = Terminal(isInteractive: false, environment: [:])

    private func table(_ report: StatusReport) -> StatusTable {
        StatusTable(report: report, terminal: self.plain, now: Samples.now)
    }

    @Test func aFleet() {
        let report = Samples.report([
            Samples.account("sub-001", positions: [Samples.position("BTCUSDT"), Samples.position("ETHUSDT")]),
            Samples.account("sub-002", enabled: false, state: .disabled),
            Samples.account(
                "a-long-name-that-is-not-cut-anywhere.at-all",
                state: .fallback,
                health: .degraded,
                mode: "rest",
                positions: [Samples.position("BTCUSDT", stale: true)]
            ),
        ])
        #expect(
            self.table(report).text(isWide: false) == """
                default: degraded, pid 4242, up 3h12m, revision 7
                tickers live, 2 of 2 symbols receiving, last frame 12ms ago
                connections 12/400, REST 3/100

                NAME                                         STATE     HEALTH    MODE                 DRIVER  ORDERS     POSITIONS  EVENTS/S  LAST EVENT
                a-long-name-that-is-not-cut-anywhere.at-all  fallback  degraded  rest (file: hybrid)  rest    dry run  1 (1 stale)       9.8        85ms
                sub-001                                      live      healthy   hybrid               hybrid  dry run            2       9.8        85ms
                sub-002                                      disabled  -         hybrid               -       -                  -         -           -

                """
        )
    }

    @Test func wideSaysWhy() {
        let report = Samples.report([
            Samples.account("sub-001", state: .failed, health: .critical, lastError: "10003: key\nexpired")
        ])
        let lines = self.table(report).text(isWide: true).split(separator: "\n")
        #expect(lines[3].hasSuffix("RECONNECTS/H  ERRORS/H  LAST ERROR"))
        #expect(lines[4].hasSuffix("60us  310us             0         0  10003: key expired"))
        #expect(lines.count == 5)
    }

    @Test func positions() {
        let report = Samples.report([
            Samples.account(
                "sub-001",
                positions: [Samples.position("BTCUSDT"), Samples.position("SOLUSDT", stale: true)]
            )
        ])
        #expect(
            self.table(report).positions() == """
                ACCOUNT  SYMBOL   IDX  SIDE  SIZE  ENTRY     MARK  MARK AGE   PNL  STOP  NOTE
                sub-001  BTCUSDT    0  Buy    0.5  60000  60123.4      85ms  61.7     -
                sub-001  SOLUSDT    0  Buy    0.5  60000  60123.4      85ms  61.7     -  stale

                """
        )
        #expect(self.table(Samples.report([Samples.account("a")])).positions() == "")
    }

    @Test func refusedSymbolsAreNamed() {
        var report = Samples.report([Samples.account("sub-001")])
        report.tickers.quarantined = ["XYZUSDT", "ABCUSDT"]
        report.tickers.receiving = 1
        #expect(
            self.table(report).text(isWide: false).contains(
                "1 of 2 symbols receiving, last frame 12ms ago, refused: XYZUSDT ABCUSDT\n"
            )
        )
    }
}

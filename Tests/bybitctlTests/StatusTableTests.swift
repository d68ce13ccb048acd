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

    @Test func aRollout() {
        func account(_ name: String, mode: String, step: Int? = nil, override: String?, _ gates: [Gate])
            -> StatusReport.Account
        {
            var account = Samples.account(name, mode: mode)
            account.override = override
            account.rollout = StatusReport.Rollout(
                mode: Mode(rawValue: mode) ?? .rest,
                step: step,
                since: Samples.now,
                gates: gates
            )
            return account
        }
        let soak = Gate(name: "soak", verdict: .open, value: "4m", limit: "10m")
        let age = Gate(name: "max_update_age", verdict: .broken, value: "12s", limit: "10s")
        let good = Gate(name: "max_failed_connects", verdict: .holds, value: "0", limit: "0")
        var off = Samples.account("d", enabled: false, state: .disabled)
        off.override = "disabled"
        var drained = Samples.account("e", state: .drained)
        drained.override = "drained"
        let report = Samples.report([
            account("a", mode: "cutover", step: 50, override: "mode: cutover 50", [soak, good]),
            account("b", mode: "canary", override: "mode: canary", [soak, age]),
            account("c", mode: "hybrid", override: nil, [good]),
            off, drained,
        ])
        let lines = self.table(report).text(isWide: true).split(separator: "\n").dropFirst(3)
            .map { $0.split(separator: "  ", omittingEmptySubsequences: true).map { $0.trimmingPrefix(" ") } }
        #expect(lines[0][9] == "GATES" && lines[0][10] == "OVERRIDE")
        #expect(lines[1][3] == "cutover 50 (file: hybrid)" && lines[1][9] == "open: soak")
        #expect(lines[1][10] == "mode: cutover 50")
        #expect(lines[2][3] == "canary (file: hybrid)" && lines[2][9] == "broken: max_update_age")
        #expect(lines[3][3] == "hybrid" && lines[3][9] == "holds" && lines[3][10] == "-")
        #expect(lines[4][0] == "e" && lines[4][2] == "-" && lines[4][3] == "hybrid (override)")
        #expect(lines[5][0] == "d" && lines[5][3] == "hybrid (override)")
        #expect(
            self.table(report).gates() == """
                ACCOUNT  GATE                 VERDICT  VALUE  LIMIT
                a        soak                 open     4m     10m
                a        max_failed_connects  holds    0      0
                b        soak                 open     4m     10m
                b        max_update_age       broken   12s    10s
                c        max_failed_connects  holds    0      0

                """
        )
    }

    @Test func whatADrainWaitsFor() {
        var account = Samples.account("a", state: .draining, health: .degraded)
        #expect(self.table(Samples.report([account])).drains() == "")
        account.drain = StatusReport.Drain(blockers: [
            "set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet", "an\nevent",
        ])
        #expect(
            self.table(Samples.report([account])).drains()
                == "a is draining, and waits for:\n  set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet\n  an event\n"
        )
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

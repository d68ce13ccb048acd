import Orchestrator
import Testing

@testable import bybitctl

@Suite struct NagiosLineTests {
    @Test func healthy() {
        let report = Samples.report([
            Samples.account("sub-001", positions: [Samples.position("BTCUSDT")]), Samples.account("sub-002"),
            Samples.account("off", enabled: false, state: .disabled),
        ])
        #expect(
            NagiosLine.text(report) == """
                BYBITCTL OK - 2 of 2 accounts healthy | healthy=2;;;0;2 degraded=0;;;0;2 critical=0;;;0;2 \
                uncounted=1;;;0 positions=1;;;0 stale=0;;;0;1 events_per_second=29.4;;;0 symbols=2;;;0 \
                receiving=2;;;0;2 connections=12;;;0;400

                """
        )
    }

    @Test func theWorstAreNamed() {
        let bad = (1...7).map { Samples.account("sub-00\($0)", state: .fallback, health: .degraded) }
        let report = Samples.report(bad + [Samples.account("gone", state: .failed, health: .critical)])
        #expect(
            NagiosLine.text(report).hasPrefix(
                "BYBITCTL CRITICAL - 0 of 8 accounts healthy; gone failed, sub-001 fallback, sub-002 fallback, "
                    + "sub-003 fallback, sub-004 fallback and 3 more | "
            )
        )
    }

    @Test func tickersAlone() {
        var report = Samples.report([Samples.account("sub-001")])
        report.tickers.receiving = 1
        report.rollUp(wholeFleet: true)
        #expect(
            NagiosLine.text(report).hasPrefix(
                "BYBITCTL WARNING - 1 of 1 accounts healthy; tickers 1 of 2 receiving | "
            )
        )
    }

    @Test func noReport() {
        #expect(
            NagiosLine.text(CommandError(.notRunning, "instance 'a|b' is not running\nreally"))
                == "BYBITCTL CRITICAL - instance 'a/b' is not running\n"
        )
        #expect(NagiosLine.text(CommandError(.unknown, "no answer")) == "BYBITCTL UNKNOWN - no answer\n")
    }
}

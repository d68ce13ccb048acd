import Orchestrator
import Testing

@testable import bybitctl

@Suite struct ChangeRenderingTests {
    private typealias Account = ChangeReport.Account

    private let gates = [
        Gate(name: "soak", verdict: .open, value: "4m 3s", limit: "10m"),
        Gate(name: "max_failed_connects", verdict: .holds, value: "0", limit: "0"),
        Gate(name: "max_update_age", verdict: .broken, value: "12.5s", limit: "10s"),
    ]

    private func words(
        _ command: ChangeRequest.Command,
        _ accounts: [ChangeReport.Account],
        text: String = "",
        isForced: Bool = false,
        waits: Bool = true
    ) -> String {
        var request = ChangeRequest(command)
        request.isForced = isForced
        return ChangeWords(
            request: request,
            report: ChangeReport(accounts: accounts, text: text),
            waits: waits,
            terminal: Terminal(isInteractive: false, environment: [:])
        ).text()
    }

    @Test(
        arguments: [
            (
                Account(name: "a", outcome: .done, from: "canary", to: "parallel", revision: 12),
                "a: canary -> parallel (revision 12)"
            ),
            (Account(name: "a", outcome: .done, from: "rest", to: "canary"), "a: rest -> canary"),
            (Account(name: "a", outcome: .unchanged, from: "hybrid", to: "hybrid"), "a: unchanged, already hybrid"),
            (Account(name: "a", outcome: .refused, from: "canary", to: "canary"), "a: refused, stays canary"),
            (
                Account(name: "a", outcome: .refused, from: "rest", to: "rest", text: "it is drained"),
                "a: refused: it is drained"
            ),
            (
                Account(name: "a", outcome: .failed, from: "rest", to: "rest", text: "x\ny"),
                "a: failed, still rest: x\\ny"
            ),
            (
                Account(name: "a", outcome: .timedOut, from: "hybrid", to: "draining"),
                "a: still under way, now draining"
            ),
        ] as [(ChangeReport.Account, String)]
    )
    func aLinePerAccount(account: ChangeReport.Account, line: String) {
        #expect(ChangeLog.line(account) == line)
    }

    @Test func gatesThatDoNotHold() {
        let refused = Account(name: "sub-001", outcome: .refused, from: "canary", to: "canary", gates: self.gates)
        #expect(
            self.words(.promote, [refused]) == """
                sub-001 stays canary: these gates do not hold
                  GATE            VERDICT  VALUE  LIMIT
                  soak            open     4m 3s  10m
                  max_update_age  broken   12.5s  10s
                bybitctl: promote again when the gates hold (`bybitctl status sub-001` shows them), or go past them with --force

                """
        )
    }

    @Test func forcedPastGatesIsAWarning() {
        let done = Account(name: "sub-001", outcome: .done, from: "canary", to: "parallel", gates: self.gates)
        #expect(
            self.words(.promote, [done], isForced: true) == """
                warning: sub-001 was promoted though these gates do not hold
                  GATE            VERDICT  VALUE  LIMIT
                  soak            open     4m 3s  10m
                  max_update_age  broken   12.5s  10s

                """
        )
        #expect(self.words(.promote, [done]) == "")
    }

    @Test func whatADrainWaitsFor() {
        let late = Account(
            name: "sub-001",
            outcome: .timedOut,
            from: "hybrid",
            to: "draining",
            blockers: [
                "set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet",
                "17 events for the file events/sub-001.jsonl",
            ]
        )
        #expect(
            self.words(.drain, [late]) == """
                sub-001 waits for:
                  set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet
                  17 events for the file events/sub-001.jsonl
                bybitctl: not done in time; the drain goes on. `bybitctl status sub-001 --for drained` waits for its end

                """
        )
        #expect(self.words(.drain, [late], waits: false) == "")
        #expect(self.words(.promote, [late]).contains("it goes on without this command"))
    }

    @Test func hintsNameTheFirstFew() {
        let failed = (1...5).map { Account(name: "sub-00\($0)", outcome: .failed, from: "rest", to: "rest") }
        #expect(
            self.words(.apply, failed, text: "applied as revision 9") == """
                bybitctl: applied as revision 9
                bybitctl: `bybitctl status sub-001 sub-002 sub-003 … --output wide` shows where it is and the last error

                """
        )
        #expect(self.words(.apply, []) == "bybitctl: there was nothing to do\n")
    }

    @Test(
        arguments: [
            ([], true, 0), ([.done, .unchanged], true, 0), ([.done, .refused], true, 1), ([.failed], true, 1),
            ([.refused, .timedOut], true, 124), ([.timedOut, .done], false, 0), ([.timedOut, .failed], false, 1),
        ] as [([ChangeReport.Outcome], Bool, Int32)]
    )
    func exitCodes(outcomes: [ChangeReport.Outcome], waits: Bool, code: Int32) {
        let report = ChangeReport(accounts: outcomes.map { Account(name: "a", outcome: $0, from: "x", to: "y") })
        #expect(ChangeRun.status(report, waits: waits).rawValue == code)
    }
}

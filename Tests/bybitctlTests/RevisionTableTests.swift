import Orchestrator
import Testing

@testable import bybitctl

@Suite struct RevisionTableTests {
    private let plain = Terminal(isInteractive: false, environment: [:])

    private let report = RevisionsReport([
        Revision(
            number: 9,
            time: 1_767_323_045_678,
            kind: .apply,
            caller: Caller(user: "alice", uid: 1000),
            reason: "",
            accounts: ["sub-001", "sub-002", "sub-003", "sub-004"],
            diff: (1...4).map { "sub-00\($0): mode: rest -> canary" },
            file: "/etc/bybitctl/accounts.yaml"
        ),
        Revision(
            number: 10,
            time: 1_767_323_046_000,
            kind: .promote,
            caller: Caller(user: "alice", uid: 1000),
            reason: "looks\ngood",
            accounts: ["a-long-name-that-is-not-cut-anywhere.at-all"],
            diff: ["a-long-name-that-is-not-cut-anywhere.at-all: mode: canary -> parallel"],
            file: nil
        ),
        Revision(
            number: 11,
            time: 1_767_323_047_000,
            kind: .automaticRollback,
            caller: .daemon,
            reason: "both sockets down for 5m",
            accounts: ["sub-001", "sub-002"],
            diff: ["sub-001: mode: canary -> rest", "sub-002: mode: canary -> rest"],
            file: nil
        ),
    ])

    @Test func aTable() {
        #expect(
            RevisionTable(report: self.report, terminal: self.plain).text() == """
                NUMBER  TIME                      WHO       KIND           ACCOUNTS                                     CHANGE                                                        REASON
                     9  2026-01-02T03:04:05.678Z  alice     apply          4 accounts                                   4 changes
                    10  2026-01-02T03:04:06.000Z  alice     promote        a-long-name-that-is-not-cut-anywhere.at-all  mode: canary -> parallel                                      looks\\ngood
                    11  2026-01-02T03:04:07.000Z  bybitctl  auto-rollback  sub-001 sub-002                              sub-001: mode: canary -> rest; sub-002: mode: canary -> rest  both sockets down for 5m

                """
        )
        #expect(RevisionTable(report: RevisionsReport([]), terminal: self.plain).text() == "")
    }

    @Test func oneInFull() {
        let details = RevisionTable(report: RevisionsReport([self.report.revisions[0]]), terminal: self.plain).details()
        #expect(
            details == """
                revision 9, apply
                time      2026-01-02T03:04:05.678Z
                who       alice (uid 1000)
                file      /etc/bybitctl/accounts.yaml
                accounts  sub-001 sub-002 sub-003 sub-004
                changes
                  sub-001: mode: rest -> canary
                  sub-002: mode: rest -> canary
                  sub-003: mode: rest -> canary
                  sub-004: mode: rest -> canary

                """
        )
        let own = RevisionTable(report: RevisionsReport([self.report.revisions[2]]), terminal: self.plain).details()
        #expect(own.contains("who       bybitctl, by itself\nreason    both sockets down for 5m\n"))
    }
}

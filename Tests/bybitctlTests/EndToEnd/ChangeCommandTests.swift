import Foundation
import NIOCore
import Orchestrator
import Testing

extension EndToEnd {
    /// What scripts see of the commands that change something: output, errors and exit codes.
    @Suite struct ChangeCommands {}
}

extension EndToEnd.ChangeCommands {
    private static let refused = ChangeReport.Account(
        name: "sub-002",
        outcome: .refused,
        from: "canary",
        to: "canary",
        text: "1 gate does not hold",
        gates: [
            Gate(name: "soak", verdict: .open, value: "4m", limit: "10m"),
            Gate(name: "max_failed_connects", verdict: .holds, value: "0", limit: "0"),
        ]
    )
    private static let done = ChangeReport.Account(
        name: "sub-001",
        outcome: .done,
        from: "canary",
        to: "parallel",
        revision: 12
    )
    private static let late = ChangeReport.Account(
        name: "sub-001",
        outcome: .timedOut,
        from: "hybrid",
        to: "draining",
        blockers: ["set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet"]
    )

    /// Runs the program against an instance that answers as told.
    private func ask(
        _ instance: CannedInstance,
        _ body: (Workplace, [String]) async throws -> Void
    ) async throws {
        try await Workplace.with { place in
            let folder = place.file("s").path
            try await instance.serve(in: folder) { try await body(place, ["--state-dir", folder]) }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func dataGoesToOutputAndWordsToErrors() async throws {
        let instance = CannedInstance(change: .success(ChangeReport(accounts: [Self.done, Self.refused])))
        try await self.ask(instance) { place, at in
            let answer = try await place.run(["promote", "--all", "--reason", "looks good"] + at)
            #expect(answer.code == 1)
            #expect(
                answer.output
                    == "sub-001: canary -> parallel (revision 12)\nsub-002: refused: 1 gate does not hold\n"
            )
            #expect(
                answer.errors == """
                    sub-002 stays canary: these gates do not hold
                      GATE  VERDICT  VALUE  LIMIT
                      soak  open     4m     10m
                    bybitctl: promote again when the gates hold (`bybitctl status sub-002` shows them), or go past them with --force

                    """
            )
            let json = try await place.run(["promote", "sub-001", "--output", "json"] + at)
            #expect(json.code == 1 && json.errors.isEmpty)
            #expect(json.output.hasPrefix(#"{"schema_version":1,"accounts":[{"name":"sub-001","outcome":"done","#))
            #expect(json.output.hasSuffix("}\n"))
            let unknown = try await place.run(["promote", "sub-01"] + at)
            #expect(unknown.code == 64 && unknown.errors.contains("did you mean sub-001"), "\(unknown.errors)")
            #expect(instance.asked.changes.map(\.reason) == ["looks good", ""])
            #expect(instance.asked.changes.map(\.isForAll) == [true, false])
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aDrainThatIsLateSaysWhatItWaitsFor() async throws {
        let instance = CannedInstance(change: .success(ChangeReport(accounts: [Self.late])))
        try await self.ask(instance) { place, at in
            let waiting = try await place.run(["drain", "sub-001", "--timeout", "1s"] + at)
            #expect(waiting.code == 124)
            #expect(waiting.output == "sub-001: still under way, now draining\n")
            #expect(
                waiting.errors.hasPrefix(
                    "sub-001 waits for:\n  set_stop of BTCUSDT (bp-q309dh8rehewrb4y-1) has no answer yet\nbybitctl: not done in time;"
                )
            )
            let begun = try await place.run(["drain", "sub-001", "--no-wait"] + at)
            #expect(begun.code == 0 && begun.output == waiting.output && begun.errors.isEmpty)
            #expect(instance.asked.changes.map(\.timeoutMilliseconds) == [1_000, 0])
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aFailureOfTheWholeHasItsOwnExitCode() async throws {
        let instance = CannedInstance(change: .failure(OrchestratorError(.unknownAccount, "there is no revision 9")))
        try await self.ask(instance) { place, at in
            let answer = try await place.run(["rollback", "--revision", "9"] + at)
            #expect(answer.code == 64 && answer.output.isEmpty)
            #expect(answer.errors == "bybitctl: there is no revision 9\n")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aBrokenFileNeverReachesTheInstance() async throws {
        let instance = CannedInstance()
        try await self.ask(instance) { place, at in
            let path = try place.write("version: 1\nacounts: []\n", to: "broken.yaml").path
            let validated = try await place.run(["validate", path])
            for command in ["apply", "plan"] {
                let answer = try await place.run([command, path] + at)
                #expect(answer.code == 78 && answer.output.isEmpty)
                #expect(answer.errors == validated.output, "\(command): \(answer.errors)")
            }
            #expect(instance.asked.changes.isEmpty && instance.asked.plans.isEmpty)
            // Secrets are the instance's: whoever asks it need not have them.
            try place.write(
                """
                version: 1
                exchange: { environment: testnet }
                strategies: { plain: { aged_monitor: { max_age: 3h } } }
                accounts:
                  - { name: a, enabled: true, strategy: plain, credentials: { api_key: "${NO_KEY}", api_secret: "${NO_SECRET}" } }

                """,
                to: "good.yaml"
            )
            #expect(try await place.run(["validate", "good.yaml"]).code == 78)
            let applied = try await place.run(["apply", "good.yaml"] + at)
            #expect(applied.code == 0 && applied.errors == "bybitctl: there was nothing to do\n", "\(applied.errors)")
            #expect(try await place.run(["apply"] + at).code == 0)
            #expect(instance.asked.changes.map(\.file) == [place.file("good.yaml").path, nil])
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [false, true])
    func aPlanEndsWithWhetherThereAreDifferences(hasDifferences: Bool) async throws {
        let empty = Configuration(runtime: RuntimeConfiguration(stateDirectory: "/tmp/state"))
        var old = empty
        old.accounts = [
            AccountConfiguration(
                name: "sub-001",
                isEnabled: true,
                mode: .rest,
                strategyName: nil,
                strategy: Strategy(),
                isDryRun: true,
                credentials: nil
            )
        ]
        let plan = try PlanDocument(FleetPlan(.apply, of: empty, over: old))
        let json = String(buffer: plan.json)
        let instance = CannedInstance(plan: PlanDocument(json: plan.json, hasDifferences: hasDifferences))
        try await self.ask(instance) { place, at in
            let text = try await place.run(["plan"] + at)
            #expect(text.code == (hasDifferences ? 1 : 0))
            #expect(text.output.contains("sub-001  drain   rest  -   -         gone from the file\n"), "\(text.output)")
            #expect(text.errors.hasPrefix("bybitctl: warning: no account would run"), "\(text.errors)")
            let raw = try await place.run(["plan", "--output", "json"] + at)
            #expect(raw.code == text.code && raw.output == json + "\n")
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func whatWasChangedIsListed() async throws {
        let revision = Revision(
            number: 3,
            time: 1_767_323_045_678,
            kind: .promote,
            caller: Caller(user: "alice", uid: 1000),
            reason: "looks good",
            accounts: ["sub-001"],
            diff: ["sub-001: mode: rest -> canary"],
            file: nil
        )
        let instance = CannedInstance(history: [revision])
        try await self.ask(instance) { place, at in
            let table = try await place.run(["history", "sub-001", "-n", "5"] + at)
            #expect(table.code == 0)
            #expect(
                table.output.hasSuffix(
                    "     3  2026-01-02T03:04:05.678Z  alice  promote  sub-001   mode: rest -> canary  looks good\n"
                ),
                "\(table.output)"
            )
            let json = try await place.run(["history", "--output", "json"] + at)
            #expect(json.output == String(buffer: RevisionsReport([revision]).json()) + "\n")
            let one = try await place.run(["history", "--revision", "3"] + at)
            #expect(one.code == 0 && one.output.hasPrefix("revision 3, promote\n"))
            let none = try await place.run(["history", "--revision", "4"] + at)
            #expect(none.code == 64 && none.errors.contains("there is no revision 4"))
            #expect(instance.asked.revisions.first == RevisionsRequest(accounts: ["sub-001"], limit: 5))
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func nobodyRuns() async throws {
        try await Workplace.with { place in
            let at = ["--state-dir", place.file("nothing").path]
            for command in [["promote", "--all"], ["drain", "a"], ["apply"], ["plan"], ["history"]] {
                let answer = try await place.run(command + at)
                #expect(answer.code == 3 && answer.output.isEmpty, "\(command): \(answer.errors)")
                #expect(answer.errors.contains("is not running"), "\(command): \(answer.errors)")
            }
        }
    }
}

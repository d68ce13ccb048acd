import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct FleetPlanTests {
    private func fleet(_ accounts: String, _ more: String = "") throws -> Configuration {
        try configuration(
            simulatorHeader + more + "defaults: { mode: canary, enabled: true }\naccounts: [\(accounts)]\n"
        )
    }

    private func actions(_ plan: FleetPlan) -> [String] {
        plan.accounts.map { "\($0.name) \($0.action.rawValue) \($0.from ?? "-") \($0.to ?? "-")" }
    }

    @Test func aFirstStartStartsWhatIsEnabled() throws {
        let plan = FleetPlan(
            .start,
            of: try self.fleet("{ name: a }, { name: b, enabled: false }, { name: c, mode: cutover }"),
            over: nil
        )
        #expect(self.actions(plan) == ["a start - canary", "b stays_disabled - disabled", "c start - cutover 50"])
        #expect(plan.hasDifferences && !plan.needsDaemonRestart)
        #expect(plan.count(of: .start) == 2 && plan.count(of: .drain) == 0)
        #expect(plan.warnings.isEmpty)
    }

    @Test func theSameFileDoesNothing() throws {
        let fleet = try self.fleet("{ name: a }, { name: b, enabled: false }")
        let plan = FleetPlan(.apply, of: fleet, over: fleet)
        #expect(self.actions(plan) == ["a none canary canary", "b stays_disabled disabled disabled"])
        #expect(!plan.hasDifferences)
        #expect(plan.connections.attempts == 0 && plan.connections.secondsUntilLive == 0)
        #expect(plan.connections.privateSockets == 1 && plan.connections.publicSockets == 1)
    }

    @Test func eachAccountGetsWhatItNeedsAndNoMore() throws {
        let old = try self.fleet(
            """
            { name: same }, { name: mode }, { name: key, mode: rest }, { name: off }, { name: on, enabled: false },
            { name: gone }, { name: gone-off, enabled: false }, { name: both }
            """
        )
        let new = try self.fleet(
            """
            { name: same }, { name: mode, mode: hybrid }, { name: key, mode: rest, dry_run: false },
            { name: off, enabled: false }, { name: on }, { name: both, mode: rest, dry_run: false }, { name: new, mode: rest }
            """
        )
        let plan = FleetPlan(.apply, of: new, over: old)
        #expect(
            self.actions(plan) == [
                "same none canary canary", "mode switch canary hybrid", "key restart rest rest",
                "off drain canary disabled", "on start disabled canary", "both restart canary rest",
                "new start - rest", "gone drain canary -", "gone-off stays_disabled disabled -",
            ]
        )
        #expect(plan.accounts[1].reasons == ["mode: canary -> hybrid"])
        #expect(plan.accounts[2].reasons == ["dry_run: true -> false"])
        #expect(plan.accounts[6].reasons == ["added (enabled, mode rest, dry run)"])
        #expect(plan.accounts[7].reasons == ["gone from the file"])
        // Only `on` needs a connection: `mode` has one, `both` needs none any more, the tickers have theirs.
        #expect(plan.connections.attempts == 1)
        #expect(plan.connections.privateSockets == 3)
    }

    @Test func overridesHoldEndAndAreShown() throws {
        let old = try self.fleet("{ name: a }, { name: b }, { name: c }")
        let new = try self.fleet("{ name: a, mode: parallel }, { name: b }, { name: c, dry_run: false }")
        let plan = FleetPlan(
            .apply,
            of: new,
            over: old,
            overrides: [
                "a": StoredOverride(AccountOverride(mode: .rest), modeBy: .init(revision: 3, kind: .automaticRollback)),
                "b": StoredOverride(AccountOverride(mode: .hybrid), modeBy: .init(revision: 4, kind: .promote)),
                "c": StoredOverride(AccountOverride(isDrained: true), drainedBy: .init(revision: 5, kind: .drain)),
                "left": StoredOverride(AccountOverride(isEnabled: true)),
            ]
        )
        #expect(
            self.actions(plan) == [
                "a switch rest parallel", "b none hybrid hybrid", "c stays_disabled drained drained",
            ]
        )
        #expect(
            plan.accounts[0].reasons == [
                "mode: canary -> parallel", "override mode rest ends: the file says otherwise now",
            ]
        )
        #expect(
            plan.accounts.map(\.override) == [
                nil, "mode hybrid (revision 4, promote)", "drained (revision 5, drain)",
            ]
        )
        #expect(
            plan.drift == [
                "b: mode canary in the file, hybrid by override (revision 4, promote)",
                "c: not drained in the file, drained by override (revision 5, drain)",
            ]
        )
        #expect(
            plan.endingOverrides.count == 2 && plan.endingOverrides[1].hasPrefix("left: override enabled true ends")
        )
    }

    @Test func driftAloneIsADifference() throws {
        let fleet = try self.fleet("{ name: a }")
        let plan = FleetPlan(
            .apply,
            of: fleet,
            over: fleet,
            overrides: ["a": StoredOverride(AccountOverride(mode: .rest))]
        )
        #expect(plan.hasDifferences && plan.accounts[0].action == .none)
    }

    /// At a start nothing runs, yet what was applied last tells which overrides end.
    @Test func aStartWithAnotherFileEndsOverridesToo() throws {
        let overrides = ["a": StoredOverride(AccountOverride(mode: .rest))]
        let plan = FleetPlan(
            .start,
            of: try self.fleet("{ name: a, mode: hybrid }"),
            over: try self.fleet("{ name: a }, { name: gone }"),
            overrides: overrides
        )
        #expect(self.actions(plan) == ["a start - hybrid"])
        #expect(plan.endingOverrides.count == 1)
        let same = FleetPlan(
            .start,
            of: try self.fleet("{ name: a }"),
            over: try self.fleet("{ name: a }"),
            overrides: overrides
        )
        #expect(self.actions(same) == ["a start - rest"])
        #expect(same.drift.count == 1)
    }

    @Test func theCommandLineCapsAndChooses() throws {
        var options = OrchestratorOptions()
        options.accounts = ["a", "nobody"]
        options.modeCap = .rest
        let plan = FleetPlan(.start, of: try self.fleet("{ name: a }, { name: b }"), over: nil, options: options)
        #expect(self.actions(plan) == ["a start - rest", "b stays_disabled - disabled"])
        #expect(plan.accounts[0].reasons == ["capped at rest on the command line"])
        #expect(plan.accounts[1].reasons.contains("left out on the command line"))
        #expect(plan.warnings == ["there is no account \"nobody\" in the file; nothing runs under this name"])
        #expect(plan.connections.privateSockets == 0 && plan.connections.publicSockets == 0)
    }

    @Test func whatARunningDaemonCannotTakeIsListed() throws {
        let old = try self.fleet("{ name: a }")
        let new = try self.fleet("{ name: a }", "stream: { ping_interval: 10s }\nrollout: { auto_rollback: false }\n")
        let plan = FleetPlan(.apply, of: new, over: old)
        #expect(plan.needsDaemonRestart)
        #expect(plan.settings.map(\.description) == ["stream.ping_interval: 20s -> 10s"])
        #expect(plan.rollout.map(\.description) == ["rollout.auto_rollback: true -> false"])
        #expect(plan.hasDifferences && plan.count(of: .none) == 1)
        #expect(!FleetPlan(.start, of: new, over: old).needsDaemonRestart)
    }

    @Test func whoHasNoCredentialsIsWarnedOf() throws {
        let text =
            "version: 1\nexchange: { environment: testnet }\nstrategies: { s: {} }\n"
            + "accounts: [{ name: a, strategy: s, credentials: { api_key: \"${K}\", api_secret: \"${S}\" } }]\n"
        let plan = FleetPlan(
            .start,
            of: try configuration(text),
            over: nil,
            overrides: ["a": StoredOverride(AccountOverride(isEnabled: true))]
        )
        #expect(plan.accounts[0].action == .start)
        #expect(plan.warnings == ["account a is to run and has no credentials; it cannot start without them"])
    }

    // MARK: What it needs

    /// The estimate against the budget itself, with attempts that succeed at once.
    @Test(arguments: [1, 379, 380, 381, 760, 761, 2_000])
    func minutesUntilLiveAreThoseOfTheBudget(_ accounts: Int) throws {
        let names = (0..<accounts).map { "{ name: a\($0) }" }.joined(separator: ", ")
        let plan = FleetPlan(
            .start,
            of: try self.fleet(names, "stream: { rest_budget: { requests: 100000 } }\n"),
            over: nil
        )
        var budget = LiveConnectionBudget(connections: 400, per: .seconds(300))
        budget.enqueue(0, urgency: .tickers)
        for ticket in 1...accounts { budget.enqueue(UInt64(ticket), urgency: .flat) }
        var now = Uptime(nanoseconds: 0)
        let start = now
        while true {
            let (granted, next) = budget.grant(now: now)
            for _ in granted { budget.ended(.connected, now: now) }
            if budget.waitingCount == 0 { break }
            if granted.isEmpty { now = try #require(next) }
        }
        #expect(plan.connections.attempts == accounts + 1)
        #expect(plan.connections.secondsUntilLive == max(Int((now - start) / .seconds(1)), accounts > 0 ? 1 : 0))
    }

    @Test func attemptsOfTheLastMinutesCount() {
        let budget = StreamConfiguration().connectionBudget
        #expect(FleetConnections.wait(attempts: 100, used: 0, budget: budget) == .zero)
        #expect(FleetConnections.wait(attempts: 100, used: 280, budget: budget) == .zero)
        #expect(FleetConnections.wait(attempts: 100, used: 281, budget: budget) == .seconds(300))
        #expect(FleetConnections.wait(attempts: 500, used: 400, budget: budget) == .seconds(600))
    }

    @Test(
        arguments: [
            // accounts in rest, in hybrid; interval, polling and reconciling a second; stretched
            (10, 0, 5_000, 4, 0, false), (125, 0, 5_000, 50, 0, false), (126, 0, 5_040, 50, 0, true),
            (2_000, 0, 80_000, 50, 0, true), (0, 30, 5_000, 0, 1, false),
        ] as [(Int, Int, Int64, Double, Double, Bool)]
    )
    func pollingTakesHalfOfTheBudgetAtMost(
        _ resting: Int,
        _ hybrid: Int,
        _ interval: Int64,
        _ polling: Double,
        _ reconciling: Double,
        _ isStretched: Bool
    ) {
        let load = FleetRESTLoad(
            polling: resting,
            reconciling: hybrid,
            stream: StreamConfiguration(),
            exchange: ExchangeConfiguration()
        )
        #expect(load.pollMilliseconds == interval)
        #expect(load.pollingPerSecond == polling && load.reconcilingPerSecond == reconciling)
        #expect(load.isStretched == isStretched)
        #expect(load.requestsPerSweep == 2 && load.limitPerSecond == 100 && load.exchangeLimitPerSecond == 120)
    }

    @Test func aFleetThatPollsTooMuchIsToldSo() throws {
        let names = (0..<300).map { "{ name: a\($0), mode: rest }" }.joined(separator: ", ")
        let plan = FleetPlan(.start, of: try self.fleet(names), over: nil)
        #expect(plan.warnings.count == 1)
        #expect(plan.warnings[0].hasPrefix("300 accounts are polled every 12s instead of every 5s"))
        #expect(plan.connections.secondsUntilLive == 6, "each account begins with a sweep")
    }

    @Test func aSweepOfInverseContractsIsOneRequest() {
        var exchange = ExchangeConfiguration()
        exchange.category = .inverse
        let load = FleetRESTLoad(polling: 1, reconciling: 1, stream: StreamConfiguration(), exchange: exchange)
        #expect(load.requestsPerSweep == 1)
    }

    @Test func openFilesAreThoseOfTheStart() throws {
        let sinks =
            "overrides: { sinks: [{ jsonl: { path: \"x/{account}\" } }, { exec: { command: [cat] } }, { socket: { path: s } }] }"
        let fleet = try self.fleet("{ name: a, mode: hybrid, \(sinks) }, { name: b, mode: rest, \(sinks) }")
        var options = OrchestratorOptions()
        options.endpoints = ExchangeEndpoints.standard(.testnet, category: .linear)
        for name in ["a", "b"] { options.credentials[name] = Credentials(apiKey: name, apiSecret: name) }
        let start = try StartPlan(fleet, options: options)
        #expect(FleetPlan(.start, of: fleet, over: nil).openFiles == OpenFiles.needed(by: start))
    }

    // MARK: As JSON

    @Test func jsonHasEveryKeyAndComesBack() throws {
        let plan = FleetPlan(
            .apply,
            of: try self.fleet("{ name: a, mode: rest }", "stream: { ping_interval: 10s }\n"),
            over: try self.fleet("{ name: a }"),
            overrides: ["a": StoredOverride(AccountOverride(isEnabled: true))]
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = try encoder.encode(plan)
        #expect(try JSONDecoder().decode(FleetPlan.self, from: data) == plan)
        let text = String(decoding: data, as: UTF8.self)
        for key in [
            "\"schema_version\":1", "\"occasion\":\"apply\"", "\"has_differences\":true",
            "\"needs_daemon_restart\":true",
            "\"action\":\"switch\"", "\"from\":\"canary\"", "\"to\":\"rest\"", "\"private_sockets\":0",
            "\"seconds_until_live\":1", "\"limit_per_second\":100", "\"poll_ms\":5000", "\"open_files\":98",
            "\"key\":\"stream.ping_interval\"",
        ] { #expect(text.contains(key), "\(key) in \(text)") }
        let first = FleetPlan(.start, of: try self.fleet("{ name: a }"), over: nil)
        let firstText = String(decoding: try encoder.encode(first), as: UTF8.self)
        #expect(firstText.contains("\"from\":null") && firstText.contains("\"override\":null"))
    }

    @Test func aLargeFleetIsPlannedInOneGo() throws {
        let names = (0..<2_000)
        let old = try self.fleet(names.map { "{ name: a\($0) }" }.joined(separator: ", "))
        let new = try self.fleet(names.map { "{ name: a\($0), mode: hybrid }" }.joined(separator: ", "))
        let overrides = Dictionary(
            uniqueKeysWithValues: names.map { ("a\($0)", StoredOverride(AccountOverride(mode: .rest))) }
        )
        var options = OrchestratorOptions()
        options.accounts = names.map { "a\($0)" }
        let plan = FleetPlan(.apply, of: new, over: old, overrides: overrides, options: options)
        #expect(plan.count(of: .switch) == 2_000)
        #expect(plan.endingOverrides.count == 2_000)
        #expect(plan.connections.attempts == 2_001)
        #expect(plan.connections.secondsUntilLive == 1_500)
    }
}

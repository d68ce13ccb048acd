import HybridStream
import Testing

@testable import Orchestrator

@Suite(.timeLimit(.minutes(1))) struct ConfigurationDiffTests {
    private static let base =
        simulatorHeader + """
            strategies:
              swing:
                trailing_stop: { callback_percent: 0.5 }
                sinks:
                  - jsonl: { path: "/out/{account}.jsonl" }
                  - exec: { command: [./bot, "--mark", one] }
            defaults: { strategy: swing, enabled: true }
            accounts:
              - { name: a, mode: rest, credentials: { api_key: hunter1, api_secret: hunter2 } }
              - { name: b, mode: hybrid, enabled: false }

            """

    private func diff(_ changes: (String, String)...) throws -> ConfigurationDiff {
        var text = Self.base
        for (old, new) in changes {
            let before = text
            text = text.replacing(old, with: new)
            #expect(before != text, "\(old) is not in the file")
        }
        return ConfigurationDiff(from: try configuration(Self.base), to: try configuration(text))
    }

    @Test func whatIsEqualDoesNotAppear() throws {
        let diff = try self.diff(("version: 1", "version: 1 # the same"), ("percent: 0.5", "percent: 0.50"))
        #expect(diff.isEmpty && diff.lines.isEmpty)
    }

    @Test(
        arguments: [
            ("mode: rest", "mode: canary", ["a: mode: rest -> canary"], .switchMode),
            (
                "mode: rest", "mode: canary, dry_run: false", ["a: mode: rest -> canary", "a: dry_run: true -> false"],
                .restart
            ),
            ("name: a", "enabled: false, name: a", ["a: enabled: true -> false"], .disable),
            ("hybrid, enabled: false", "hybrid", ["b: enabled: false -> true"], .enable),
            ("hybrid, enabled: false", "rest, enabled: false", ["b: mode: hybrid -> rest"], .nothing),
            ("hunter2", "hunter3", ["a: credentials: changed"], .restart),
            (
                "name: a", "overrides: { trailing_stop: { callback_percent: 0.6 } }, name: a",
                ["a: strategy.trailing_stop.callback_percent: 0.5 -> 0.6"], .restart
            ),
            (
                "name: a", "overrides: { aged_monitor: { max_age: 90m, max_loss_percent: 5 } }, name: a",
                [
                    """
                    a: strategy.aged_monitor: off -> { max_age: 90m, grace_period: 3h, loss_step_percent: 0.5, \
                    max_loss_percent: 5, commission_percent: 0.05, close_with: market, limit_offset_percent: 0.1, \
                    skip_while_trailing: true }
                    """
                ], .restart
            ),
            (
                "name: a", "overrides: { sinks: [{ jsonl: { path: /out/a.jsonl, keep: 3 } }] }, name: a",
                [
                    """
                    a: sinks: jsonl { path: /out/a.jsonl, rotate: 100MB, keep: 10, fsync: never } -> \
                    jsonl { path: /out/a.jsonl, rotate: 100MB, keep: 3, fsync: never }
                    """,
                    """
                    a: sinks: exec { command: /nowhere/bot and 2 arguments, restart.initial: 500ms, restart.max: 30s, \
                    stop_timeout: 5s } -> none
                    """,
                ], .restart
            ),
        ] as [(String, String, [String], ConfigurationDiff.Effort)]
    )
    func oneAccountChanges(
        _ old: String,
        _ new: String,
        _ lines: [String],
        _ effort: ConfigurationDiff.Effort
    ) throws {
        let diff = try self.diff((old, new))
        #expect(diff.lines == lines)
        #expect(diff.accounts.map(\.effort) == [effort])
        #expect(diff.accounts.map(\.kind) == [.changed])
        #expect(diff.rollout.isEmpty && diff.fixed.isEmpty)
    }

    @Test func aSectionThatIsTurnedOffIsOneLine() throws {
        let diff = try self.diff(("name: a", "overrides: { trailing_stop: off }, name: a"))
        #expect(diff.accounts.first?.changes.map(\.key) == ["strategy.trailing_stop"])
        #expect(diff.accounts.first?.changes.first?.to == "off")
        #expect(
            diff.accounts.first?.changes.first?.from?.hasPrefix("{ activation_percent: 2, callback_percent: 0.5,")
                == true
        )
    }

    /// Arguments may hold secrets: that they are others is said, what they are is not.
    @Test func argumentsAreNotShown() throws {
        let diff = try self.diff(("one]", "two]"))
        #expect(diff.accounts.map(\.name) == ["a", "b"], "a strategy shows through the accounts that use it")
        #expect(diff.accounts.map(\.effort) == [.restart, .nothing])
        #expect(
            diff.lines.allSatisfy { $0.hasSuffix("(other arguments)") && !$0.contains("two") && !$0.contains("one") }
        )
    }

    @Test func anotherOrderOfSinksIsSaidSo() throws {
        let files = "[{ socket: { path: /s } }, { socket: { path: /t } }]"
        let turned = "[{ socket: { path: /t } }, { socket: { path: /s } }]"
        let header = simulatorHeader + "accounts: [{ name: a, overrides: { sinks: "
        let diff = ConfigurationDiff(
            from: try configuration(header + files + " } }]\n"),
            to: try configuration(header + turned + " } }]\n")
        )
        #expect(diff.lines == ["a: sinks: one order -> another order"])
    }

    @Test func anotherNameForTheSameStrategyNeedsNothing() throws {
        let diff = try self.diff(
            ("defaults: { strategy: swing", "  same: { extends: swing }\ndefaults: { strategy: same")
        )
        #expect(diff.lines == ["a: strategy: swing -> same", "b: strategy: swing -> same"])
        #expect(diff.accounts.map(\.effort) == [.nothing, .nothing])
        #expect(diff.accounts.allSatisfy { !$0.needsRestart })
    }

    @Test func accountsComeAndGo() throws {
        let diff = try self.diff(
            ("  - { name: b, mode: hybrid, enabled: false }\n", "  - { name: c, mode: parallel }\n")
        )
        #expect(
            diff.lines == [
                "c: added (enabled, mode parallel, strategy swing, dry run)",
                "b: removed (disabled, mode hybrid, strategy swing, dry run)",
            ]
        )
        #expect(diff.accounts.map(\.effort) == [.enable, .nothing])
    }

    @Test func anotherOrderOfAccountsIsNoDifference() throws {
        let (one, two) = ("- { name: one }", "- { name: two }")
        let header = simulatorHeader + "accounts:\n"
        let diff = ConfigurationDiff(
            from: try configuration(header + "  \(one)\n  \(two)\n"),
            to: try configuration(header + "  \(two)\n  \(one)\n")
        )
        #expect(diff.isEmpty)
    }

    @Test func rolloutIsTakenByWhatRunsAndTheRestIsNot() throws {
        let diff = try self.diff(
            (
                "strategies:",
                """
                instance: other
                rollout: { auto_rollback: false, gates: { cutover: { steps: [10, 100] } }, waves: { sizes: ["5"] } }
                runtime: { state_dir: /var/x, threads: 3, http: off, log: { level: debug } }
                stream: { reconnect: { max: 1m }, rest_budget: { requests: 50 } }
                strategies:
                """
            ),
            ("environment: simulator", "environment: simulator, settle_coins: [USDT]")
        )
        #expect(
            diff.rollout.map(\.description) == [
                "rollout.auto_rollback: true -> false", "rollout.gates.cutover.steps: [50, 100] -> [10, 100]",
                "rollout.waves.sizes: [\"1\", \"10%\", \"50%\", \"100%\"] -> [\"5\"]",
            ]
        )
        #expect(
            diff.fixed.map(\.description) == [
                "instance: default -> other", "exchange.settle_coins: [USDT, USDC] -> [USDT]",
                "runtime.state_dir: /home/me/.local/state/bybitctl -> /var/x",
                "runtime.http: { listen: 127.0.0.1:9464 } -> off", "runtime.log.level: info -> debug",
                "runtime.threads: none -> 3", "stream.reconnect.max: 30s -> 1m",
                "stream.rest_budget.requests: 100 -> 50",
            ]
        )
        #expect(diff.accounts.isEmpty)
    }

    @Test func anotherExchangeShowsWhereItIs() throws {
        let old = "version: 1\nexchange: { environment: testnet }\naccounts: []\n"
        let new =
            "version: 1\nexchange: { environment: testnet, endpoints: { rest: \"https://api.example.com\" } }\naccounts: []\n"
        let diff = ConfigurationDiff(from: try configuration(old), to: try configuration(new))
        #expect(
            diff.lines == ["exchange.endpoints.rest: https://api-testnet.bybit.com -> https://api.example.com"]
        )
    }

    /// Whatever a consumer can be told is in the diff: each key of the grammar, changed alone, is one line with its name.
    @Test(arguments: ["position_manager", "trailing_stop", "aged_monitor"])
    func everyParameterShows(_ consumer: String) throws {
        let object = try #require(ConfigurationSchema.objects.first { $0.name == consumer })
        #expect(object.fields.count > 2)
        for field in object.fields {
            let value =
                switch field.shape {
                case .boolean: field.defaultText == "true" ? "false" : "true"
                case .duration: "17m"
                case .word(let words): words.first { $0 != field.defaultText } ?? ""
                default: "0.77"
                }
            func text(_ parameters: String) -> String {
                simulatorHeader + "accounts: [{ name: a, overrides: { \(consumer): { \(parameters) } } }]\n"
            }
            let diff = ConfigurationDiff(
                from: try configuration(text("")),
                to: try configuration(text("\(field.key): \(value)"))
            )
            #expect(
                diff.lines == ["a: strategy.\(consumer).\(field.key): \(field.defaultText ?? "") -> \(value)"]
            )
        }
    }

    @Test func noLineHoldsASecret() throws {
        let diff = try self.diff(
            ("hunter1", "hunter8"),
            ("hunter2", "hunter9"),
            ("/out/", "/out/token=hunter7/"),
            ("[./bot, \"--mark\", one]", "[./bot, \"--api-key=hunter6\"]")
        )
        #expect(diff.lines.count == 5)
        #expect(diff.lines.allSatisfy { !$0.contains("hunter") })
    }

    @Test func aLargeFleetIsGoneThroughOnce() throws {
        func text(_ percent: String, _ names: Range<Int>) -> String {
            simulatorHeader + "strategies: { s: { trailing_stop: { callback_percent: \(percent) } } }\n"
                + "defaults: { strategy: s, enabled: true }\naccounts:\n"
                + names.map { "  - { name: a\($0) }\n" }.joined()
        }
        let (old, new) = (try configuration(text("0.5", 0..<8_000)), try configuration(text("0.6", 1_000..<9_000)))
        let diff = ConfigurationDiff(from: old, to: new)
        #expect(diff.accounts.count == 9_000)
        #expect(diff.accounts.count { $0.kind == .changed } == 7_000)
        #expect(diff.lines.count == 9_000)
        #expect(ConfigurationDiff(from: new, to: new).isEmpty)
    }
}

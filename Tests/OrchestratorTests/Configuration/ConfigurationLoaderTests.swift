import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ConfigurationLoaderTests {
    @Test func whatAFileDoesNotSayHasDefaults() throws {
        let it = try configuration(simulatorHeader + "accounts: [{ name: a }]\n")
        #expect(it.instance == "default")
        #expect(it.exchange.endpoints == nil)
        #expect(it.exchange.settleCoins == ["USDT", "USDC"])
        #expect(it.runtime.stateDirectory == "/home/me/.local/state/bybitctl")
        #expect(it.runtime.http?.listen == ListenAddress(host: "127.0.0.1", port: 9_464))
        #expect(it.runtime.threads == nil)
        #expect(it.stream == StreamConfiguration())
        #expect(it.rollout == RolloutConfiguration())
        let account = try #require(it.accounts.first)
        #expect(
            account
                == AccountConfiguration(
                    name: "a",
                    isEnabled: false,
                    mode: .canary,
                    strategyName: nil,
                    strategy: Strategy(),
                    isDryRun: true,
                    credentials: nil
                )
        )
    }

    @Test func everySectionIsRead() throws {
        let it = try configuration(ContractExamples.whole, environment: ["SUB001_KEY": "k", "SUB001_SECRET": "s"])
        #expect(it.stream.connectionBudget.connections == 400)
        #expect(it.stream.reconnect.initial == .milliseconds(500))
        #expect(it.runtime.threads == 2)
        #expect(it.rollout == RolloutConfiguration())
        let first = try #require(it.accounts.first)
        #expect(first.mode == .hybrid && first.isEnabled && first.isDryRun)
        #expect(first.credentials == Credentials(apiKey: "k", apiSecret: "s"))
        #expect(first.strategy.positionManager == PositionManagerParameters())
        #expect(first.strategy.trailingStop == TrailingStopParameters())
        #expect(first.strategy.agedMonitor == AgedMonitorParameters())
        var file = JSONLSinkConfiguration()
        file.path = "/nowhere/events/sub-001.jsonl"
        var program = ExecSinkConfiguration()
        program.command = ["/nowhere/my-consumer.py", "--account", "sub-001"]
        #expect(first.strategy.sinks == [.jsonl(file), .exec(program)])
    }

    @Test func decimalsStayExact() throws {
        let it = try configuration(
            simulatorHeader
                + "strategies: { s: { trailing_stop: { callback_percent: 0.30000000000000000001, activation_percent: 1.10 } } }\n"
                + "accounts: [{ name: a, strategy: s }]\n"
        )
        let stop = try #require(it.accounts.first?.strategy.trailingStop)
        #expect(stop.callbackPercent.description == "0.30000000000000000001")
        #expect(stop.activationPercent == FixedPoint(mantissa: 11, scale: 1))
    }

    @Test func aStrategyExtendsAnotherKeyByKey() throws {
        let it = try configuration(
            simulatorHeader + """
                strategies:
                  careful: { extends: swing, trailing_stop: { callback_percent: 1 }, aged_monitor: off }
                  swing:
                    position_manager: { stop_loss_percent: 3 }
                    trailing_stop: { activation_percent: 5 }
                    aged_monitor: { max_age: 1h }
                    sinks: [{ jsonl: { path: "-" } }]
                  most-careful: { extends: careful, sinks: [], position_manager: {} }
                accounts:
                  - { name: a, strategy: careful }
                  - { name: b, strategy: most-careful, overrides: { trailing_stop: { execution: exchange }, aged_monitor: {} } }
                """
        )
        let careful = it.accounts[0].strategy
        #expect(careful.trailingStop?.activationPercent == FixedPoint(5))
        #expect(careful.trailingStop?.callbackPercent == FixedPoint(1))
        #expect(careful.agedMonitor == nil)
        #expect(careful.sinks.count == 1)
        let most = it.accounts[1].strategy
        #expect(most.positionManager?.stopLossPercent == FixedPoint(3))
        #expect(most.trailingStop?.execution == .exchange)
        #expect(most.trailingStop?.callbackPercent == FixedPoint(1))
        #expect(most.agedMonitor == AgedMonitorParameters())
        #expect(most.sinks.isEmpty)
    }

    @Test func anchorsAndMergeKeysWorkInAccounts() throws {
        let it = try configuration(
            simulatorHeader + """
                x-base: &base { enabled: true, mode: parallel }
                accounts:
                  - { name: a, <<: *base }
                  - { name: b, <<: *base, mode: rest }
                strategies: { s: { position_manager: } }
                defaults: { strategy: s }
                """
        )
        #expect(it.accounts.map(\.mode) == [.parallel, .rest])
        #expect(it.accounts.allSatisfy { $0.isEnabled && $0.strategy.positionManager != nil })
    }

    @Test func variablesMayStandForAnyValue() throws {
        let it = try configuration(
            simulatorHeader + """
                stream: { ping_interval: "${PING}", connection_budget: { connections: "${COUNT}" }, reconcile_interval: 9s }
                runtime: { state_dir: "~/${NAME}", http: { listen: "127.0.0.1:${PORT:-0}" } }
                strategies: { one: { position_manager: { stop_loss_percent: "${STOP}" } }, two: { extends: "${NAME}" } }
                accounts: [{ name: "${NAME}", enabled: "${ON}", strategy: two }]
                """,
            environment: ["PING": "7s", "COUNT": "12", "NAME": "one", "ON": "true", "STOP": "2.5"]
        )
        #expect(it.stream.pingInterval == .seconds(7))
        #expect(it.stream.connectionBudget.connections == 12)
        #expect(it.runtime.stateDirectory == "/home/me/one")
        #expect(it.runtime.http?.listen.port == 0)
        let account = try #require(it.accounts.first)
        #expect(account.name == "one" && account.isEnabled)
        #expect(account.strategy.positionManager?.stopLossPercent == FixedPoint(mantissa: 25, scale: 1))
    }

    @Test func httpCanBeOff() throws {
        #expect(try configuration(simulatorHeader + "runtime: { http: off }\naccounts: []\n").runtime.http == nil)
    }

    @Test func rootKeepsItsStateElsewhere() throws {
        let loader = ConfigurationLoader(environment: [:], homeDirectory: "/root", effectiveUserID: 0)
        let result = loader.load(text: simulatorHeader + "accounts: []\n", path: "a.yaml")
        #expect(result.configuration?.runtime.stateDirectory == "/var/lib/bybitctl")
    }

    @Test(arguments: [
        (
            "mainnet", "linear", "wss://stream.bybit.com/v5/public/linear", "wss://stream.bybit.com/v5/private",
            "https://api.bybit.com"
        ),
        (
            "testnet", "inverse", "wss://stream-testnet.bybit.com/v5/public/inverse",
            "wss://stream-testnet.bybit.com/v5/private",
            "https://api-testnet.bybit.com"
        ),
        (
            "demo", "linear", "wss://stream.bybit.com/v5/public/linear", "wss://stream-demo.bybit.com/v5/private",
            "https://api-demo.bybit.com"
        ),
    ])
    func environmentsHaveEndpoints(
        _ environment: String,
        _ category: String,
        _ publicURL: String,
        _ privateURL: String,
        _ rest: String
    ) throws {
        let it = try configuration(
            "version: 1\nexchange: { environment: \(environment), category: \(category) }\naccounts: []\n"
        )
        let endpoints = try #require(it.exchange.endpoints)
        #expect(endpoints.publicWebSocket.description == publicURL)
        #expect(endpoints.privateWebSocket.description == privateURL)
        #expect(endpoints.rest.description == rest)
    }

    @Test func oneEndpointMayBeReplaced() throws {
        let it = try configuration(
            "version: 1\nexchange: { environment: mainnet, endpoints: { rest: https://api.bytick.com/ } }\naccounts: []\n"
        )
        #expect(it.exchange.endpoints?.rest.description == "https://api.bytick.com")
        #expect(it.exchange.endpoints?.privateWebSocket.host == "stream.bybit.com")
    }

    @Test func customEndpointsMayBeOnThisHost() throws {
        let it = try configuration(
            """
            version: 1
            exchange:
              environment: custom
              endpoints: { public_ws: "ws://127.0.0.1:1/v5/public/linear", private_ws: "ws://[::1]:2/v5/private", rest: "http://localhost:3" }
            accounts: []
            """
        )
        #expect(it.exchange.endpoints?.privateWebSocket.host == "::1")
        #expect(it.exchange.endpoints?.rest.port == 3)
    }

    @Test func onlyTheChangedAccountDiffers() throws {
        func load(_ callback: String) throws -> [AccountConfiguration] {
            try configuration(
                simulatorHeader + """
                    strategies: { s: { trailing_stop: {}, sinks: [{ jsonl: { path: "{account}" } }] } }
                    defaults: { strategy: s }
                    accounts: [{ name: a }, { name: b, overrides: { trailing_stop: { callback_percent: \(callback) } } }]
                    """
            ).accounts
        }
        let before = try load("0.5")
        let after = try load("0.6")
        #expect(before[0] == after[0])
        #expect(before[1] != after[1])
        #expect(try load("0.50") == before)
    }

    @Test func twoThousandAccountsLoad() throws {
        var text =
            "version: 1\nexchange: { environment: mainnet }\nstrategies: { s: { position_manager: {}, sinks: [{ jsonl: { path: \"{account}\" } }] } }\n"
        text += "x-base: &base { enabled: true, mode: hybrid, strategy: s }\naccounts:\n"
        for number in 0..<2_000 {
            text +=
                "  - name: sub-\(number)\n    <<: *base\n    credentials: { api_key: \"k\(number)\", api_secret: \"s\(number)\" }\n"
        }
        let it = try configuration(text)
        #expect(it.accounts.count == 2_000)
        let last = try #require(it.accounts.last)
        #expect(last.name == "sub-1999" && last.isEnabled && last.mode == .hybrid)
        #expect(last.credentials == Credentials(apiKey: "k1999", apiSecret: "s1999"))
    }

    @Test func aConfigurationDoesNotPrintItsSecrets() throws {
        let it = try configuration(
            simulatorHeader + "accounts: [{ name: a, credentials: { api_key: hunter1, api_secret: hunter2 } }]\n"
        )
        var dumped = ""
        dump(it, to: &dumped)
        #expect(!"\(it) \(String(reflecting: it)) \(dumped)".contains("hunter"))
    }

    @Test func theExampleFileIsRight() throws {
        let result = ConfigurationLoader(environment: [:], homeDirectory: "/home/me").load(
            path: ContractExamples.root + "/accounts.example.yaml"
        )
        #expect(DiagnosticRenderer.text(result.diagnostics) == "")
        let it = try #require(result.configuration)
        #expect(it.accounts.count == 5)
        #expect(it.accounts.allSatisfy { $0.isEnabled && $0.mode == .hybrid && $0.credentials == nil && $0.isDryRun })
        #expect(it.exchange.environment == .simulator)
    }
}

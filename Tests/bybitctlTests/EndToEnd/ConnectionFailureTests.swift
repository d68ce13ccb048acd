import Foundation
import Testing

extension EndToEnd {
    /// What must hold when connections end, are refused, cannot be made, or deliver in pieces.
    @Suite struct ConnectionFailures {}
}

extension EndToEnd.ConnectionFailures {
    @Test(.timeLimit(.minutes(1)))
    func whateverTheEndTheConnectionsComeBackAndTheReasonIsShown() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, isHeldBefore: true)
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let ends = [("reset", "reset"), ("drop", "lost"), ("close", "1001")]
            for (number, (how, word)) in ends.enumerated() {
                try await exchange.kill("all", how: how)
                let status = try await daemon.waitFor("new connections after \(how)") {
                    $0.tickers.connects == number + 2 && $0.account("sub-001")?.private.connects == number + 2
                        && $0.tickers.receiving == 4 && $0.health == "healthy"
                }
                let reason = status.account("sub-001")?.lastError ?? ""
                #expect(reason.contains(word), "\(how): \(reason)")
                let gone = try scene.events().filter { $0.event == "account.state" && $0.new == "degraded" }
                #expect(gone.count == number + 1 && gone.last?.reason == reason)
                try await scene.waitForMarks(scene.symbols)
            }
            try await scene.finish()
        }
    }

    /// Who holds something knocks first; together they stay below what the exchange allows.
    @Test(.timeLimit(.minutes(1)))
    func refusedUpgradesAreRetriedWithinTheBudgetAndTheReasonIsShown() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, accounts: 12, held: 1) {
                $0.stream = [
                    "reconnect: { initial: 10ms, max: 50ms }", "connection_budget: { connections: 30, per: 2s }",
                ]
            }
            let (exchange, daemon) = (scene.exchange, scene.daemon)
            let before = try await scene.moment()
            try await scene.refuseUpgrades(502, isHTML: true)
            try await exchange.kill("all")
            // More than one window's worth.
            try await scene.waitForRefusals(35, since: before)
            // While nobody gets through the one that holds something tries for all.
            try await daemon.waitFor("the reason") { document in
                document.account("sub-001")?.lastError?.contains("502") == true
            }
            let (code, down) = try await daemon.status()
            #expect(code == 1 && down.health == "degraded")
            #expect(down.tickers.state != "live" && down.tickers.receiving == 0)
            for account in down.accounts {
                #expect(account.state == "degraded", "\(account.name)")
            }
            #expect(down.budgets.connectionsLimit == 30 && (20...30).contains(down.budgets.connectionsUsed))
            try await exchange.post("/faults/clear")
            try await daemon.waitUntilHealthy()
            try await scene.waitForMarks([scene.symbols[0]])
            try await Self.checkBudget(scene, 30, per: 2000)
            try await scene.finish()
        }
    }

    /// - Parameter per: of the budget, in milliseconds. The exchange sees attempts a little later than they were counted,
    ///   some more than others; so what it sees in a somewhat shorter time is compared.
    private static func checkBudget(_ scene: Scene, _ connections: Int, per: Int64) async throws {
        let attempts = try await scene.exchange.record("connected", "refused").map(\.time)
        let most = attempts.enumerated().map { number, time in
            attempts.partitioningIndex { $0 >= time + per * 3 / 4 } - number
        }
        #expect(most.max() ?? 0 <= connections)
    }

    struct Unreachable: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let host: String
        let words: String
    }

    private static let unreachable = [
        // No name server is asked for a label that is too long to be one.
        Unreachable(
            testDescription: "no such name",
            host: "wss://" + String(repeating: "x", count: 64) + ".invalid",
            words: "name"
        ),
        // Port 9 of this host: nobody listens.
        Unreachable(testDescription: "nobody there", host: "ws://127.0.0.1:9", words: "refused"),
    ]

    @Test(.timeLimit(.minutes(1)), arguments: EndToEnd.ConnectionFailures.unreachable)
    func aPlaceThatCannotBeReachedIsNamedAndRESTGoesOn(_ example: Unreachable) async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            var file = AccountsFile(exchange)
            file.publicURL = example.host + "/v5/public/linear"
            file.privateURL = example.host + "/v5/private"
            file.stream += ["fallback_after: 300ms", "rest_poll_interval: 200ms"]
            let daemon = try await Daemon.start(file, in: place)
            let status = try await daemon.waitFor("the fallback") { $0.account("sub-001")?.state == "fallback" }
            let account = try #require(status.account("sub-001"))
            #expect(account.driver == "rest" && account.health == "degraded" && account.private.connects > 1)
            #expect(account.lastError?.lowercased().contains(example.words) == true, "\(account.lastError ?? "nil")")
            #expect(try await daemon.ask(["status", "--quiet"]).code == 1)
            try await daemon.event("sub-001", "the position") { $0.cause == "opened" && $0.size == "0.5" }
            try await exchange.close("sub-001", "BTCUSDT")
            try await daemon.event("sub-001", "the close") { $0.cause == "closed" }
            #expect(try await daemon.stop() == 0)
        }
    }

    /// A name that exists, a port that answers, and nobody who speaks: TLS begins and never ends.
    @Test(.timeLimit(.minutes(1)))
    func aHandshakeThatIsNotAnsweredTimesOut() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            var file = AccountsFile(exchange)
            file.publicURL = file.publicURL.replacingOccurrences(of: "ws://", with: "wss://")
            file.privateURL = file.privateURL.replacingOccurrences(of: "ws://", with: "wss://")
            file.stream += ["connect_timeout: 300ms", "fallback_after: 10s"]
            let daemon = try await Daemon.start(file, in: place, waits: false)
            let status = try await daemon.waitFor("the second attempt") {
                $0.account("sub-001")?.private.connects ?? 0 > 1
            }
            #expect(status.account("sub-001")?.state == "starting")
            #expect(status.account("sub-001")?.lastError?.contains("no connection within") == true)
            #expect(try await daemon.stop() == 0)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func messagesMayComeInPiecesCutAnywhere() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, symbols: 2)
            let (exchange, symbols) = (scene.exchange, scene.symbols)
            // Every byte a packet of its own: little at a time is enough.
            try await exchange.post("/prices", ["running": .flag(false)])
            for size in [1, 2, 3, 5, 7, 11] {
                try await exchange.setFaults(["split_frames": .number(size), "fragment_frames": .number(size)])
                try await exchange.close("sub-001", symbols[0])
                try await exchange.open("sub-001", symbols[0], size.isMultiple(of: 2) ? "Buy" : "Sell", "\(size * 10)")
                let price = try await scene.moveMark(symbols[0])
                try await scene.event("the mark \(price)") {
                    $0.symbol == symbols[0] && $0.markPrice == price && $0.isTickerMark
                }
            }
            try await exchange.post("/faults/clear")
            let status = try await scene.daemon.waitUntilHealthy()
            #expect(status.tickers.connects == 1 && status.account("sub-001")?.private.connects == 1)
            #expect(!(try scene.events().contains { $0.event == "alert" }))
            try await scene.finish(isInterrupted: false)
        }
    }

    /// Half of the frames are cut short or hold bytes that are no text.
    @Test(.timeLimit(.minutes(1)))
    func damagedFramesCostWhatWasInThemAndNothingElse() async throws {
        try await Workplace.with { place in
            let scene = try await Scene.start(in: place, isHeldBefore: true)
            let (exchange, daemon, symbols) = (scene.exchange, scene.daemon, scene.symbols)
            try await exchange.setFaults(["garble": .number(2)])
            try await scene.waitForMarks(symbols, count: 5)
            for number in 1...12 {
                let leverage: [String: JSONField] = [
                    "account": .string("sub-001"), "symbol": .string(symbols[0]), "leverage": .number(number + 20),
                ]
                try await exchange.post("/positions/leverage", leverage)
            }
            try await exchange.open("sub-001", symbols[1], "Buy", "100")
            try await exchange.close("sub-001", symbols[2])
            // What a lost frame said comes from a sweep that the damage itself causes, long before the next regular one.
            try await eventually("a true book") {
                let truth = try await exchange.state().holdings("sub-001")
                return try await daemon.status().document.holdings("sub-001") == truth
            }
            let status = try await daemon.status().document
            // A close that only sweeps show may cost the private connection: it should have told of it.
            #expect(status.tickers.connects == 1 && status.account("sub-001")?.private.connects ?? .max <= 2)
            try await exchange.post("/faults/clear")
            try await daemon.waitUntilHealthy()
            #expect(try await daemon.stop() == 0)
            let events = try scene.events()
            let alerts = events.filter { $0.code == "malformed_frame" && $0.state == "opened" }
            #expect(alerts.count == 1, "one alert for all of them")
            let news = events.filter { $0.isLifecycle && $0.cause != "amended" && $0.cause != "opened" }
            let expected: Set = ["\(symbols[1]) increased", "\(symbols[2]) closed"]
            #expect(news.count == 2 && Set(news.map { "\($0.symbol ?? "") \($0.cause ?? "")" }) == expected)
            let marks = Dictionary(grouping: try await exchange.record("mark")) { $0.symbol ?? "" }
            for event in events where event.isTickerMark {
                #expect(marks[event.symbol ?? ""]?.contains { $0.mark == event.markPrice } == true, "n=\(event.n)")
            }
        }
    }
}

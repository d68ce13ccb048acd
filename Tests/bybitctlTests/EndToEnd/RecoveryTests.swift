import Foundation
import Testing

extension EndToEnd {
    /// What must hold when connections and the exchange misbehave.
    @Suite struct Recovery {}
}

extension EndToEnd.Recovery {
    /// A daemon that holds some positions and gets marks of all of them.
    private func start(
        _ place: Workplace,
        accounts: Int = 1,
        symbols: Int,
        stream: [String] = []
    ) async throws -> (exchange: Exchange, daemon: Daemon, symbols: [String]) {
        let exchange = try await Exchange.start(in: place, accounts: accounts, symbols: symbols)
        let names = try await exchange.publishEveryMark()
        var file = AccountsFile(exchange)
        file.stream += stream
        let daemon = try await Daemon.start(file, in: place)
        try await daemon.waitUntilHealthy()
        for name in names { try await exchange.open("sub-001", name, "Buy", "200") }
        try await daemon.waitFor("all tickers") { $0.tickers.receiving == symbols && $0.health == "healthy" }
        return (exchange, daemon, names)
    }

    /// The whole story of an account's file after the end of the daemon.
    private func finish(
        _ exchange: Exchange,
        _ daemon: Daemon,
        account: String = "sub-001",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let rows = try await exchange.record("position", account: account)
        let changes = TruthCheck.expected(rows).count
        try await eventually("\(changes) changes") { try daemon.events(account).filter(\.isLifecycle).count >= changes }
        #expect(try await daemon.stop() == 0, sourceLocation: sourceLocation)
        let check = TruthCheck(
            account: account,
            category: "linear",
            events: try daemon.events(account),
            rows: rows,
            marks: try await exchange.record("mark"),
            isInterrupted: true
        )
        #expect(check.problems == [], sourceLocation: sourceLocation)
    }

    @Test(.timeLimit(.minutes(1)))
    func fortySymbolsComeBackAfterTheirConnectionDied() async throws {
        try await Workplace.with { place in
            let (exchange, daemon, symbols) = try await self.start(place, symbols: 40)
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(50)])
            let before = try await exchange.state().nextIndex
            try await exchange.kill("public")
            // While it is away one position opens, one closes, one grows; nobody else tells of it later.
            try await exchange.close("sub-001", symbols[3])
            try await exchange.open("sub-001", symbols[4], "Buy", "100")
            try await exchange.open("sub-001", symbols[3], "Sell", "200")
            let connected = try await eventually("the new connection") {
                try await exchange.record("connected", since: before).first { $0.text == "public/linear" }
            }
            try await eventually("a mark of every symbol from the new connection") {
                let marks = try daemon.events("sub-001").filter {
                    ["mark", "fresh"].contains($0.cause) && ($0.receivedTs ?? 0) >= connected.time
                }
                let first = Dictionary(grouping: marks) { $0.symbol ?? "" }.compactMapValues(\.first?.receivedTs)
                guard first.count == symbols.count else { return false }
                let slowest = (first.values.max() ?? 0) - connected.time
                #expect(slowest <= 2000, "the last symbol was back after \(slowest) ms")
                return true
            }
            let status = try await daemon.waitUntilHealthy()
            #expect(status.tickers.receiving == 40 && status.tickers.connects == 2)
            #expect(status.account("sub-001")?.private.connects == 1)
            // Everything in one go, each topic once more and no more.
            let subscribed = try await exchange.record("subscribed", since: before)
            #expect(subscribed.compactMap(\.text).sorted() == symbols.map { "tickers." + $0 }.sorted())
            try await self.finish(exchange, daemon)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aCloseWhileThePrivateConnectionIsDownIsToldOnce() async throws {
        try await Workplace.with { place in
            let stream = ["reconcile_interval: 1s"]
            let (exchange, daemon, symbols) = try await self.start(place, symbols: 4, stream: stream)
            let before = try await exchange.state().nextIndex
            // Nobody gets in until it is over.
            try await exchange.setFaults(["refuse_upgrades": .object(["status": .number(502), "html": .flag(true)])])
            try await exchange.kill("private", account: "sub-001")
            try await exchange.close("sub-001", symbols[0])
            try await exchange.open("sub-001", symbols[1], "Buy", "100")
            try await eventually("attempts") { try await exchange.record("refused", since: before).count >= 2 }
            let down = try await daemon.status()
            #expect(down.document.account("sub-001")?.state == "degraded")
            #expect(down.document.account("sub-001")?.lastError?.contains("502") == true, "the reason is shown")
            try await exchange.post("/faults/clear")
            try await daemon.event("sub-001", "the close") { $0.cause == "closed" }
            try await daemon.event("sub-001", "the growth") { $0.cause == "increased" }
            try await daemon.waitUntilHealthy()
            // Two more sweeps find nothing to add.
            let sweeps = try await self.sweeps(exchange)
            try await eventually("more sweeps") { try await self.sweeps(exchange) >= sweeps + 2 }
            #expect(try await daemon.stop() == 0)
            let events = try daemon.events("sub-001")
            let news = events.filter(\.isLifecycle).filter { $0.cause != "opened" }
            #expect(
                Set(news.map { "\($0.symbol ?? "") \($0.cause ?? "")" }) == [
                    "\(symbols[0]) closed", "\(symbols[1]) increased",
                ]
            )
            #expect(news.count == 2)
            let closed = try #require(events.lastIndex { $0.symbol == symbols[0] && $0.cause == "closed" })
            #expect(!events[(closed + 1)...].contains { $0.symbol == symbols[0] })
            #expect(try await exchange.record("unsubscribed").map(\.text) == [] || events.last?.event != nil)
        }
    }

    private func sweeps(_ exchange: Exchange) async throws -> Int {
        try await exchange.record("rest", account: "sub-001").filter { $0.text?.contains("/v5/position/list") == true }
            .count
    }

    @Test(.timeLimit(.minutes(1)))
    func halfOpenConnectionsAreFoundByTheirSilence() async throws {
        try await Workplace.with { place in
            let stream = ["ping_interval: 1s", "pong_timeout: 500ms"]
            let (exchange, daemon, symbols) = try await self.start(place, symbols: 4, stream: stream)
            let before = try await exchange.state().nextIndex
            try await exchange.kill("all", how: "half_open")
            // The close is lost with the socket that should have told it.
            try await exchange.close("sub-001", symbols[2])
            let status = try await daemon.waitFor("new connections") {
                $0.tickers.connects == 2 && $0.account("sub-001")?.private.connects == 2 && $0.health == "healthy"
            }
            #expect(status.tickers.receiving == status.tickers.desired)
            #expect(try await exchange.record("connected", since: before).count == 2)
            try await daemon.event("sub-001", "the close") { $0.cause == "closed" && $0.symbol == symbols[2] }
            try await self.finish(exchange, daemon)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func dropsOfPongsAloneDoNotHurtALivelyConnection() async throws {
        try await Workplace.with { place in
            let stream = ["ping_interval: 1s", "pong_timeout: 500ms"]
            let (exchange, daemon, _) = try await self.start(place, symbols: 4, stream: stream)
            let before = try await exchange.state().nextIndex
            try await exchange.setFaults(["drop_pongs": .flag(true)])
            // Quiet as it is, the private connection is given up, again and again; the tickers are life enough.
            try await eventually("the private reconnect") {
                try await exchange.record("connected", since: before).contains { $0.text == "private" }
            }
            #expect(try await daemon.status().document.tickers.connects == 1)
            try await exchange.post("/faults/clear")
            try await daemon.waitUntilHealthy()
            try await self.finish(exchange, daemon)
        }
    }

    /// Damaged frames cost what was in them and nothing else: the sweeps bring the book back to the truth.
    @Test(.timeLimit(.minutes(1)), arguments: ["reorder_rows", "duplicate_rows"])
    func garbledFramesAndUntidyRowsLeaveATrueBook(fault: String) async throws {
        try await Workplace.with { place in
            let stream = ["reconcile_interval: 1s"]
            let (exchange, daemon, symbols) = try await self.start(place, symbols: 6, stream: stream)
            try await exchange.setFaults([
                "garble": .number(3), "split_frames": .number(100), "fragment_frames": .number(120),
                fault: .flag(true), "unknown_fields": .flag(true),
            ])
            var random = Seeded(state: 5)
            for _ in 0..<150 {
                let symbol = symbols[random.below(symbols.count)]
                switch random.below(4) {
                case 0: try await exchange.open("sub-001", symbol, "Buy", "\(100 * (1 + random.below(3)))")
                case 1: try await exchange.open("sub-001", symbol, "Sell", "\(100 * (1 + random.below(3)))")
                case 2:
                    // Two changes of settings at the same `seq`: only their times tell which is newer.
                    for _ in 0..<2 {
                        try await exchange.attempt(
                            "/positions/leverage",
                            [
                                "account": .string("sub-001"), "symbol": .string(symbol),
                                "leverage": .number(2 + random.below(50)),
                            ]
                        )
                    }
                default:
                    try await exchange.attempt(
                        "/positions/close",
                        ["account": .string("sub-001"), "symbol": .string(symbol)]
                    )
                }
            }
            try await exchange.post("/faults/clear")
            try await eventually("a true book", within: .seconds(30)) {
                let truth = try await exchange.state().positions
                let told = try await daemon.status().document.account("sub-001")?.positions ?? []
                return Set(truth.map { "\($0.symbol) \($0.side) \($0.size) \($0.entryPrice)" })
                    == Set(told.map { "\($0.symbol) \($0.side) \($0.size) \($0.entryPrice)" })
            }
            try await daemon.waitUntilHealthy()
            #expect(try await daemon.stop() == 0)
            var open: Set<String> = []
            var newest: [String: (seq: Int64, time: Int64)] = [:]
            for event in try daemon.events("sub-001") where event.event == "position.update" {
                if let profit = Profit.text(of: event) { #expect(event.unrealizedPnl == profit) }
                if event.cause == "opened" { #expect(open.insert(event.key).inserted, "n=\(event.n)") }
                #expect(open.contains(event.key), "n=\(event.n) \(event.cause ?? "") while flat")
                if event.cause == "closed" { open.remove(event.key) }
                if event.isLifecycle, let seq = event.seq, let time = event.exchangeTs {
                    let stamps = (seq: seq, time: time)
                    if let old = newest[event.key] { #expect(stamps >= old, "n=\(event.n) goes back") }
                    newest[event.key] = stamps
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func aBanOnRESTPausesRESTAndNothingElse() async throws {
        try await Workplace.with { place in
            let stream = ["reconcile_interval: 1s", "rest_ban_pause: 3s"]
            let (exchange, daemon, symbols) = try await self.start(place, symbols: 4, stream: stream)
            try await exchange.setFaults([
                "rest": .object(["path": .string("/v5"), "status": .number(403), "html": .flag(true)])
            ])
            let before = try await exchange.state().nextIndex
            let ban = try await eventually("the first refusal") {
                try await exchange.record("rest", since: before).first
            }
            // The streams do not care.
            try await exchange.close("sub-001", symbols[0])
            try await daemon.event("sub-001", "the close") { $0.cause == "closed" }
            let later = try await eventually("the probe after the pause") {
                try await exchange.record("rest", since: ban.index + 1).first
            }
            // Requests that were under way with the first one may follow it at once.
            let pause = later.time - ban.time
            #expect(pause >= 2900, "REST went on after \(pause) ms")
            let marks = try daemon.events("sub-001").filter {
                $0.cause == "mark" && ($0.receivedTs ?? 0) > ban.time && ($0.receivedTs ?? 0) < later.time
            }
            #expect(marks.count > 5)
            let connects = try await daemon.status().document
            #expect(connects.tickers.connects == 1 && connects.account("sub-001")?.private.connects == 1)
            try await exchange.post("/faults/clear")
            try await daemon.waitUntilHealthy()
            try await self.finish(exchange, daemon)
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [-30_000, 30_000])
    func aClockThatIsHalfAMinuteOffIsNoProblem(skew: Int) async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            try await exchange.setFaults(["clock_skew_ms": .number(skew)])
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            let daemon = try await Daemon.start(AccountsFile(exchange), in: place)
            try await daemon.waitUntilHealthy()
            try await daemon.event("sub-001", "a mark") { $0.cause == "mark" }
            #expect(try await exchange.record("auth_failed").isEmpty)
            // The other way while it runs: whatever is refused is asked for again with the right time.
            try await exchange.setFaults(["clock_skew_ms": .number(-skew)])
            try await exchange.kill("private")
            try await daemon.waitFor("the second connection", within: .seconds(30)) {
                $0.health == "healthy" && $0.account("sub-001")?.private.connects ?? 0 > 1
            }
            #expect(try await daemon.stop() == 0)
        }
    }
}

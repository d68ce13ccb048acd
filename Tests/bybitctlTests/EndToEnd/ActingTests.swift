import Foundation
import Testing

extension EndToEnd {
    /// Consumers that act: what they ask for reaches the exchange once, and is in the journal as it happened.
    @Suite struct Acting {}
}

extension EndToEnd.Acting {
    private static let consumers = [
        "position_manager: { stop_loss_percent: 4 }",
        "trailing_stop: { activation_percent: 2, callback_percent: 0.5, breakeven_percent: 0, min_update_interval: 1s }",
    ]

    private static func file(_ exchange: Exchange, _ consumers: [String] = Self.consumers) -> AccountsFile {
        var file = AccountsFile(exchange)
        file.consumers = consumers
        file.isDryRun = false
        return file
    }

    /// Long, short, and both legs of a hedge: protected, followed, closed at the stop.
    @Test(.timeLimit(.minutes(2)), arguments: [("Buy", 0), ("Sell", 0), ("Buy", 1), ("Sell", 2)])
    func aScriptedMoveIsFollowedAndTriggers(side: String, index: Int) async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            if index > 0 { try await exchange.post("/accounts/hedge", ["account": .string("sub-001")]) }
            let market = try await Market("BTCUSDT", "60000", exchange)
            try await exchange.open("sub-001", "BTCUSDT", side, "0.5", index: index)
            let daemon = try await Daemon.start(Self.file(exchange), in: place)
            let sign = side == "Buy" ? 1 : -1
            let entry = try #require(try await exchange.state().positions.first).entryPrice
            _ = try await daemon.event("sub-001", "the first stop") {
                $0.consumer == "position_manager" && $0.action == "set_stop" && $0.outcome == "done"
            }
            // Up by three percent in steps, waiting each time until the stop has followed.
            var stops: [Decimal] = []
            for thousandths in [21, 25, 30] {
                let mark = try await market.move(from: entry, thousandths: sign * thousandths)
                let wanted = market.callback(from: mark, sign: sign)
                // What comes within the interval waits for the next mark after it.
                try await ContinuousClock().sleep(for: .milliseconds(1_100))
                try await market.move(from: entry, thousandths: sign * thousandths - sign)
                let event = try await daemon.event("sub-001", "the stop behind \(mark)") {
                    $0.consumer == "trailing_stop" && $0.outcome == "done"
                        && $0.params?["stop_loss"].flatMap { Decimal(string: $0) } == wanted
                }
                stops.append(try #require(event.params?["stop_loss"].flatMap { Decimal(string: $0) }))
            }
            #expect(stops == stops.sorted { sign > 0 ? $0 < $1 : $0 > $1 }, "never against the position")
            let status = try await daemon.status().document
            let position = try #require(status.account("sub-001")?.positions?.first)
            #expect(position.trailing?.state == "active" && position.unprotected == false)
            #expect(position.trailing?.stop == position.stopLoss)
            // Down through the stop.
            try await market.move(from: entry, thousandths: sign * 24)
            _ = try await daemon.event("sub-001", "the close") { $0.cause == "closed" }
            try await eventually("nothing is under way") {
                try await Self.journal(daemon).allSatisfy { ["done", "rejected"].contains($0.outcome) }
            }
            #expect(try await exchange.state().positions.isEmpty)
            try await Self.compare(daemon, exchange)
            #expect(try await daemon.status().document.account("sub-001")?.positions?.isEmpty == true)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// The exchange will not set stops: critical, `status` exits 2; and well again when it does.
    @Test(.timeLimit(.minutes(1)))
    func aPositionThatGetsNoStopIsCritical() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            try await exchange.setRESTFaults([
                [
                    "path": .string("/v5/position/trading-stop"), "account": .string("sub-001"),
                    "ret_code": .number(10001), "ret_msg": .string("not today"),
                ]
            ])
            for name in ["sub-001", "sub-002"] { try await exchange.open(name, "BTCUSDT", "Buy", "0.5") }
            let consumers = ["position_manager: { stop_loss_percent: 4, unprotected_alert_after: 2s }"]
            let daemon = try await Daemon.start(Self.file(exchange, consumers), in: place)
            let alert = try await daemon.event("sub-001", "the alert") { $0.code == "position_unprotected" }
            #expect(alert.severity == "critical" && alert.state == "opened" && alert.symbol == "BTCUSDT")
            let (code, document) = try await daemon.status()
            #expect(code == 2)
            #expect(document.account("sub-001")?.health == "critical")
            #expect(document.account("sub-001")?.positions?.first?.unprotected == true)
            #expect(document.account("sub-002")?.health == "healthy")
            #expect(try await Self.journal(daemon).contains { $0.outcome == "rejected" && $0.retCode == 10001 })
            try await exchange.post("/faults/clear")
            try await daemon.waitFor("its stop") { $0.account("sub-001")?.health == "healthy" }
            let resolved = try await daemon.event("sub-001", "the end of the alert") {
                $0.code == "position_unprotected" && $0.state == "resolved"
            }
            #expect(resolved.symbol == "BTCUSDT")
            #expect(try await daemon.ask(["status", "--quiet"]).code == 0)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// The order acts and its reply is lost; the daemon is killed while another waits for its answer.
    @Test(.timeLimit(.minutes(2)))
    func lostRepliesAndKillsMakeNoSecondOrder() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 2, symbols: 2)
            let market = try await Market("BTCUSDT", "60000", exchange)
            for name in ["sub-001", "sub-002"] { try await exchange.open(name, "BTCUSDT", "Buy", "0.5") }
            let entry = try #require(try await exchange.state().positions.first).entryPrice
            let consumers = ["aged_monitor: { max_age: 1s, grace_period: 1h, commission_percent: 0 }"]
            try await exchange.setRESTFaults([
                [
                    "path": .string("/v5/order/create"), "account": .string("sub-001"),
                    "drop_reply": .flag(true), "count": .number(1),
                ],
                [
                    "path": .string("/v5/order/create"), "account": .string("sub-002"),
                    "delay_ms": .number(20_000), "count": .number(1),
                ],
            ])
            try await market.move(from: entry, thousandths: -5)
            let daemon = try await Daemon.start(Self.file(exchange, consumers), in: place)
            try await daemon.waitFor("both") { document in document.accounts.allSatisfy { $0.state == "live" } }
            try await market.move(from: entry, thousandths: 5)
            _ = try await daemon.event("sub-001", "the doubt") { $0.outcome == "unknown" }
            _ = try await daemon.event("sub-001", "the end") { $0.action == "close_position" && $0.outcome == "done" }
            _ = try await daemon.event("sub-002", "the journal") { $0.outcome == "journalled" }
            daemon.process.send(SIGKILL)
            _ = try await daemon.process.exitCode()
            try await exchange.post("/faults/clear")
            try await daemon.restart()
            try await market.move(from: entry, thousandths: 6)
            try await eventually("both are closed") { try await exchange.state().positions.isEmpty }
            try await eventually("nothing is under way") {
                try await Self.journal(daemon).allSatisfy { ["done", "rejected"].contains($0.outcome) }
            }
            try await Self.compare(daemon, exchange)
            for name in ["sub-001", "sub-002"] {
                let filled = try await exchange.record("order", account: name).filter {
                    $0.orderLinkId?.hasPrefix("b") == true && $0.status == .word("Filled")
                }
                #expect(Set(filled.compactMap(\.orderLinkId)).count == 1, "\(name)")
            }
            // The one whose reply was lost was found, not sent again.
            let sent = try await exchange.record("rest", account: "sub-001").filter { $0.text == "/v5/order/create" }
            #expect(sent.count == 1)
            let closes = try await Self.journal(daemon).filter { $0.action == "close_position" }
            #expect(closes.count { $0.account == "sub-001" } == 1)
            #expect(try await daemon.stop() == 0)
        }
    }

    /// Nothing leaves the host in a dry run, and the journal says what would have.
    @Test(.timeLimit(.minutes(1)))
    func aDryRunSendsNothing() async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 1, symbols: 2)
            let market = try await Market("BTCUSDT", "60000", exchange)
            try await exchange.open("sub-001", "BTCUSDT", "Buy", "0.5")
            let entry = try #require(try await exchange.state().positions.first).entryPrice
            var file = Self.file(exchange)
            file.isDryRun = true
            let daemon = try await Daemon.start(file, in: place)
            _ = try await daemon.event("sub-001", "the first stop") { $0.consumer == "position_manager" }
            try await market.move(from: entry, thousandths: 30)
            let event = try await daemon.event("sub-001", "the trailing stop") { $0.consumer == "trailing_stop" }
            #expect(event.dryRun == true && event.outcome == "journalled" && event.orderLinkId?.isEmpty == false)
            #expect(try await exchange.record("order").allSatisfy { $0.orderLinkId?.isEmpty != false })
            let asked = Set(try await exchange.record("rest").compactMap(\.text))
            #expect(asked.contains("/v5/position/list"))
            #expect(asked.isDisjoint(with: ["/v5/order/create", "/v5/position/trading-stop"]))
            let rows = try await Self.journal(daemon)
            #expect(rows.count == 2 && rows.allSatisfy { $0.dryRun && $0.outcome == "journalled" })
            let heard = try await daemon.ask(["events", "--cause", "action", "--tail", "10", "--count", "2"])
            #expect(heard.code == 0)
            #expect(heard.output.split(separator: "\n").allSatisfy { $0.contains(#""event":"action""#) })
            for row in rows { #expect(heard.output.contains(#""order_link_id":"\#(row.orderLinkId)""#)) }
            #expect(try await daemon.stop() == 0)
            // The journal is there without the daemon too.
            #expect(try await Self.journal(daemon).count == 2)
        }
    }

    // MARK: The journal

    struct Row: Decodable {
        let account: String
        let consumer: String
        let action: String
        let symbol: String
        let orderLinkId: String
        let params: [String: String]
        let dryRun: Bool
        let outcome: String
        let retCode: Int?
    }

    private struct Journal: Decodable { let actions: [Row] }

    private static func journal(_ daemon: Daemon) async throws -> [Row] {
        let result = try await daemon.ask(["history", "--actions", "--output", "json", "-n", "1000"])
        guard result.code == 0 else { throw Disappointment("history: \(result.code) \(result.errors)") }
        return try JSONLines.decoder.decode(Journal.self, from: Data(result.output.utf8)).actions
    }

    /// The exchange's own record agrees with the journal, action by action.
    private static func compare(_ daemon: Daemon, _ exchange: Exchange) async throws {
        let rows = try await self.journal(daemon)
        let orders = try await exchange.record("order").filter { $0.orderLinkId?.isEmpty == false }
        let positions = try await exchange.record("position")
        #expect(!rows.isEmpty)
        for order in orders {
            #expect(order.reduceOnly == true)
            #expect(rows.contains { $0.orderLinkId == order.orderLinkId && $0.account == order.account })
        }
        for row in rows where row.action == "close_position" {
            let filled = orders.filter { $0.orderLinkId == row.orderLinkId }.compactMap {
                Decimal(string: $0.filled ?? "0")
            }
            let hasClosed = (filled.max() ?? 0) > 0
            #expect(hasClosed == (row.outcome == "done" && row.retCode != 110017), "\(row)")
        }
        for row in rows where row.action == "set_stop" && row.outcome == "done" {
            let stop = row.params["stop_loss"].flatMap { Decimal(string: $0) }
            #expect(
                positions.contains {
                    $0.account == row.account && $0.stopLoss.flatMap { Decimal(string: $0) } == stop
                },
                "\(row)"
            )
        }
    }
}

/// A symbol whose price a test moves.
private struct Market {
    let symbol: String
    let exchange: Exchange

    init(_ symbol: String, _ price: String, _ exchange: Exchange) async throws {
        self.symbol = symbol
        self.exchange = exchange
        // It moves by the test alone.
        try await exchange.post("/prices", ["running": .flag(false)])
        try await exchange.post("/marks", ["symbol": .string(symbol), "price": .string(price)])
    }

    /// Puts the mark so many thousandths from a price.
    @discardableResult
    func move(from price: String, thousandths: Int) async throws -> Decimal {
        let start = try #require(Decimal(string: price))
        let target = start * Decimal(1_000 + thousandths) / 1_000
        try await self.exchange.post("/marks", ["symbol": .string(self.symbol), "price": .string(target.priceText)])
        let mark = try #require(try await self.exchange.marks().first { $0.symbol == self.symbol }).mark
        return try #require(Decimal(string: mark))
    }

    /// Half a percent back from a mark, at a multiple of 0.1, away from it.
    func callback(from mark: Decimal, sign: Int) -> Decimal {
        var exact = mark * Decimal(sign > 0 ? 995 : 1_005) / 1_000
        var rounded = Decimal()
        NSDecimalRound(&rounded, &exact, 1, sign > 0 ? .down : .up)
        return rounded
    }
}

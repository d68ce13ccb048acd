import Foundation
import Testing

extension EndToEnd {
    /// The merged stream against the exchange's own record.
    @Suite struct Truth {}
}

/// Does what traders and stops do, at random from a seed, through the exchange's control API.
private struct Trading {
    struct Contract {
        let symbol: String
        let step: Decimal
        let price: Decimal
    }

    let exchange: Exchange
    let account: String
    let contracts: [Contract]
    let isHedged: Bool
    let category: String

    func act(_ random: inout Seeded) async throws {
        let contract = contracts[random.below(contracts.count)]
        let index = self.isHedged ? 1 + random.below(2) : 0
        let position: [String: JSONField] = [
            "account": .string(self.account), "symbol": .string(contract.symbol), "position_idx": .number(index),
            "category": .string(self.category),
        ]
        let size = JSONField.string("\(contract.step * Decimal(1 + random.below(9)))")
        let percent = { (number: Int) in JSONField.string((contract.price * Decimal(number) / 100).priceText) }
        switch random.below(20) {
        case 0..<9:
            // One-way: opens, adds, reduces, closes or turns round, as it comes.
            let isLong = self.isHedged ? index == 1 : random.below(2) == 0
            let order: [String: JSONField] = ["side": .string(isLong ? "Buy" : "Sell"), "size": size]
            try await self.exchange.attempt("/positions", position.merging(order) { $1 })
        case 9..<11: try await self.exchange.attempt("/positions/close", position)
        case 11..<13: try await self.exchange.attempt("/positions/close", position.merging(["size": size]) { $1 })
        case 13..<15:
            let leverage = ["leverage": JSONField.number(2 + random.below(20))]
            try await self.exchange.attempt("/positions/leverage", position.merging(leverage) { $1 })
        case 15..<18:
            // A long's stop loss, which closes a short at once, or the other way round.
            let stops = [
                ["stop_loss": percent(80)], ["take_profit": percent(120)], ["trailing_stop": percent(1)],
                ["stop_loss": .string("0"), "take_profit": .string("0"), "trailing_stop": .string("0")],
            ]
            try await self.exchange.attempt("/positions/stop", position.merging(stops[random.below(4)]) { $1 })
        default:
            let mark: [String: JSONField] = [
                "symbol": .string(contract.symbol), "category": .string(self.category),
                "price": percent(97 + random.below(7)),
            ]
            try await self.exchange.attempt("/marks", mark)
        }
    }
}

/// SplitMix64: the same numbers on every machine.
struct Seeded {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var word = self.state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((word ^ (word >> 31)) % UInt64(bound))
    }
}

extension EndToEnd.Truth {
    private static let linear = [
        ("BTCUSDT", "0.001"), ("ETHUSDT", "0.01"), ("1000PEPEUSDT", "100"), ("XRPUSDT", "0.1"), ("BTCPERP", "0.001"),
    ]
    private static let hedgeable = [("BTCUSDT", "0.001"), ("SHIB1000USDT", "10"), ("SOLUSDT", "0.1")]
    private static let inverse = [("BTCUSD", "1"), ("ETHUSD", "1"), ("XRPUSD", "1")]

    private func contracts(_ list: [(String, String)], _ marks: [ExchangeState.Mark]) throws -> [Trading.Contract] {
        try list.map { symbol, step in
            let mark = try #require(marks.first { $0.symbol == symbol })
            return Trading.Contract(
                symbol: symbol,
                step: try #require(Decimal(string: step)),
                price: try #require(Decimal(string: mark.mark))
            )
        }
    }

    /// Every account's stream equals what the exchange did: linear, hedged and inverse; long and short; with frames that
    /// come in pieces, and rows that come twice.
    @Test(.timeLimit(.minutes(2)), arguments: [UInt64(1), 2])
    func everyEventOnceInOrderAndExact(seed: UInt64) async throws {
        try await Workplace.with { place in
            let exchange = try await Exchange.start(in: place, accounts: 3, symbols: 12, seed: seed)
            try await exchange.post("/accounts/hedge", ["account": .string("sub-002"), "on": .flag(true)])
            try await exchange.post("/prices", ["running": .flag(true), "interval_ms": .number(50)])
            let linear = try await Daemon.start(
                AccountsFile(exchange, only: ["sub-001", "sub-002"]),
                in: place,
                name: "linear"
            )
            let inverse = try await Daemon.start(
                AccountsFile(exchange, category: "inverse", only: ["sub-003"]),
                in: place,
                name: "inverse"
            )
            try await linear.waitUntilHealthy()
            try await inverse.waitUntilHealthy()
            if seed == 2 {
                try await exchange.setFaults([
                    "duplicate_rows": .flag(true), "unknown_fields": .flag(true), "split_frames": .number(60),
                    "fragment_frames": .number(150), "data_before_ack": .flag(true),
                ])
            }
            try await exchange.publishEveryMark()
            try await exchange.publishEveryMark("inverse")
            let (prices, inversePrices) = (try await exchange.marks(), try await exchange.marks("inverse"))
            let traders = [
                Trading(
                    exchange: exchange,
                    account: "sub-001",
                    contracts: try self.contracts(Self.linear, prices),
                    isHedged: false,
                    category: "linear"
                ),
                Trading(
                    exchange: exchange,
                    account: "sub-002",
                    contracts: try self.contracts(Self.hedgeable, prices),
                    isHedged: true,
                    category: "linear"
                ),
                Trading(
                    exchange: exchange,
                    account: "sub-003",
                    contracts: try self.contracts(Self.inverse, inversePrices),
                    isHedged: false,
                    category: "inverse"
                ),
            ]
            var random = Seeded(state: seed)
            for round in 0..<120 {
                for trader in traders { try await trader.act(&random) }
                // Now and then the market moves on before the next trade.
                if round % 8 == 0 {
                    let now = try await exchange.state().nextIndex
                    try await eventually("marks") { try await exchange.state().nextIndex > now + 60 }
                }
            }
            try await exchange.post("/prices", ["running": .flag(false)])
            try await self.compare(
                exchange,
                place,
                [
                    (linear, "sub-001", "linear"), (linear, "sub-002", "linear"), (inverse, "sub-003", "inverse"),
                ]
            )
        }
    }

    private func compare(
        _ exchange: Exchange,
        _ place: Workplace,
        _ accounts: [(daemon: Daemon, name: String, category: String)]
    ) async throws {
        let rows = try await exchange.record("position")
        let open = try await exchange.state().positions
        for (daemon, name, category) in accounts {
            let newest = try #require(
                rows.last { $0.account == name && $0.category == category && $0.cause != "repeat" }
            )
            try await daemon.event(name, "the last change of \(name)") { $0.seq == newest.seq && $0.isLifecycle }
            // The table of positions is the exchange's as well.
            let told = try #require(try await daemon.status([name]).document.account(name)?.positions)
            let truth = open.filter { $0.account == name && $0.category == category }
            #expect(
                Set(told.map { "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size) \($0.entryPrice)" })
                    == Set(truth.map { "\($0.symbol) \($0.positionIdx) \($0.side) \($0.size) \($0.entryPrice)" })
            )
            for position in told {
                let profit = Profit.text(
                    category: category,
                    side: position.side,
                    size: position.size,
                    entry: position.entryPrice,
                    mark: position.markPrice ?? ""
                )
                #expect(position.unrealizedPnl == profit)
            }
        }
        // Whatever would still come is in the files after the end.
        for daemon in Set(accounts.map(\.daemon.name)) {
            let first = try #require(accounts.first { $0.daemon.name == daemon })
            #expect(try await first.daemon.stop() == 0)
        }
        let marks = try await exchange.record("mark")
        for (daemon, name, category) in accounts {
            let events = try daemon.events(name)
            let check = TruthCheck(account: name, category: category, events: events, rows: rows, marks: marks)
            #expect(check.problems == [])
            #expect(check.lifecycleCount > 50)
            #expect(check.markCount > 60)
            #expect(Set(events.compactMap(\.category)) == [category])
            try self.checkTheCheck(check, category: category, marks: marks)
        }
    }

    /// The comparison finds what it is there to find.
    private func checkTheCheck(_ good: TruthCheck, category: String, marks: [Fact]) throws {
        let lifecycle = try #require(good.events.lastIndex { $0.isLifecycle })
        let mark = try #require(good.events.lastIndex { $0.cause == "mark" })
        func problems(_ change: (inout [EventLine]) -> Void) -> [String] {
            var events = good.events
            change(&events)
            return TruthCheck(
                account: good.account,
                category: category,
                events: events,
                rows: good.rows,
                marks: marks
            ).problems
        }
        #expect(problems { _ in } == [])
        #expect(problems { $0.remove(at: lifecycle) } != [])
        #expect(problems { $0.insert($0[lifecycle], at: lifecycle) } != [])
        #expect(problems { $0.insert($0[mark], at: mark) } != [])
        #expect(problems { $0.swapAt(lifecycle, lifecycle - 1) } != [])
        let fewer = TruthCheck(
            account: good.account,
            category: category,
            events: good.events,
            rows: good.rows.dropLast(),
            marks: marks
        )
        #expect(fewer.problems != [])
        let without = marks.filter { $0.cs != good.events[mark].seq }
        #expect(
            TruthCheck(account: good.account, category: category, events: good.events, rows: good.rows, marks: without)
                .problems != []
        )
    }
}

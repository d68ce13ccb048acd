import HybridStream
import Logging
import NIOPosix
import Orchestrator
import Simulator
import Testing

/// The trading calls against the simulated exchange, over sockets.
@Suite(.timeLimit(.minutes(1))) struct TradingSocketTests {
    /// A client of one account and its exchange.
    struct Bench: Sendable {
        let exchange: SimulatedExchange
        let client: RESTClient
        let account: AccountIdentity

        static func run(
            timeout: Duration = .seconds(10),
            _ change: (inout SimulatorOptions) -> Void = { _ in },
            _ body: (Bench) async throws -> Void
        ) async throws {
            var options = SimulatorOptions()
            options.activity = .none
            options.pricesRunning = false
            change(&options)
            let exchange = try await SimulatedExchange.start(options)
            let keys = try #require(exchange.credentials(for: "sub-001"))
            let client = RESTClient(
                baseURL: exchange.restURL,
                settings: RESTSettings(requestTimeout: timeout),
                // One loop: shut down while a request's end hops from one to another, the connection pool traps.
                eventLoopGroup: MultiThreadedEventLoopGroup.singleton.next(),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let bench = Bench(
                exchange: exchange,
                client: client,
                account: AccountIdentity(
                    name: "sub-001",
                    credentials: Credentials(apiKey: keys.apiKey, apiSecret: keys.apiSecret)
                )
            )
            do {
                try await bench.control("/marks", #"{"symbol":"BTCUSDT","price":"60000"}"#)
                try await bench.control("/marks", #"{"symbol":"BTCUSD","price":"60000"}"#)
                try await body(bench)
            } catch {
                Issue.record(error)
            }
            try await client.shutdown()
            try await exchange.shutdown()
        }

        func control(_ path: String, _ body: String) async throws {
            let answer = await self.exchange.control("POST", path, body)
            guard answer.status == 200 else { throw Disappointment("POST \(path) \(body): \(answer.body)") }
        }

        func open(_ leg: Leg, _ size: String) async throws {
            if leg.index > 0 { try await self.control("/accounts/hedge", #"{"account":"sub-001"}"#) }
            let symbol = leg.key.symbol
            try await self.control(
                "/positions",
                #"{"account":"sub-001","symbol":"\#(symbol)","side":"\#(leg.side == .buy ? "Buy" : "Sell")","#
                    + #""size":"\#(size)","position_idx":\#(leg.index)}"#
            )
        }

        func row(_ leg: Leg) async throws -> Position {
            let rows = try await self.client.positions(
                category: leg.key.category,
                symbol: leg.key.symbol,
                account: self.account
            )
            guard let row = rows.first(where: { $0.key == leg.key }) else {
                throw Disappointment("no row of \(leg.key)")
            }
            return row
        }

        func close(_ leg: Leg, _ quantity: String, id: String, limit: String? = nil) async throws {
            var order = ClosingOrder(key: leg.key, side: leg.side, quantity: try number(quantity), linkID: id)
            order.limit = try limit.map(number)
            try await self.client.closePosition(order, account: self.account)
        }

        func find(_ leg: Leg, _ id: String) async throws -> OrderInformation? {
            try await self.client.order(
                linkID: id,
                category: leg.key.category,
                symbol: leg.key.symbol,
                account: self.account
            )
        }

        func ended(_ leg: Leg, _ id: String) async throws -> OrderInformation {
            try await eventually("the end of \(id)") {
                guard let order = try await self.find(leg, id), order.isEnded else { return nil }
                return order
            }
        }
    }

    struct Leg: Sendable, CustomTestStringConvertible {
        var side: Side
        var index = 0
        var isInverse = false

        var key: PositionKey {
            PositionKey(
                category: self.isInverse ? .inverse : .linear,
                symbol: self.isInverse ? "BTCUSD" : "BTCUSDT",
                positionIndex: self.index
            )
        }

        /// A price so many thousandths better than 60000; worse if negative.
        func price(_ thousandths: Int) -> String {
            "\(60_000 + 60 * thousandths * (self.side == .buy ? 1 : -1))"
        }

        var size: String { self.isInverse ? "600" : "0.5" }
        var testDescription: String { "\(self.side) \(self.key)" }

        static let long = Leg(side: .buy)
        static let all = [
            Leg.long, Leg(side: .sell), Leg(side: .buy, index: 1), Leg(side: .sell, index: 2),
            Leg(side: .buy, isInverse: true), Leg(side: .sell, isInverse: true),
        ]
    }

    static func number(_ text: String) throws -> FixedPoint { try #require(FixedPoint(text)) }

    private static func verdict(_ body: () async throws -> Void) async throws -> TradingVerdict? {
        do {
            try await body()
            return nil
        } catch let error as RESTError {
            return TradingVerdict(error)
        }
    }

    // MARK: Stops

    @Test(arguments: Leg.all) func aStopStandsOnItsLeg(leg: Leg) async throws {
        try await Bench.run { bench in
            try await bench.open(leg, leg.size)
            var request = TradingStopRequest(key: leg.key, triggerBy: "MarkPrice")
            request.stopLoss = try Self.number(leg.price(-40))
            try await bench.client.setTradingStop(request, account: bench.account)
            let row = try await bench.row(leg)
            #expect(FixedPoint(row.stopLoss) == request.stopLoss && row.side == leg.side)
            // Once more: nothing changes, and the exchange says so.
            let again = request
            #expect(
                try await Self.verdict { try await bench.client.setTradingStop(again, account: bench.account) }
                    == .unchanged
            )
            // On the wrong side of the price.
            request.stopLoss = try Self.number(leg.price(10))
            let wrong = request
            #expect(
                try await Self.verdict { try await bench.client.setTradingStop(wrong, account: bench.account) }
                    == .refused(isRateLimit: false)
            )
            #expect(try await FixedPoint(bench.row(leg).stopLoss) == again.stopLoss)
        }
    }

    @Test(arguments: Leg.all) func aTrailingStopWaitsForItsActivation(leg: Leg) async throws {
        try await Bench.run { bench in
            try await bench.open(leg, leg.size)
            var request = TradingStopRequest(key: leg.key, triggerBy: "MarkPrice")
            request.trailingStop = try Self.number("300")
            request.activation = try Self.number(leg.price(20))
            try await bench.client.setTradingStop(request, account: bench.account)
            let row = try await bench.row(leg)
            #expect(FixedPoint(row.trailingStop) == request.trailingStop)
            func move(_ thousandths: Int) async throws {
                let body = #"{"symbol":"\#(leg.key.symbol)","price":"\#(leg.price(thousandths))"}"#
                try await bench.control("/marks", body)
            }
            // Back by more than the distance before it is armed, and by less after.
            for thousandths in [10, -10, 20, 16] { try await move(thousandths) }
            #expect(try await bench.row(leg).isOpen)
            try await move(15)
            #expect(try await bench.row(leg).isOpen == false)
        }
    }

    @Test func aTrailingStopWithoutActivationIsArmedAtOnce() async throws {
        try await Bench.run { bench in
            try await bench.open(.long, "0.5")
            var request = TradingStopRequest(key: Leg.long.key, triggerBy: "MarkPrice")
            request.trailingStop = try Self.number("300")
            request.activation = .zero
            try await bench.client.setTradingStop(request, account: bench.account)
            for price in ["60001", "59701.1"] {
                try await bench.control("/marks", #"{"symbol":"BTCUSDT","price":"\#(price)"}"#)
            }
            #expect(try await bench.row(.long).isOpen)
            try await bench.control("/marks", #"{"symbol":"BTCUSDT","price":"59701"}"#)
            #expect(try await bench.row(.long).isOpen == false)
        }
    }

    // MARK: Closing

    @Test(arguments: Leg.all, [nil, -1]) func aCloseClosesItsLeg(leg: Leg, offset: Int?) async throws {
        try await Bench.run { bench in
            try await bench.open(leg, leg.size)
            try await bench.close(leg, leg.size, id: "ba-1", limit: offset.map { leg.price($0) })
            let order = try await bench.ended(leg, "ba-1")
            #expect(order.status == "Filled" && order.isReduceOnly && order.linkID == "ba-1")
            #expect(order.executed == FixedPoint(leg.size) && order.quantity == order.executed)
            #expect(try await bench.row(leg).isOpen == false)
        }
    }

    /// The other leg of a hedge is not touched, whatever is asked of this one.
    @Test func theOtherLegStays() async throws {
        try await Bench.run { bench in
            let (long, short) = (Leg(side: .buy, index: 1), Leg(side: .sell, index: 2))
            try await bench.open(long, "0.5")
            try await bench.open(short, "0.3")
            try await bench.close(long, "9", id: "ba-1")
            #expect(try await bench.ended(long, "ba-1").executed == FixedPoint("0.5"))
            #expect(try await bench.row(long).isOpen == false)
            #expect(try await bench.row(short).size == FixedPoint("0.3"))
        }
    }

    @Test func anImmediateOrderThatFindsNoPriceEndsWithNothing() async throws {
        try await Bench.run { bench in
            try await bench.open(.long, "0.5")
            try await bench.close(.long, "0.5", id: "ba-1", limit: "61000")
            let order = try await bench.ended(.long, "ba-1")
            #expect(order.status == "Cancelled" && order.executed.isZero)
            #expect(order.rejectReason == "EC_NoImmediateQtyToFill")
            #expect(try await bench.row(.long).size == FixedPoint("0.5"))
        }
    }

    @Test func anIDIsTakenOnce() async throws {
        try await Bench.run { bench in
            try await bench.open(.long, "0.5")
            try await bench.close(.long, "0.2", id: "ba-1")
            _ = try await bench.ended(.long, "ba-1")
            #expect(try await Self.verdict { try await bench.close(.long, "0.3", id: "ba-1") } == .duplicate)
            #expect(try await bench.find(.long, "ba-1")?.quantity == FixedPoint("0.2"))
            #expect(try await bench.row(.long).size == FixedPoint("0.3"))
            try await bench.close(.long, "0.3", id: "ba-2")
            #expect(try await bench.ended(.long, "ba-2").status == "Filled")
        }
    }

    @Test func nothingToClose() async throws {
        try await Bench.run { bench in
            #expect(try await Self.verdict { try await bench.close(.long, "1", id: "ba-1") } == .flat)
            var request = TradingStopRequest(key: Leg.long.key, triggerBy: "MarkPrice")
            request.stopLoss = FixedPoint(1)
            let stop = request
            #expect(
                try await Self.verdict { try await bench.client.setTradingStop(stop, account: bench.account) } == .flat
            )
            let order = try await bench.find(.long, "ba-1")
            #expect(order == nil)
        }
    }

    // MARK: Replies that are lost

    @Test(arguments: [#""drop_reply":true"#, #""delay_ms":60000"#])
    func anOrderWhoseReplyIsLostIsFound(fault: String) async throws {
        try await Bench.run(timeout: .seconds(2)) { bench in
            try await bench.open(.long, "0.5")
            try await bench.control("/faults", #"{"rest":[{"path":"/v5/order/create","count":1,\#(fault)}]}"#)
            let verdict = try await Self.verdict { try await bench.close(.long, "0.5", id: "ba-1") }
            #expect(verdict == .ambiguous(wasAnswered: false))
            #expect(try await bench.ended(.long, "ba-1").executed == FixedPoint("0.5"))
            // Sent again all the same, it does no harm.
            #expect(try await Self.verdict { try await bench.close(.long, "0.5", id: "ba-1") } == .duplicate)
        }
    }

    @Test(arguments: [
        (#""status":502,"html":true"#, TradingVerdict.ambiguous(wasAnswered: false)),
        (#""ret_code":10016"#, .ambiguous(wasAnswered: false)), (#""ret_code":10006"#, .ambiguous(wasAnswered: true)),
        (#""html":true"#, .ambiguous(wasAnswered: true)),
    ])
    func anOrderThatWasNotTakenIsNotFound(fault: String, expected: TradingVerdict) async throws {
        try await Bench.run { bench in
            try await bench.open(.long, "0.5")
            try await bench.control("/faults", #"{"rest":[{"path":"/v5/order/create","count":1,\#(fault)}]}"#)
            #expect(try await Self.verdict { try await bench.close(.long, "0.5", id: "ba-1") } == expected)
            let order = try await bench.find(.long, "ba-1")
            #expect(order == nil)
            #expect(try await bench.row(.long).size == FixedPoint("0.5"))
            try await bench.close(.long, "0.5", id: "ba-1")
            #expect(try await bench.ended(.long, "ba-1").status == "Filled")
        }
    }

    @Test(arguments: ["expired", "ip", "wrong_env", "read_only"])
    func aKeyThatMayNotTrade(state: String) async throws {
        try await Bench.run { bench in
            try await bench.open(.long, "0.5")
            try await bench.control("/faults", #"{"key_state":{"sub-001":"\#(state)"}}"#)
            #expect(try await Self.verdict { try await bench.close(.long, "0.5", id: "ba-1") } == .impossible)
        }
    }

    // MARK: Quantities

    /// More than one order may have, then less than an order may have: each part under its own id, to the very end.
    @Test func aPositionIsClosedInParts() async throws {
        try await Bench.run { bench in
            try await bench.open(.long, "1.204")
            var rules = Instrument(symbol: "BTCUSDT")
            rules.qtyStep = try Self.number("0.01")
            rules.minOrderQty = try Self.number("0.01")
            rules.maxOrderQty = try Self.number("5")
            rules.maxMarketOrderQty = try Self.number("0.5")
            let trading = TradingExchange(rest: bench.client, account: bench.account, rules: { [rules] _ in rules })
            var closed: [String] = []
            while closed.count < 10 {
                let row = try await bench.row(.long)
                guard row.isOpen else { break }
                let id = "ba-\(closed.count + 1)"
                let action = Action(
                    id: id,
                    seat: .agedMonitor,
                    opening: Opening(row, time: 1),
                    intent: .closePosition(.market),
                    size: row.size,
                    attempt: closed.count + 1,
                    isDryRun: false,
                    created: 1
                )
                #expect(await trading.send(action).kind == .accepted)
                closed.append("\(try await bench.ended(.long, id).executed.normalized)")
            }
            #expect(closed == ["0.5", "0.5", "0.2", "0.004"])
        }
    }

    @Test func theRulesOfAllPages() async throws {
        try await Bench.run {
            $0.symbols = 1_100
        } _: { bench in
            let client = bench.client
            let book = InstrumentBook(
                fetch: { try await client.instruments(category: .linear) },
                now: { Uptime.now() },
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let rules = try #require(await book.rules(of: "BTCUSDT"))
            #expect(rules.tickSize == FixedPoint("0.1") && rules.qtyStep == FixedPoint("0.001"))
            #expect(rules.minOrderQty == FixedPoint("0.001") && rules.status == "Trading")
            #expect(rules.maxOrderQty?.isPositive == true && rules.maxMarketOrderQty?.isPositive == true)
            #expect(await book.rules(of: "SYM1100USDT")?.tickSize?.isPositive == true)
            #expect(await book.rules(of: "BTCUSD") == nil, "of another category")
        }
    }
}

private func number(_ text: String) throws -> FixedPoint { try TradingSocketTests.number(text) }

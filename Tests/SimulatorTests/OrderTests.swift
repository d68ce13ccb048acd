import Testing

@testable import Simulator

struct OrderTests {
    private let buy = #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.5"}"#
    private let close =
        #"{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"9","reduceOnly":true}"#

    @Test func acknowledgesFirstAndFillsLater() throws {
        let harness = CoreHarness { $0.behaviour.fillsPerOrder = 3 }
        let connection = try harness.openPrivate()
        let reply = harness.request("POST", "/v5/order/create", self.buy)
        #expect(reply.retCode == 0)
        #expect(harness.take(connection).isEmpty, "the acknowledgement says nothing about the fill")
        harness.advance(20)
        let frames = try harness.parsed(connection)
        let topics = Set(frames.compactMap { $0["topic"]?.text })
        #expect(topics == ["position", "order", "execution", "wallet"])
        let last = try #require(frames.last { $0["topic"] == .string("position") })
        #expect(last[path: "data", "0", "size"] == .string("0.5"))
        let order = try #require(frames.last { $0["topic"] == .string("order") })
        #expect(order[path: "data", "0", "orderStatus"] == .string("Filled"))
        let filled = frames.filter { $0["topic"] == .string("execution") }
            .compactMap { $0[path: "data", "0", "execQty"]?.units }.reduce(0, +)
        #expect(filled == Units.one / 2)
    }

    @Test func reduceOnlyNeverTurnsAround() throws {
        let harness = CoreHarness()
        let flat = try harness.post("/v5/order/create", self.close)
        #expect(flat["retCode"]?.integer == 110017)
        #expect(flat["retMsg"]?.text == "current position is zero, cannot fix reduce-only order qty")
        _ = try harness.post("/v5/order/create", self.buy)
        // Two closes at once: the second finds nothing left.
        #expect(harness.request("POST", "/v5/order/create", self.close).retCode == 0)
        #expect(harness.request("POST", "/v5/order/create", self.close).retCode == 0)
        harness.advance(50)
        #expect(try harness.position("BTCUSDT").size == 0)
        let states = try harness.facts("order").compactMap { $0["status"]?.text }
        #expect(states.filter { $0 == "Cancelled" }.count == 1)
        #expect(try harness.facts("position").contains { $0["cause"] == .string("flip") } == false)
    }

    @Test func linkIdsAreUniqueForEverAndFindTheOrder() throws {
        let harness = CoreHarness()
        let body =
            #"{"category":"linear","symbol":"ETHUSDT","side":"Buy","orderType":"Market","qty":"1","orderLinkId":"a-1"}"#
        #expect(try harness.post("/v5/order/create", body)["retCode"]?.integer == 0)
        #expect(try harness.post("/v5/order/create", body)["retCode"]?.integer == 110072)
        let found = try harness.get("/v5/order/realtime", "category=linear&symbol=ETHUSDT&orderLinkId=a-1").rows
        #expect(found.count == 1 && found[0]["orderStatus"] == .string("Filled"))
        let bad = body.replacing("a-1", with: "a b")
        #expect(try harness.post("/v5/order/create", bad)["retCode"]?.integer == 10001)
    }

    @Test(arguments: [
        (#"{"category":"linear","symbol":"NOPE","side":"Buy","orderType":"Market","qty":"1"}"#, 10001),
        (#"{"category":"linear","symbol":"BTCUSDT","side":"Up","orderType":"Market","qty":"1"}"#, 10001),
        (#"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.0001"}"#, 10001),
        (#"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.0015"}"#, 10001),
        (
            #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"1","price":"97000.05"}"#,
            10001
        ),
        (
            #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"1","price":"900000"}"#,
            110003
        ),
        (
            #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1","positionIdx":1}"#,
            10001
        ),
        (#"{"category":"linear","symbol":"DOGEUSDT","side":"Buy","orderType":"Market","qty":"1"}"#, 110094),
        (#"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"1000000"}"#, 10001),
    ])
    func refusesWithTheRightCode(body: String, code: Int64) throws {
        let harness = CoreHarness()
        #expect(try harness.post("/v5/order/create", body)["retCode"]?.integer == code)
        #expect(try harness.facts("order").isEmpty)
    }

    @Test func limitOrdersRestAndFillWhenTheMarkCrosses() throws {
        let harness = CoreHarness()
        try harness.control("/marks", #"{"symbol":"SOLUSDT","price":"190"}"#)
        let body =
            #"{"category":"linear","symbol":"SOLUSDT","side":"Buy","orderType":"Limit","qty":"2","price":"180","timeInForce":"PostOnly"}"#
        #expect(try harness.post("/v5/order/create", body)["retCode"]?.integer == 0)
        let open = try harness.get("/v5/order/realtime", "category=linear&settleCoin=USDT").rows
        #expect(open.map { $0["orderStatus"]?.text } == ["New"])
        try harness.control("/marks", #"{"symbol":"SOLUSDT","price":"181"}"#)
        #expect(try harness.position("SOLUSDT").size == 0)
        try harness.control("/marks", #"{"symbol":"SOLUSDT","price":"179.5"}"#)
        let state = try harness.position("SOLUSDT")
        #expect(Units.text(state.size) == "2" && Units.text(state.entry) == "180")
        #expect(try harness.get("/v5/order/realtime", "category=linear&settleCoin=USDT").rows.isEmpty)
        // A post-only order that would trade at once dies instead; so does an IOC that would not.
        let crossing = body.replacing("\"180\"", with: "\"185\"")
        let hopeless = crossing.replacing("185", with: "150").replacing("PostOnly", with: "IOC")
        for order in [crossing, hopeless] { _ = try harness.post("/v5/order/create", order) }
        #expect(Units.text(try harness.position("SOLUSDT").size) == "2")
        #expect(try harness.facts("order").suffix(2).map { $0["status"]?.text } == ["Cancelled", "Cancelled"])
    }

    @Test func cancelsAndRepeatsTheRow() throws {
        let harness = CoreHarness()
        let connection = try harness.openPrivate(topics: ["position", "order"])
        let body =
            #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.1","price":"60000"}"#
        let id = try #require(try harness.post("/v5/order/create", body)[path: "result", "orderId"]?.text)
        #expect(try harness.parsed(connection).map { $0["topic"]?.text } == ["order", "position"])
        let cancel = #"{"category":"linear","symbol":"BTCUSDT","orderId":"\#(id)"}"#
        #expect(try harness.post("/v5/order/cancel", cancel)["retCode"]?.integer == 0)
        let frames = try harness.parsed(connection)
        #expect(frames[0][path: "data", "0", "orderStatus"] == .string("Cancelled"))
        #expect(frames[1][path: "data", "0", "size"] == .string("0"))
        let again = try harness.post("/v5/order/cancel", cancel)
        #expect(again["retCode"]?.integer == 110001)
        #expect(again["retMsg"]?.text == "order not exists or too late to cancel")
        for _ in 0..<3 { _ = try harness.post("/v5/order/create", body) }
        let all = try harness.post("/v5/order/cancel-all", #"{"category":"linear","settleCoin":"USDT"}"#)
        #expect(all.rows.count == 3 && all[path: "result", "success"] == .string("1"))
    }

    @Test func conditionalOrdersTrigger() throws {
        let harness = CoreHarness()
        try harness.control("/marks", #"{"symbol":"BTCUSDT","price":"97000"}"#)
        let body =
            #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.1","triggerPrice":"98000","triggerDirection":1}"#
        _ = try harness.post("/v5/order/create", body)
        let waiting = try harness.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT&orderFilter=StopOrder").rows
        #expect(waiting.map { $0["orderStatus"]?.text } == ["Untriggered"])
        try harness.control("/marks", #"{"symbol":"BTCUSDT","price":"97999.9"}"#)
        #expect(try harness.position("BTCUSDT").size == 0)
        try harness.control("/marks", #"{"symbol":"BTCUSDT","price":"98000"}"#)
        #expect(Units.text(try harness.position("BTCUSDT").size) == "0.1")
        let wrong = body.replacing("\"triggerDirection\":1", with: "\"triggerDirection\":2").replacing(
            "98000",
            with: "99000"
        )
        #expect(try harness.post("/v5/order/create", wrong)["retCode"]?.integer == 110093)
    }

    @Test func tradingStopSetsChangesAndFires() throws {
        let harness = CoreHarness()
        try harness.control("/marks", #"{"symbol":"BTCUSDT","price":"97000"}"#)
        func stop(_ fields: String) throws -> Int64? {
            let body = #"{"category":"linear","symbol":"BTCUSDT","tpslMode":"Full","positionIdx":0,\#(fields)}"#
            return try harness.post("/v5/position/trading-stop", body)["retCode"]?.integer
        }
        #expect(try stop(#""stopLoss":"90000""#) == 10001)
        _ = try harness.post("/v5/order/create", self.buy)
        #expect(try stop(#""stopLoss":"96000","takeProfit":"99000""#) == 0)
        #expect(try stop(#""stopLoss":"96000""#) == 34040)
        #expect(try stop(#""stopLoss":"98000""#) == 10001)
        #expect(try stop(#""takeProfit":"96500""#) == 10001)
        #expect(try stop(#""stopLoss":"96500.0""#) == 0)
        #expect(try stop(#""takeProfit":"0""#) == 0)
        let rows = try harness.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT").rows
        #expect(rows.map { $0["stopOrderType"]?.text } == ["StopLoss"])
        #expect(rows.first?["triggerPrice"] == .string("96500.00"))
        try harness.control("/marks", #"{"symbol":"BTCUSDT","price":"96500.1"}"#)
        #expect(try harness.position("BTCUSDT").size > 0)
        try harness.control("/marks", #"{"symbol":"BTCUSDT","price":"96500"}"#)
        #expect(try harness.position("BTCUSDT").size == 0)
        #expect(try harness.get("/v5/order/realtime", "category=linear&symbol=BTCUSDT").rows.isEmpty)
        let last = try #require(try harness.facts("position").last)
        #expect(last["cause"] == .string("close") && last["stop_loss"] == .string("0"))
    }

    @Test func trailingStopClosesAPosition() throws {
        let harness = CoreHarness()
        try harness.control("/marks", #"{"symbol":"ETHUSDT","price":"3000"}"#)
        try harness.control(
            "/positions",
            #"{"account":"sub-001","symbol":"ETHUSDT","side":"Sell","size":"1","trailing_stop":"50"}"#
        )
        for price in ["2900", "2800", "2849.99"] {
            try harness.control("/marks", #"{"symbol":"ETHUSDT","price":"\#(price)"}"#)
        }
        #expect(try harness.position("ETHUSDT").size > 0)
        try harness.control("/marks", #"{"symbol":"ETHUSDT","price":"2850"}"#)
        #expect(try harness.position("ETHUSDT").size == 0)
        let orders = try harness.facts("order")
        #expect(
            orders.contains { $0["stop_order_type"] == .string("TrailingStop") && $0["status"] == .string("Filled") }
        )
    }

    @Test func hedgeModeNeedsTheIndex() throws {
        let harness = CoreHarness { $0.hedged = true }
        let wrong = try harness.post("/v5/order/create", self.buy)
        #expect(wrong["retMsg"] == .string("position idx not match position mode"))
        let long = self.buy.replacing("\"qty\"", with: "\"positionIdx\":1,\"qty\"")
        #expect(try harness.post("/v5/order/create", long)["retCode"]?.integer == 0)
        #expect(Units.text(try harness.position("BTCUSDT", 1).size) == "0.5")
        let close = self.close.replacing("\"qty\"", with: "\"positionIdx\":1,\"qty\"")
        #expect(try harness.post("/v5/order/create", close)["retCode"]?.integer == 0)
        #expect(try harness.position("BTCUSDT", 1).size == 0)
    }

    @Test func closesAllWithZeroQuantity() throws {
        let harness = CoreHarness()
        _ = try harness.post("/v5/order/create", self.buy)
        let all =
            #"{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0","reduceOnly":true,"closeOnTrigger":true}"#
        #expect(try harness.post("/v5/order/create", all)["retCode"]?.integer == 0)
        #expect(try harness.position("BTCUSDT").size == 0)
    }

    @Test func readOnlyKeysMayNotTrade() throws {
        let harness = CoreHarness()
        try harness.control("/faults", #"{"key_state":{"sub-001":"read_only"}}"#)
        #expect(try harness.post("/v5/order/create", self.buy)["retCode"]?.integer == 10005)
        #expect(try harness.get("/v5/user/query-api", "")[path: "result", "readOnly"]?.integer == 1)
    }

    @Test func activityKeepsBooksThatAddUp() throws {
        let harness = CoreHarness {
            $0.activity = .high
            $0.pricesRunning = true
            $0.accounts = ["a", "b", "c", "d"]
            $0.behaviour = SimulatorBehaviour()
        }
        harness.advance(300_000)
        let facts = try harness.facts("position")
        for cause in ["open", "increase", "reduce", "flip", "amend", "close"] {
            #expect(facts.contains { $0["cause"] == .string(cause) }, "\(cause)")
        }
        for account in harness.core.accounts {
            #expect(account.held.count <= 6)
            for position in account.held {
                #expect(position.state.size % position.instrument.quantityStep == 0)
                #expect(position.state.entry > 0 && position.state.openTime > 0)
                let stops = StopKind.allCases.filter { $0.price(in: position.state) != 0 }
                #expect(Set(position.stopOrders.keys) == Set(stops))
            }
            for order in account.openOrders { #expect(order.isOpen) }
        }
        // Per symbol the sequence only rises, but for settings, which repeat it.
        var last: [String: Int64] = [:]
        for fact in facts {
            let key = (fact["account"]?.text ?? "") + (fact["symbol"]?.text ?? "") + (fact["category"]?.text ?? "")
            let sequence = fact["seq"]?.integer ?? 0
            #expect(sequence >= last[key] ?? -1)
            last[key] = sequence
        }
    }
}

import HybridStream
import Testing

/// What the trading calls put on the wire, byte for byte.
@Suite(.timeLimit(.minutes(1))) struct TradingWireTests {
    private typealias Bench = TradingBench

    struct Stop: Sendable {
        var key: PositionKey
        var stop: String?
        var trailing: String?
        var activation: String?
        var trigger = "MarkPrice"
        var body: String
    }

    private static let head = #"{"category":"linear","symbol":"BTCUSDT","tpslMode":"Full","positionIdx":"#

    @Test(arguments: [
        Stop(
            key: TradingBench.linear,
            stop: "59400.50",
            body: #"\#(head)0,"stopLoss":"59400.50","slTriggerBy":"MarkPrice"}"#
        ),
        Stop(
            key: TradingBench.longLeg,
            stop: "1",
            trigger: "LastPrice",
            body: #"\#(head)1,"stopLoss":"1","slTriggerBy":"LastPrice"}"#
        ),
        Stop(
            key: TradingBench.shortLeg,
            stop: "0.0000001",
            trigger: "IndexPrice",
            body: #"\#(head)2,"stopLoss":"0.0000001","slTriggerBy":"IndexPrice"}"#
        ),
        Stop(
            key: TradingBench.inverse,
            stop: "59400.5",
            body: #"{"category":"inverse","symbol":"BTCUSD","tpslMode":"Full","positionIdx":0,"#
                + #""stopLoss":"59400.5","slTriggerBy":"MarkPrice"}"#
        ),
        // The distance is absolute; the exchange has no say in what triggers a trailing stop, and none is sent.
        Stop(
            key: TradingBench.linear,
            trailing: "250.5",
            activation: "61000",
            body: #"\#(head)0,"trailingStop":"250.5","activePrice":"61000"}"#
        ),
        Stop(key: TradingBench.linear, trailing: "250.5", body: #"\#(head)0,"trailingStop":"250.5"}"#),
        Stop(
            key: TradingBench.linear,
            trailing: "250.5",
            activation: "0",
            body: #"\#(head)0,"trailingStop":"250.5"}"#
        ),
        Stop(
            key: TradingBench.linear,
            stop: "59000",
            trailing: "250.5",
            activation: "61000",
            body: #"\#(head)0,"stopLoss":"59000","slTriggerBy":"MarkPrice","#
                + #""trailingStop":"250.5","activePrice":"61000"}"#
        ),
        // An activation belongs to a distance.
        Stop(
            key: TradingBench.linear,
            stop: "59000",
            activation: "61000",
            body: #"\#(head)0,"stopLoss":"59000","slTriggerBy":"MarkPrice"}"#
        ),
    ])
    func stops(row: Stop) async throws {
        try await Bench.run(script: { _, _ in .result("{}") }) { client, server in
            var request = TradingStopRequest(key: row.key, triggerBy: row.trigger)
            request.stopLoss = try row.stop.map(decimal)
            request.trailingStop = try row.trailing.map(decimal)
            request.activation = try row.activation.map(decimal)
            try await client.setTradingStop(request, account: Bench.account)
            let sent = try #require(server.requests.first)
            #expect(server.count == 1)
            #expect(sent.method == "POST" && sent.target == "/v5/position/trading-stop")
            #expect(sent.body == row.body)
            #expect(sent.headers["content-type"] == "application/json")
            #expect(try Bench.isSigned(sent))
        }
    }

    struct Close: Sendable {
        var key: PositionKey
        var side: Side
        var quantity: String
        var limit: String?
        var body: String
    }

    @Test(arguments: [
        Close(
            key: TradingBench.linear,
            side: .buy,
            quantity: "0.010",
            body: #"{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0.010","#
                + #""reduceOnly":true,"positionIdx":0,"orderLinkId":"ba-0123456789abcdef-7"}"#
        ),
        Close(
            key: TradingBench.linear,
            side: .sell,
            quantity: "12",
            body: #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"12","#
                + #""reduceOnly":true,"positionIdx":0,"orderLinkId":"ba-0123456789abcdef-7"}"#
        ),
        Close(
            key: TradingBench.longLeg,
            side: .buy,
            quantity: "0.5",
            limit: "59940.10",
            body: #"{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Limit","#
                + #""timeInForce":"IOC","price":"59940.10","qty":"0.5","reduceOnly":true,"positionIdx":1,"#
                + #""orderLinkId":"ba-0123456789abcdef-7"}"#
        ),
        Close(
            key: TradingBench.shortLeg,
            side: .sell,
            quantity: "0.5",
            body: #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.5","#
                + #""reduceOnly":true,"positionIdx":2,"orderLinkId":"ba-0123456789abcdef-7"}"#
        ),
        Close(
            key: TradingBench.inverse,
            side: .sell,
            quantity: "100",
            limit: "60060",
            body: #"{"category":"inverse","symbol":"BTCUSD","side":"Buy","orderType":"Limit","timeInForce":"IOC","#
                + #""price":"60060","qty":"100","reduceOnly":true,"positionIdx":0,"#
                + #""orderLinkId":"ba-0123456789abcdef-7"}"#
        ),
        // What is there, whatever it is: the exchange asks for both words.
        Close(
            key: TradingBench.linear,
            side: .buy,
            quantity: "0",
            body: #"{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0","#
                + #""reduceOnly":true,"positionIdx":0,"closeOnTrigger":true,"orderLinkId":"ba-0123456789abcdef-7"}"#
        ),
    ])
    func closes(row: Close) async throws {
        try await Bench.run(script: { _, _ in .result(#"{"orderId":"1","orderLinkId":"x"}"#) }) { client, server in
            var order = ClosingOrder(
                key: row.key,
                side: row.side,
                quantity: try decimal(row.quantity),
                linkID: "ba-0123456789abcdef-7"
            )
            order.limit = try row.limit.map(decimal)
            try await client.closePosition(order, account: Bench.account)
            let sent = try #require(server.requests.first)
            #expect(server.count == 1)
            #expect(sent.method == "POST" && sent.target == "/v5/order/create")
            #expect(sent.body == row.body)
            #expect(try Bench.isSigned(sent))
        }
    }

    @Test func everyCloseIsReduceOnlyWhateverItIsMadeOf() async throws {
        try await Bench.run(script: { _, _ in .result("{}") }) { client, server in
            for category in [Category.linear, .inverse] {
                for index in 0...2 {
                    for side in [Side.buy, .sell, .none] {
                        for limit in [nil, "1.5"] {
                            var order = ClosingOrder(
                                key: PositionKey(category: category, symbol: "A", positionIndex: index),
                                side: side,
                                quantity: try decimal("3"),
                                linkID: "a"
                            )
                            order.limit = try limit.map(decimal)
                            try await client.closePosition(order, account: Bench.account)
                        }
                    }
                }
            }
            #expect(server.count == 36)
            for request in server.requests {
                #expect(request.body.contains(#""reduceOnly":true,"#))
                #expect(!request.body.contains("takeProfit") && !request.body.contains("stopLoss"))
            }
        }
    }

    @Test func theWindowIsTheConfiguredOneAndSigned() async throws {
        try await Bench.run(
            receiveWindow: .milliseconds(1234),
            script: { _, _ in .result(#"{"list":[]}"#) }
        ) { client, server in
            try await client.setTradingStop(
                TradingStopRequest(key: Bench.linear, stopLoss: try decimal("1"), triggerBy: "MarkPrice"),
                account: Bench.account
            )
            let order = ClosingOrder(key: Bench.linear, side: .buy, quantity: try decimal("1"), linkID: "a")
            try await client.closePosition(order, account: Bench.account)
            _ = try await client.order(linkID: "a", category: .linear, symbol: "A", account: Bench.account)
            _ = try await client.positions(category: .linear, symbol: "A", account: Bench.account)
            #expect(server.count == 5)
            for request in server.requests { #expect(try Bench.isSigned(request, window: 1234), "\(request.target)") }
        }
    }

    @Test func whatIsQuotedStaysWithinItsQuotes() async throws {
        try await Bench.run(script: { _, _ in .result("{}") }) { client, server in
            let key = PositionKey(category: .linear, symbol: "A\"\\\u{1}ü\n", positionIndex: 0)
            try await client.setTradingStop(
                TradingStopRequest(key: key, stopLoss: try decimal("1"), triggerBy: "\","),
                account: Bench.account
            )
            #expect(
                server.requests.first?.body
                    == #"{"category":"linear","symbol":"A\"\\\u0001ü\u000a","tpslMode":"Full","positionIdx":0,"#
                    + #""stopLoss":"1","slTriggerBy":"\","}"#
            )
        }
    }

    /// A write is sent once, whatever becomes of it; only a refused time is corrected and tried once more.
    @Test(arguments: [10000, 10001, 10006, 10016, 10019, 34040, 110017, 110072, 110079])
    func aWriteIsSentOnce(code: Int) async throws {
        try await Bench.run(attempts: 4, script: { _, _ in .failure(code, "no") }) { client, server in
            let order = ClosingOrder(key: Bench.linear, side: .buy, quantity: try decimal("1"), linkID: "a")
            let error = await Bench.error { try await client.closePosition(order, account: Bench.account) }
            #expect(error?.retCode == code && error?.account == "sub-001")
            #expect(error?.endpoint == "POST /v5/order/create")
            #expect(server.count == 1)
        }
    }

    @Test func aWriteRefusedForItsTimeIsSentAgainWithTheSameID() async throws {
        let now = 1_600_000_000_000
        try await Bench.run(script: { index, _ in
            index == 0
                ? .failure(10002, "req_timestamp[1],server_timestamp[\(now)],recv_window[5000]")
                : .result(#"{"orderId":"1","orderLinkId":"a"}"#)
        }) { client, server in
            let order = ClosingOrder(key: Bench.linear, side: .buy, quantity: try decimal("1"), linkID: "a")
            try await client.closePosition(order, account: Bench.account)
            #expect(server.count == 2)
            #expect(server.requests[0].body == server.requests[1].body)
            let corrected = server.requests[1].headers["x-bapi-timestamp"].flatMap { Int($0) } ?? 0
            #expect(abs(corrected - now) < 60_000)
            for request in server.requests { #expect(try Bench.isSigned(request)) }
        }
    }
}

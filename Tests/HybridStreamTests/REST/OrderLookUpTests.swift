import HybridStream
import Synchronization
import Testing

/// How an order is looked up by its link id, and what is made of the rows.
@Suite(.timeLimit(.minutes(1))) struct OrderLookUpTests {
    private typealias Bench = TradingBench

    private static func list(_ rows: String..., cursor: String = "") -> ScriptedServer.Answer {
        .result(
            #"{"category":"linear","list":[\#(rows.joined(separator: ","))],"nextPageCursor":"\#(cursor)"}"#
        )
    }

    private static func row(_ link: String, _ more: String = #""orderStatus":"Filled""#) -> String {
        #"{"orderId":"7","orderLinkId":"\#(link)",\#(more)}"#
    }

    private static func find(_ client: RESTClient) async throws -> OrderInformation? {
        try await client.order(linkID: "ba-1 &", category: .linear, symbol: "BTCUSDT", account: Bench.account)
    }

    @Test func openAndRecentOnesFirstThenTheHistory() async throws {
        try await Bench.run(script: { _, request in
            request.path == "/v5/order/history"
                ? Self.list(
                    #"{"orderId":"7","orderLinkId":"ba-1 &","orderStatus":"Cancelled","qty":"0.50","#
                        + #""cumExecQty":"0.125","rejectReason":"EC_NoImmediateQtyToFill","reduceOnly":true,"new":{}}"#
                ) : Self.list()
        }) { client, server in
            var expected = OrderInformation()
            expected.orderID = "7"
            expected.linkID = "ba-1 &"
            expected.status = "Cancelled"
            expected.quantity = try decimal("0.5")
            expected.executed = try decimal("0.125")
            expected.isReduceOnly = true
            expected.rejectReason = "EC_NoImmediateQtyToFill"
            let found = try await Self.find(client)
            #expect(found == expected)
            let query = "?category=linear&symbol=BTCUSDT&orderLinkId=ba-1%20%26"
            #expect(server.requests.map(\.target) == ["/v5/order/realtime\(query)", "/v5/order/history\(query)"])
            #expect(server.requests.allSatisfy { $0.method == "GET" && $0.body.isEmpty })
            for request in server.requests { #expect(try Bench.isSigned(request)) }
        }
    }

    @Test func oneThatIsFoundAtOnceIsNotLookedForAgain() async throws {
        try await Bench.run(script: { _, _ in
            Self.list(Self.row("ba-1 &", #""orderStatus":"New","qty":2,"cumExecQty":"","reduceOnly":false"#))
        }) { client, server in
            let found = try await Self.find(client)
            let order = try #require(found)
            #expect(order.status == "New" && !order.isEnded && !order.isReduceOnly)
            #expect(order.quantity == FixedPoint(2) && order.executed.isZero)
            #expect(server.count == 1)
        }
    }

    /// Only when both have answered and neither knows it; rows of others are none, nor is a further page of them.
    @Test func unknownOnlyWhenBothListingsSaySo() async throws {
        try await Bench.run(script: { _, _ in
            Self.list(Self.row("ba-1"), Self.row(""), Self.row("BA-1 &"), cursor: "page_token%3D39380%26")
        }) { client, server in
            let found = try await Self.find(client)
            #expect(found == nil)
            #expect(server.requests.map(\.path) == ["/v5/order/realtime", "/v5/order/history"])
        }
    }

    @Test(arguments: [
        ScriptedServer.Answer.failure(10016, "Internal System Error."), .failure(10006, "Too many visits!"),
        .failure(10001, "params error"), .reply(status: 502, body: "<html></html>"), .close,
        .reply(body: #"{"retCode":0,"retMsg":"OK"}"#), .reply(body: #"{"retCode":0,"result":{}}"#),
        .result(#"{"list":null}"#), .reply(body: #"{"retCode":0,"result":{"list":["#),
    ])
    func aListingThatFailsIsNoAnswer(answer: ScriptedServer.Answer) async throws {
        for failing in ["/v5/order/realtime", "/v5/order/history"] {
            try await Bench.run(script: { _, request in
                request.path == failing ? answer : Self.list()
            }) { client, _ in
                let error = await Bench.error { _ = try await Self.find(client) }
                #expect(error?.endpoint == "GET \(failing)", "an order that may exist must not pass for missing")
                #expect(error?.account == "sub-001")
            }
        }
    }

    /// What an order has closed decides about the next one.
    @Test(arguments: [
        #"{"orderLinkId":"ba-1 &","orderStatus":"Filled"}"#, #"{"orderId":"7","orderLinkId":"ba-1 &"}"#,
        #"{"orderId":"7","orderLinkId":"ba-1 &","orderStatus":"Filled","cumExecQty":"much"}"#,
        #"{"orderId":"7","orderLinkId":"ba-1 &","orderStatus":"Filled","cumExecQty":{}}"#,
        #"{"orderId":"7","orderLinkId":"ba-1 &","orderStatus":"Filled","qty":"1e3x"}"#,
    ])
    func aRowThatCannotBeReadIsNoAnswer(row: String) async throws {
        try await Bench.run(script: { _, _ in Self.list(row) }) { client, _ in
            let error = await Bench.error { _ = try await Self.find(client) }
            #expect(error?.code == .malformed)
            #expect(error?.endpoint == "GET /v5/order/realtime")
        }
    }

    @Test(arguments: [
        ("New", false), ("PartiallyFilled", false), ("Untriggered", false), ("Triggered", false), ("Created", false),
        ("Filled", true), ("Cancelled", true), ("Rejected", true), ("Deactivated", true),
        ("PartiallyFilledCanceled", true),
    ])
    func ends(status: String, isEnded: Bool) {
        var order = OrderInformation()
        order.status = status
        #expect(order.isEnded == isEnded)
    }

    // MARK: Rows of a position

    @Test func allRowsOfASymbol() async throws {
        try await Bench.run(script: { _, _ in
            Self.list(
                #"{"symbol":"BTCUSDT","positionIdx":2,"side":"","size":"0","avgPrice":"0"}"#,
                #"{"symbol":"BTCUSDT","positionIdx":1,"side":"Buy","size":"0.5","avgPrice":"60000.5","#
                    + #""stopLoss":"59000","trailingStop":"250"}"#
            )
        }) { client, server in
            let rows = try await client.positions(category: .linear, symbol: "BTCUSDT", account: Bench.account)
            #expect(server.requests.map(\.target) == ["/v5/position/list?category=linear&symbol=BTCUSDT"])
            #expect(rows.map(\.key) == [Bench.shortLeg, Bench.longLeg])
            #expect(rows.map(\.isOpen) == [false, true])
            #expect(rows.last?.stopLoss == "59000" && rows.last?.trailingStop == "250")
        }
    }

    @Test func aRowOfAPositionThatCannotBeReadFailsTheWholeListing() async throws {
        try await Bench.run(script: { _, _ in
            Self.list(
                #"{"symbol":"BTCUSDT","positionIdx":1,"side":"Buy","size":"0.5","avgPrice":"60000.5"}"#,
                #"{"symbol":"BTCUSDT","positionIdx":2,"side":"Sell","size":"lots","avgPrice":"1"}"#
            )
        }) { client, _ in
            let error = await Bench.error {
                _ = try await client.positions(category: .linear, symbol: "BTCUSDT", account: Bench.account)
            }
            #expect(error?.code == .malformed && error?.endpoint == "GET /v5/position/list")
        }
    }
}

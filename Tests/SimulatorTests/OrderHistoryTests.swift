import Testing

@testable import Simulator

/// `GET /v5/order/history`, and what `GET /v5/order/realtime` tells of orders that have ended.
struct OrderHistoryTests {
    private static func harness() throws -> CoreHarness {
        let harness = CoreHarness()
        try harness.control("/marks", #"{"symbol":"BTCUSDT","price":"97000"}"#)
        try harness.control("/marks", #"{"symbol":"ETHUSDT","price":"3000"}"#)
        return harness
    }

    private static func order(
        _ harness: CoreHarness,
        _ link: String,
        symbol: String = "BTCUSDT",
        category: String = "linear",
        quantity: String = "0.1"
    ) throws -> String {
        let body =
            #"{"category":"\#(category)","symbol":"\#(symbol)","side":"Buy","orderType":"Market","#
            + #""qty":"\#(quantity)","orderLinkId":"\#(link)"}"#
        return try #require(try harness.post("/v5/order/create", body)[path: "result", "orderId"]?.text)
    }

    private static func links(_ harness: CoreHarness, _ query: String, _ path: String = "/v5/order/history") throws
        -> [String?]
    {
        let reply = try harness.get(path, query)
        #expect(reply["retCode"]?.integer == 0, "\(query)")
        return reply.rows.map { $0["orderLinkId"]?.text }
    }

    @Test func knowsWhatHasEndedAndNothingElse() throws {
        let harness = try Self.harness()
        _ = try Self.order(harness, "filled")
        let body =
            #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.1","#
            + #""price":"60000","orderLinkId":"open"}"#
        _ = try harness.post("/v5/order/create", body)
        #expect(try Self.links(harness, "category=linear&symbol=BTCUSDT") == ["filled"])
        #expect(try Self.links(harness, "category=linear&symbol=BTCUSDT&orderLinkId=open") == [])
        let realtime = "/v5/order/realtime"
        #expect(try Self.links(harness, "category=linear&symbol=BTCUSDT", realtime) == ["open"])
        for link in ["open", "filled"] {
            let query = "category=linear&symbol=BTCUSDT&orderLinkId=\(link)"
            #expect(try Self.links(harness, query, realtime) == [link])
        }
        #expect(try Self.links(harness, "category=linear&symbol=BTCUSDT&openOnly=1", realtime) == ["filled"])
        let cancel = #"{"category":"linear","symbol":"BTCUSDT","orderLinkId":"open"}"#
        #expect(try harness.post("/v5/order/cancel", cancel)["retCode"]?.integer == 0)
        let row = try #require(try harness.get("/v5/order/history", "category=linear&orderLinkId=open").rows.first)
        #expect(row["orderStatus"] == .string("Cancelled") && row["cumExecQty"] == .string("0"))
    }

    @Test func filters() throws {
        let harness = try Self.harness()
        let id = try Self.order(harness, "btc")
        _ = try Self.order(harness, "eth", symbol: "ETHUSDT", quantity: "1")
        _ = try Self.order(harness, "usdc", symbol: "BTCPERP", quantity: "0.1")
        _ = try Self.order(harness, "inverse", symbol: "BTCUSD", category: "inverse", quantity: "100")
        let stop = #"{"category":"linear","symbol":"BTCUSDT","tpslMode":"Full","positionIdx":0,"stopLoss":"90000"}"#
        #expect(try harness.post("/v5/position/trading-stop", stop)["retCode"]?.integer == 0)
        let close =
            #"{"category":"linear","symbol":"BTCUSDT","side":"Sell","orderType":"Market","qty":"0.1","#
            + #""reduceOnly":true,"orderLinkId":"close"}"#
        #expect(try harness.post("/v5/order/create", close)["retCode"]?.integer == 0)
        func links(_ query: String) throws -> Set<String?> { Set(try Self.links(harness, query)) }
        // The stop's own order has no link id.
        #expect(try links("category=linear") == ["btc", "eth", "usdc", "close", ""])
        #expect(try links("category=linear&symbol=BTCUSDT") == ["btc", "close", ""])
        #expect(try links("category=linear&symbol=BTCUSDT&orderFilter=Order") == ["btc", "close"])
        #expect(try links("category=linear&symbol=BTCUSDT&orderFilter=StopOrder") == [""])
        #expect(try links("category=linear&settleCoin=USDC") == ["usdc"])
        #expect(try links("category=linear&baseCoin=ETH") == ["eth"])
        #expect(try links("category=inverse") == ["inverse"])
        #expect(try links("category=linear&orderId=\(id)") == ["btc"])
        #expect(try links("category=linear&symbol=BTCUSDT&orderLinkId=close") == ["close"])
        #expect(try links("category=linear&symbol=ETHUSDT&orderLinkId=close") == [])
        #expect(try links("category=inverse&orderLinkId=close") == [])
        #expect(try links("category=linear&orderLinkId=nobody") == [])
        // Another account's orders are its own.
        #expect(try harness.get("/v5/order/history", "category=linear", account: "sub-002").rows.isEmpty)
        for query in ["", "category=spot", "category=moon", "category=linear&limit=0", "category=linear&limit=51"] {
            #expect(try harness.get("/v5/order/history", query)["retCode"]?.integer == 10001, "\(query)")
        }
        #expect(try harness.get("/v5/order/history", "category=linear&cursor=x")["retCode"]?.integer == 10001)
    }

    @Test func pagesFromTheNewestToTheOldest() throws {
        let harness = try Self.harness()
        for number in 0..<45 { _ = try Self.order(harness, "n-\(number)", quantity: "0.001") }
        let wanted = (0..<45).reversed().map { "n-\($0)" }
        // Twenty to a page unless it is said.
        #expect(try Self.links(harness, "category=linear") == Array(wanted[..<20]))
        for limit in [1, 20, 44, 45, 50] {
            var seen: [String?] = []
            var cursor = ""
            var pages = 0
            repeat {
                let query = "category=linear&limit=\(limit)" + (cursor.isEmpty ? "" : "&cursor=\(cursor)")
                let reply = try harness.get("/v5/order/history", query)
                seen += reply.rows.map { $0["orderLinkId"]?.text }
                cursor = try #require(reply[path: "result", "nextPageCursor"]?.text)
                pages += 1
                #expect(reply.rows.count <= limit && cursor.contains("%") == !cursor.isEmpty)
            } while !cursor.isEmpty && pages < 100
            #expect(seen == wanted, "\(limit)")
            #expect(pages == (45 + limit - 1) / limit)
        }
    }

    /// The newest five hundred at least; a link id stays taken even when its order is forgotten.
    @Test func keepsTheNewest() throws {
        let harness = try Self.harness()
        for number in 0..<650 { _ = try Self.order(harness, "n-\(number)", quantity: "0.001") }
        func isKnown(_ number: Int) throws -> Bool {
            try Self.links(harness, "category=linear&orderLinkId=n-\(number)") == ["n-\(number)"]
        }
        for number in [649, 400, 150] { #expect(try isKnown(number), "\(number)") }
        #expect(try !isKnown(0))
        let again =
            #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.001","orderLinkId":"n-0"}"#
        #expect(try harness.post("/v5/order/create", again)["retCode"]?.integer == 110072)
    }
}

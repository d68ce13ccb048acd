import Testing

@testable import Simulator

struct RESTTests {
    @Test func tellsWhatIsWrongWithARequest() throws {
        let harness = CoreHarness()
        let keys = Credentials.derive(seed: 1, account: "sub-001")
        func code(key: String, time: Int64, sign: String? = nil, query: String = "category=linear&settleCoin=USDT")
            throws
            -> (Int64?, String)
        {
            let plain = "\(time)\(key)5000\(query)"
            let reply = harness.core.rest(
                RESTRequest(
                    method: "GET",
                    path: "/v5/position/list",
                    query: query,
                    body: [],
                    apiKey: key,
                    timestamp: String(time),
                    receiveWindow: "5000",
                    signature: sign ?? Digest.hmacSHA256(Array(plain.utf8), secret: Array(keys.apiSecret.utf8))
                ),
                now: harness.now
            )
            #expect(reply.status == 200)
            let body = try #require(JSONValue(parsing: reply.body))
            return (body["retCode"]?.integer, body["retMsg"]?.text ?? "")
        }
        let now = harness.now
        #expect(try code(key: keys.apiKey, time: now).0 == 0)
        #expect(try code(key: keys.apiKey, time: now - 5000).0 == 0)
        #expect(try code(key: keys.apiKey, time: now + 999).0 == 0)
        #expect(try code(key: "nobody", time: now) == (10003, "API key is invalid."))
        let late = try code(key: keys.apiKey, time: now - 5001)
        #expect(late.0 == 10002)
        #expect(
            late.1
                == "invalid request, please check your server timestamp or recv_window param. "
                + "req_timestamp[\(now - 5001)],server_timestamp[\(now)],recv_window[5000]"
        )
        #expect(try code(key: keys.apiKey, time: now + 1000).0 == 10002)
        let forged = try code(key: keys.apiKey, time: now, sign: "00")
        #expect(forged.0 == 10004)
        #expect(forged.1 == "error sign! origin_string[\(now)\(keys.apiKey)5000category=linear&settleCoin=USDT]")
        let bare = harness.core.rest(
            RESTRequest(method: "GET", path: "/v5/position/list", query: "", body: []),
            now: now
        )
        #expect(bare.status == 401)
        #expect(harness.request("GET", "/v5/nothing").status == 404)
    }

    @Test func clockSkewMovesTheServersTime() throws {
        let harness = CoreHarness()
        try harness.control("/faults", #"{"clock_skew_ms":90000}"#)
        let time = try harness.get("/v5/market/time", "")
        #expect(time["time"]?.integer == harness.now + 90_000)
        #expect(time[path: "result", "timeSecond"]?.integer == (harness.now + 90_000) / 1000)
        #expect(try harness.get("/v5/account/info", "")["retCode"]?.integer == 10002)
    }

    @Test func listsBySettleCoinInPages() throws {
        let harness = CoreHarness { $0.symbols = 60 }
        let symbols = harness.core.markets.filter { $0.instrument.category == .linear }.map(\.instrument)
        for instrument in symbols {
            let size = Units.text(instrument.quantityStep * 3)
            let body = #"{"account":"sub-001","symbol":"\#(instrument.symbol)","side":"Buy","size":"\#(size)"}"#
            try harness.control("/positions", body)
        }
        let usdt = Set(symbols.filter { $0.settle == "USDT" }.map(\.symbol))
        for encoded in [false, true] {
            var seen: [String] = []
            var cursor = ""
            var pages = 0
            repeat {
                let token = encoded ? cursor.replacing("%", with: "%25") : cursor
                let query = "category=linear&settleCoin=USDT" + (cursor.isEmpty ? "" : "&cursor=\(token)")
                let page = try harness.get("/v5/position/list", query)
                #expect(page.rows.count <= 20)
                seen += page.rows.compactMap { $0["symbol"]?.text }
                cursor = page[path: "result", "nextPageCursor"]?.text ?? ""
                if !cursor.isEmpty { #expect(cursor.contains("%")) }
                pages += 1
            } while !cursor.isEmpty && pages < 10
            #expect(pages == 3)
            #expect(seen.count == usdt.count)
            #expect(Set(seen) == usdt)
        }
        let all = try harness.get("/v5/position/list", "category=linear&settleCoin=USDT&limit=200")
        #expect(all.rows.count == usdt.count)
        #expect(all.rows.allSatisfy { $0["avgPrice"] != nil && $0["entryPrice"] == nil && $0["category"] == nil })
        #expect(try harness.get("/v5/position/list", "category=linear&settleCoin=USDC").rows.count == 2)
        try harness.control("/faults", #"{"partial_sweep":true}"#)
        let first = try harness.get("/v5/position/list", "category=linear&settleCoin=USDT")
        let next = first[path: "result", "nextPageCursor"]?.text ?? ""
        #expect(first["retCode"]?.integer == 0)
        let second = try harness.get("/v5/position/list", "category=linear&settleCoin=USDT&cursor=\(next)")
        #expect(second["retCode"]?.integer == 10016)
    }

    @Test func listsBySymbolAlsoWhatIsFlat() throws {
        let harness = CoreHarness()
        let flat = try harness.get("/v5/position/list", "category=linear&symbol=BTCUSDT").rows
        #expect(flat.count == 1)
        #expect(flat[0]["size"] == .string("0") && flat[0]["side"] == .string(""))
        #expect(try harness.get("/v5/position/list", "category=linear&settleCoin=USDT").rows.isEmpty)
        let missing = try harness.get("/v5/position/list", "category=linear")
        #expect(missing["retCode"]?.integer == 10001)
        #expect(missing["retMsg"]?.text == "Missing some parameters that must be filled in, symbol or settleCoin")
        try harness.control("/positions", #"{"account":"sub-001","symbol":"BTCUSD","side":"Sell","size":"300"}"#)
        #expect(try harness.get("/v5/position/list", "category=inverse").rows.count == 1)
        #expect(
            try harness.get("/v5/position/list", "category=linear&symbol=BTCUSDT&limit=201")["retCode"]?.integer
                == 10001
        )
    }

    @Test func sweepsCanBeOld() throws {
        let harness = CoreHarness()
        try harness.control("/faults", #"{"stale_sweep":2000}"#)
        try harness.control("/positions", #"{"account":"sub-001","symbol":"BTCUSDT","side":"Buy","size":"1"}"#)
        #expect(try harness.get("/v5/position/list", "category=linear&settleCoin=USDT").rows.isEmpty)
        harness.advance(2100)
        #expect(try harness.get("/v5/position/list", "category=linear&settleCoin=USDT").rows.count == 1)
    }

    @Test func reportsMarketsAccountAndKey() throws {
        let harness = CoreHarness { $0.symbols = 700 }
        let first = try harness.get("/v5/market/instruments-info", "category=linear")
        #expect(first.rows.count == 500)
        let cursor = first[path: "result", "nextPageCursor"]?.text ?? ""
        let second = try harness.get("/v5/market/instruments-info", "category=linear&cursor=\(cursor)")
        #expect(second.rows.count == 200)
        #expect(second[path: "result", "nextPageCursor"] == .string(""))
        #expect(first.rows[0][path: "priceFilter", "tickSize"] == .string("0.10"))
        let ticker = try harness.get("/v5/market/tickers", "category=inverse&symbol=BTCUSD").rows
        #expect(ticker.count == 1 && ticker[0]["markPrice"] != nil && ticker[0]["deliveryTime"] == .string("0"))
        #expect(try harness.get("/v5/market/tickers", "category=spot").rows.allSatisfy { $0["bid1Price"] != nil })
        let key = try harness.get("/v5/user/query-api", "")
        #expect(key["retMsg"] == .string("") && key[path: "result", "readOnly"]?.integer == 0)
        let wallet = try harness.get("/v5/account/wallet-balance", "accountType=UNIFIED&coin=USDT,USDC").rows
        #expect(wallet[0]["coin"]?.array?.count == 2)
        #expect(try harness.get("/v5/account/info", "")[path: "result", "marginMode"]?.text == "REGULAR_MARGIN")
    }

    @Test func enforcesItsLimits() throws {
        let harness = CoreHarness {
            $0.limits.enforced = true
            $0.limits.connections = 2
            $0.limits.requests = 60
        }
        _ = try harness.open("/v5/private")
        _ = try harness.open("/v5/private")
        #expect(throws: HarnessError.refused) { try harness.open("/v5/private") }
        harness.advance(300_001)
        _ = try harness.open("/v5/private")
        for _ in 0..<50 { #expect(harness.request("GET", "/v5/account/info").retCode == 0) }
        let limited = harness.request("GET", "/v5/account/info")
        #expect(limited.retCode == 10006 && limited.limit?.left == 0)
        harness.advance(1000)
        for _ in 0..<9 { _ = harness.request("GET", "/v5/market/time") }
        #expect(harness.request("GET", "/v5/market/time").status == 403)
        harness.advance(600_001)
        #expect(harness.request("GET", "/v5/market/time").status == 200)
    }

    @Test func restFaultsHitTheirPath() throws {
        let harness = CoreHarness()
        try harness.control(
            "/faults",
            #"{"rest":[{"path":"/v5/position","status":403,"html":true,"count":1},{"path":"/v5/account","ret_code":10006,"no_reset_header":true}]}"#
        )
        let blocked = harness.request("GET", "/v5/position/list", "category=linear&settleCoin=USDT")
        #expect(blocked.status == 403 && blocked.contentType == "text/html")
        #expect(harness.request("GET", "/v5/position/list", "category=linear&settleCoin=USDT").status == 200)
        let limited = harness.request("GET", "/v5/account/info")
        #expect(limited.retCode == 10006 && limited.withoutResetHeader)
        try harness.control("/faults", #"{"rest":null}"#)
        #expect(harness.request("GET", "/v5/account/info").retCode == 0)
        let unknown = harness.core.control("POST", "/faults", Array(#"{"nonsense":1}"#.utf8), now: harness.now)
        #expect(unknown.status == 400)
    }
}

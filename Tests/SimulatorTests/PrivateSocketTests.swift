import Testing

@testable import Simulator

struct PrivateSocketTests {
    private func authenticate(_ harness: CoreHarness, expires: String, key: String? = nil, signed: String? = nil) throws
        -> [JSONValue]
    {
        let connection = try harness.open("/v5/private")
        let keys = Credentials.derive(seed: 1, account: "sub-001")
        let plain = "GET/realtime\(signed ?? expires.filter { $0 != "\"" })"
        let signature = Digest.hmacSHA256(Array(plain.utf8), secret: Array(keys.apiSecret.utf8))
        let message = #"{"req_id":"a","op":"auth","args":["\#(key ?? keys.apiKey)",\#(expires),"\#(signature)"]}"#
        harness.send(message, on: connection)
        return try harness.parsed(connection)
    }

    @Test func acceptsExpiryAsNumberAndAsText() throws {
        let harness = CoreHarness()
        for expires in ["\(harness.now + 5000)", "\"\(harness.now + 5000)\""] {
            let reply = try #require(try self.authenticate(harness, expires: expires).first)
            #expect(reply["success"] == .bool(true) && reply["op"] == .string("auth"))
            #expect(reply["req_id"] == .string("a") && reply["conn_id"]?.text?.isEmpty == false)
        }
        #expect(try harness.facts("authenticated").count == 2)
    }

    @Test func refusesWithParamsError() throws {
        let harness = CoreHarness()
        let replies =
            try self.authenticate(harness, expires: "\(harness.now)")
            + self.authenticate(harness, expires: "\(harness.now + 5000)", key: "nobody")
            + self.authenticate(harness, expires: "\(harness.now + 5000)", signed: "1")
        #expect(replies.count == 3)
        #expect(replies.allSatisfy { $0["success"] == .bool(false) && $0["ret_msg"] == .string("Params Error") })
    }

    @Test(arguments: ["expired", "ip", "wrong_env"])
    func refusesKeysThatAreNoGood(state: String) throws {
        let harness = CoreHarness()
        try harness.control("/faults", #"{"key_state":{"sub-001":"\#(state)"}}"#)
        let reply = try #require(try self.authenticate(harness, expires: "\(harness.now + 5000)").first)
        #expect(reply["ret_msg"] == .string("Params Error"))
        let code = try harness.get("/v5/user/query-api", "")["retCode"]?.integer
        #expect(code == ["expired": 33004, "ip": 10010, "wrong_env": 10003][state])
    }

    @Test func subscribesOnlyAfterAuthentication() throws {
        let harness = CoreHarness()
        let connection = try harness.open("/v5/private")
        harness.send(#"{"op":"subscribe","args":["position"]}"#, on: connection)
        let reply = try #require(try harness.parsed(connection).first)
        #expect(reply["success"] == .bool(false) && reply["ret_msg"] == .string("Request not authorized"))
        #expect(reply["req_id"] == nil)
    }

    @Test func knowsItsTopics() throws {
        let harness = CoreHarness()
        let connection = try harness.openPrivate(topics: [])
        func subscribe(_ topics: String) throws -> String? {
            harness.send(#"{"req_id":"s","op":"subscribe","args":[\#(topics)]}"#, on: connection)
            return try harness.parsed(connection).first?["ret_msg"]?.text
        }
        #expect(try subscribe(#""position","order.linear","execution.fast.linear","wallet""#) == "")
        #expect(try subscribe(#""position.spot""#) == "error:handler not found,topic:position.spot")
        #expect(try subscribe(#""wallet","greeks""#) == "error:already subscribed,topic:wallet")
        #expect(try subscribe(#""execution","execution.linear""#)?.hasPrefix("error:handler not found") == true)
        #expect(try subscribe(#""greeks""#) == "")
    }

    @Test func pongsWithTheTime() throws {
        let harness = CoreHarness()
        let connection = try harness.openPrivate()
        harness.send(#"{"op":"ping"}"#, on: connection)
        harness.send(#"{"op":"ping","req_id":"p"}"#, on: connection)
        let pongs = try harness.parsed(connection)
        #expect(pongs[0]["op"] == .string("pong") && pongs[0]["req_id"] == nil)
        #expect(pongs[0][path: "args", "0"] == .string(String(harness.now)))
        #expect(pongs[1]["req_id"] == .string("p"))
    }

    @Test func cutsQuietSocketsAtTheScan() throws {
        let harness = CoreHarness()
        let connection = try harness.open("/v5/private", query: "max_active_time=45s")
        let pinged = try harness.open("/v5/private", query: "max_active_time=45s")
        harness.advance(44_000)
        harness.send(#"{"op":"ping"}"#, on: pinged)
        #expect(harness.closes.isEmpty)
        harness.advance(32_000)
        #expect(harness.closes.map(\.connection) == [connection])
        #expect(ExchangeCore.activeTime("max_active_time=1m") == 60_000)
        #expect(ExchangeCore.activeTime("max_active_time=5s") == 30_000)
        #expect(ExchangeCore.activeTime("") == nil)
    }

    @Test func givesNoSnapshotButFullRows() throws {
        let harness = CoreHarness()
        try harness.control("/positions", #"{"account":"sub-001","symbol":"BTCUSDT","side":"Buy","size":"0.5"}"#)
        let connection = try harness.openPrivate(topics: ["position", "execution"])
        harness.advance(60_000)
        #expect(harness.take(connection).isEmpty)
        try harness.control("/positions", #"{"account":"sub-001","symbol":"BTCUSDT","side":"Buy","size":"0.5"}"#)
        let frames = try harness.parsed(connection)
        let execution = try #require(frames.first { $0["topic"] == .string("execution") })
        let message = try #require(frames.first { $0["topic"] == .string("position") })
        let row = try #require(message[path: "data", "0"])
        #expect(row["size"] == .string("1") && row["side"] == .string("Buy"))
        #expect(row["seq"]?.integer == execution[path: "data", "0", "seq"]?.integer)
        #expect(message["id"] != nil && message["creationTime"]?.integer == harness.now)
        for field in [
            "category", "symbol", "positionIdx", "entryPrice", "positionValue", "markPrice", "leverage", "riskId",
            "positionIM", "positionMM", "liqPrice", "bustPrice", "tpslMode", "tradeMode", "takeProfit", "stopLoss",
            "trailingStop", "unrealisedPnl", "curRealisedPnl", "cumRealisedPnl", "positionStatus", "adlRankIndicator",
            "autoAddMargin", "isReduceOnly", "createdTime", "updatedTime", "openTime", "breakEvenPrice",
        ] { #expect(row[field] != nil, "\(field)") }
        #expect(row["avgPrice"] == nil)
    }

    @Test func rowsOfACloseAreFlatAndSettingsKeepTheSequence() throws {
        let harness = CoreHarness()
        let connection = try harness.openPrivate(topics: ["position.linear"])
        try harness.control("/positions", #"{"account":"sub-001","symbol":"ETHUSDT","side":"Sell","size":"2"}"#)
        try harness.control("/positions/leverage", #"{"account":"sub-001","symbol":"ETHUSDT","leverage":25}"#)
        try harness.control("/positions/close", #"{"account":"sub-001","symbol":"ETHUSDT"}"#)
        let frames = try harness.parsed(connection)
        #expect(frames.allSatisfy { $0["topic"] == .string("position.linear") })
        let rows = frames.compactMap { $0[path: "data", "0"] }
        #expect(rows.map { $0["size"]?.text } == ["2", "2", "0"])
        #expect(rows[0]["seq"] == rows[1]["seq"] && rows[1]["leverage"] == .string("25"))
        #expect((rows[1]["seq"]?.integer ?? 0) < (rows[2]["seq"]?.integer ?? 0))
        #expect(rows[2]["side"] == .string("") && rows[2]["entryPrice"] == .string("0"))
        let facts = try harness.facts("position")
        #expect(facts.map { $0["cause"]?.text } == ["open", "amend", "close"])
        #expect(facts.map { $0["size"]?.text } == ["2", "2", "0"])
    }

    @Test func rowFaultsDropDoubleDelayAndReorder() throws {
        let harness = CoreHarness()
        let connection = try harness.openPrivate(topics: ["position"])
        func sizes() throws -> [String?] { try harness.parsed(connection).map { $0[path: "data", "0", "size"]?.text } }
        func buy() throws {
            try harness.control("/positions", #"{"account":"sub-001","symbol":"SOLUSDT","side":"Buy","size":"1"}"#)
        }
        try harness.control("/faults", #"{"drop_rows":1}"#)
        try buy()
        try buy()
        #expect(try sizes() == ["2"])
        try harness.control("/faults", #"{"duplicate_rows":true}"#)
        try buy()
        #expect(try sizes() == ["3", "3"])
        try harness.control("/faults", #"{"duplicate_rows":false,"reorder_rows":true}"#)
        try buy()
        #expect(try sizes().isEmpty)
        harness.advance(1)
        try buy()
        #expect(try sizes() == ["5", "4"])
        try buy()
        try buy()
        #expect(try sizes() == ["6", "7"], "rows of one millisecond stay in order")
        try harness.control("/faults", #"{"reorder_rows":false,"delay_rows":500}"#)
        try buy()
        harness.advance(400)
        #expect(try sizes().isEmpty)
        harness.advance(200)
        #expect(try sizes() == ["8"])
        // The record knows every one of them, in order.
        #expect(try harness.facts("position").map { $0["size"]?.text } == (1...8).map { "\($0)" })
    }

    @Test func hedgedLegsAreRowsOfTheirOwn() throws {
        let harness = CoreHarness()
        try harness.control("/accounts/hedge", #"{"account":"sub-001","on":true}"#)
        let long = #"{"account":"sub-001","symbol":"XRPUSDT","side":"Buy","size":"10","position_idx":1}"#
        let short = #"{"account":"sub-001","symbol":"XRPUSDT","side":"Sell","size":"4","position_idx":2}"#
        try harness.control("/positions", long)
        try harness.control("/positions", short)
        #expect(Units.text(try harness.position("XRPUSDT", 1).size) == "10")
        #expect(Units.text(try harness.position("XRPUSDT", 2).size) == "4")
        let rows = try harness.get("/v5/position/list", "category=linear&symbol=ADAUSDT").rows
        #expect(Set(rows.map { $0["positionIdx"]?.integer }) == [1, 2])
        #expect(rows.allSatisfy { $0["size"] == .string("0") && $0["side"] == .string("") })
        try harness.control("/positions/close", #"{"account":"sub-001","symbol":"XRPUSDT","position_idx":1}"#)
        #expect(try harness.position("XRPUSDT", 1).size == 0)
        #expect(Units.text(try harness.position("XRPUSDT", 2).size) == "4")
        let first = ["ADAUSDT", "XRPUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "LINKUSDT"].map { symbol in
            (try? harness.get("/v5/position/list", "category=linear&symbol=\(symbol)"))?.rows.first?["positionIdx"]?
                .integer
        }
        #expect(Set(first) == [1, 2], "the order of the legs is not fixed")
    }

    @Test func authenticationFaults() throws {
        let harness = CoreHarness()
        try harness.control("/faults", #"{"auth":{"reject":true,"count":1}}"#)
        let expires = "\(harness.now + 60_000)"
        #expect(try self.authenticate(harness, expires: expires).first?["success"] == .bool(false))
        #expect(try self.authenticate(harness, expires: expires).first?["success"] == .bool(true))
        try harness.control("/faults", #"{"auth":{"delay_ms":3000,"account":"sub-001"}}"#)
        #expect(try self.authenticate(harness, expires: expires).isEmpty)
        harness.advance(3100)
        try harness.control("/faults", #"{"auth":{"never":true}}"#)
        #expect(try self.authenticate(harness, expires: expires).isEmpty)
        try harness.control("/faults/clear", "{}")
        #expect(try self.authenticate(harness, expires: expires).first?["success"] == .bool(true))
        #expect(try harness.facts("authenticated").count == 3)
    }
}

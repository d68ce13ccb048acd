import AsyncHTTPClient
import NIOCore
import Testing

@testable import Simulator

/// The exchange over real sockets.
@Suite(.timeLimit(.minutes(1)))
struct SocketTests {
    private func withExchange(
        _ change: (inout SimulatorOptions) -> Void = { _ in },
        _ body: (SimulatedExchange) async throws -> Void
    ) async throws {
        var options = SimulatorOptions()
        options.activity = .none
        change(&options)
        let exchange = try await SimulatedExchange.start(options)
        do {
            try await body(exchange)
        } catch {
            try await exchange.shutdown()
            throw error
        }
        try await exchange.shutdown()
    }

    private func fetch(
        _ exchange: SimulatedExchange,
        _ method: String,
        _ path: String,
        _ payload: String,
        account: String = "sub-001"
    ) async throws -> (status: Int, headers: [String: String], body: JSONValue?) {
        let keys = try #require(exchange.credentials(for: account))
        let time = try #require(
            JSONValue(parsing: try await self.plain("\(exchange.restURL)/v5/market/time").body)?["time"]?.text
        )
        let target = method == "GET" && !payload.isEmpty ? "\(path)?\(payload)" : path
        var request = HTTPClientRequest(url: exchange.restURL + target)
        request.method = .init(rawValue: method)
        request.headers.add(name: "X-BAPI-API-KEY", value: keys.apiKey)
        request.headers.add(name: "X-BAPI-TIMESTAMP", value: time)
        request.headers.add(name: "X-BAPI-RECV-WINDOW", value: "5000")
        let plain = Array("\(time)\(keys.apiKey)5000\(payload)".utf8)
        let sign = Digest.hmacSHA256(plain, secret: Array(keys.apiSecret.utf8))
        request.headers.add(name: "X-BAPI-SIGN", value: sign)
        if method == "POST" { request.body = .bytes(ByteBuffer(string: payload)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: 1 << 22)
        var headers: [String: String] = [:]
        for header in response.headers { headers[header.name.lowercased()] = header.value }
        return (Int(response.status.code), headers, JSONValue(parsing: Array(body.readableBytesView)))
    }

    private func plain(_ url: String, post: String? = nil) async throws -> (status: Int, body: [UInt8]) {
        var request = HTTPClientRequest(url: url)
        if let post {
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: post))
        }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: 1 << 22)
        return (Int(response.status.code), Array(body.readableBytesView))
    }

    private func openPrivate(_ exchange: SimulatedExchange, account: String = "sub-001") async throws -> TestWebSocket {
        let socket = try await TestWebSocket.connect(port: exchange.port, path: "/v5/private?max_active_time=60s")
        #expect(await socket.next() == .head(Self.upgraded))
        let keys = try #require(exchange.credentials(for: account))
        let expires = "9999999999999"
        let sign = Digest.hmacSHA256(Array("GET/realtime\(expires)".utf8), secret: Array(keys.apiSecret.utf8))
        try await socket.send(#"{"op":"auth","args":["\#(keys.apiKey)",\#(expires),"\#(sign)"]}"#)
        #expect(await socket.text(containing: "\"op\":\"auth\"")?.contains("\"success\":true") == true)
        try await socket.send(#"{"op":"subscribe","args":["position"]}"#)
        #expect(await socket.text(containing: "subscribe")?.contains("\"success\":true") == true)
        return socket
    }

    private static let upgraded =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

    @Test func streamsTickersAndAnswersPings() async throws {
        try await self.withExchange { exchange in
            let socket = try await TestWebSocket.connect(port: exchange.port, path: "/v5/public/linear")
            #expect(await socket.next() == .head(Self.upgraded))
            try await socket.send("hey", opcode: 9)
            #expect(await socket.next() == .pong("hey"))
            try await socket.send(#"{"req_id":"1","op":"subscribe","args":["tickers.BTCUSDT"]}"#)
            #expect(await socket.text(containing: "\"op\":\"subscribe\"") != nil)
            #expect(await socket.text(containing: "snapshot") != nil)
            #expect(await socket.text(containing: "delta") != nil)
            try await socket.send("\u{3}\u{e8}", opcode: 8)
            #expect(await socket.text(containing: "never") == nil)
        }
    }

    @Test func servesSignedRequestsWithTheirHeaders() async throws {
        try await self.withExchange { exchange in
            let list = try await self.fetch(exchange, "GET", "/v5/position/list", "category=linear&settleCoin=USDT")
            #expect(list.status == 200 && list.body?["retCode"]?.integer == 0)
            for header in ["x-bapi-limit", "x-bapi-limit-status", "x-bapi-limit-reset-timestamp", "traceid", "timenow"]
            {
                #expect(list.headers[header] != nil, "\(header)")
            }
            let socket = try await self.openPrivate(exchange)
            let order = #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.01"}"#
            let reply = try await self.fetch(exchange, "POST", "/v5/order/create", order)
            #expect(reply.body?["retCode"]?.integer == 0)
            #expect(await socket.text(containing: "\"size\":\"0.01\"") != nil)
            let held = try await self.fetch(exchange, "GET", "/v5/position/list", "category=linear&settleCoin=USDT")
            #expect(held.body?.rows.count == 1)
        }
    }

    @Test func controlsOverItsPortAndInProcess() async throws {
        try await self.withExchange { exchange in
            let url = try #require(exchange.controlURL)
            await exchange.addAccount("later \"x\"")
            #expect(exchange.credentials(for: "later \"x\"") != nil)
            #expect(exchange.credentials(for: "nobody") == nil)
            let open = #"{"account":"sub-002","symbol":"ETHUSDT","side":"Buy","size":"1","stop_loss":"1000"}"#
            #expect(try await self.plain(url + "/positions", post: open).status == 200)
            #expect(await exchange.control("POST", "/positions", "[]").status == 400)
            #expect(await exchange.control("GET", "/nowhere").status == 404)
            let record = try await self.plain(url + "/record?kinds=position&account=sub-002").body
            let lines = record.split(separator: UInt8(ascii: "\n")).compactMap { JSONValue(parsing: Array($0)) }
            #expect(lines.map { $0["cause"]?.text } == ["open", "amend"])
            let ready = try #require(JSONValue(parsing: Array(await exchange.readyLine().utf8)))
            #expect(ready["public_linear"]?.text == exchange.publicURL(category: "linear"))
            #expect(ready["accounts"]?.array?.count == 3)
            let state = try #require(JSONValue(parsing: try await self.plain(url + "/state").body))
            #expect(state[path: "positions", "0", "stop_loss"] == .string("1000"))
        }
    }

    @Test(arguments: ["reset", "drop", "close"])
    func killsConnections(how: String) async throws {
        try await self.withExchange { exchange in
            let socket = try await self.openPrivate(exchange)
            let other = try await self.openPrivate(exchange, account: "sub-002")
            let body = #"{"socket":"private","account":"sub-001","how":"\#(how)","code":1012}"#
            #expect(await exchange.control("POST", "/connections/kill", body).body.contains("\"connections\":1"))
            let event = await socket.next()
            #expect(event == (how == "close" ? .closeFrame(1012) : .ended))
            try await other.send(#"{"op":"ping"}"#)
            #expect(await other.text(containing: "pong") != nil)
        }
    }

    @Test func stallsAndFallsHalfOpen() async throws {
        try await self.withExchange { exchange in
            let socket = try await self.openPrivate(exchange)
            _ = await exchange.control("POST", "/connections/kill", #"{"socket":"private","how":"stall"}"#)
            _ = await exchange.control(
                "POST",
                "/positions",
                #"{"account":"sub-001","symbol":"ETHUSDT","side":"Buy","size":"1"}"#
            )
            try await socket.send(#"{"op":"ping"}"#)
            guard case .text(let text) = await socket.next() else {
                Issue.record("no pong from a stalled connection")
                return
            }
            #expect(text.contains("pong"), "pongs go on, data stops")
            _ = await exchange.control("POST", "/connections/kill", #"{"socket":"private","how":"half_open"}"#)
            try await socket.send(#"{"op":"ping"}"#)
            try await socket.send("x", opcode: 9)
            // A second connection gets its answer after those pings were read: the first one stays mute.
            let second = try await self.openPrivate(exchange)
            try await second.send(#"{"op":"ping"}"#)
            #expect(await second.text(containing: "pong") != nil)
            _ = await exchange.control("POST", "/connections/kill", #"{"socket":"private","how":"reset"}"#)
            #expect(await socket.next() == .ended)
        }
    }

    @Test func refusesUpgradesAndComesBackAfterAnOutage() async throws {
        try await self.withExchange { exchange in
            let refuse = #"{"refuse_upgrades":{"status":502,"html":true,"count":1}}"#
            _ = await exchange.control("POST", "/faults", refuse)
            let refused = try await TestWebSocket.connect(port: exchange.port, path: "/v5/private")
            guard case .head(let head) = await refused.next() else {
                Issue.record("no answer")
                return
            }
            #expect(head.hasPrefix("HTTP/1.1 502 Bad Gateway"))
            let socket = try await self.openPrivate(exchange)
            _ = await exchange.control("POST", "/outage", #"{"seconds":0.3}"#)
            #expect(await socket.next() == .ended)
            var isBack = false
            for _ in 0..<100 where !isBack {
                let attempt = try? await TestWebSocket.connect(port: exchange.port, path: "/v5/public/linear")
                isBack = await attempt?.next() == .head(Self.upgraded)
                if !isBack { try await Task.sleep(for: .milliseconds(20)) }
            }
            #expect(isBack)
        }
    }

    @Test(arguments: [#"{"split_frames":3}"#, #"{"fragment_frames":50}"#])
    func brokenUpFramesStillMeanTheSame(fault: String) async throws {
        try await self.withExchange { exchange in
            _ = await exchange.control("POST", "/faults", fault)
            let socket = try await self.openPrivate(exchange)
            let body = #"{"account":"sub-001","symbol":"ETHUSDT","side":"Buy","size":"1"}"#
            _ = await exchange.control("POST", "/positions", body)
            let text = try #require(await socket.text(containing: "\"topic\":\"position\""))
            #expect(JSONValue(parsing: Array(text.utf8)) != nil)
        }
    }

    @Test func survivesBrokenClients() async throws {
        try await self.withExchange { exchange in
            let socket = try await TestWebSocket.connect(port: exchange.port, path: "/v5/public/linear")
            _ = await socket.next()
            // Not masked: a violation.
            try await socket.sendRaw([0x81, 0x02, 0x68, 0x69, 0x81, 0x02])
            #expect(await socket.next() == .closeFrame(1002))
            let fragmented = try await TestWebSocket.connect(port: exchange.port, path: "/v5/public/linear")
            _ = await fragmented.next()
            let ping = Array(#"{"op":"ping"}"#.utf8)
            for (number, byte) in ping.enumerated() {
                let frame = TestWebSocket.frame([byte], opcode: number == 0 ? 1 : 0, isFinal: number == ping.count - 1)
                for part in frame.readableBytesView { try await fragmented.sendRaw([part]) }
            }
            #expect(await fragmented.text(containing: "pong") != nil)
            #expect(await exchange.control("GET", "/state").status == 200)
        }
    }

    @Test func dropsRepliesButCarriesOutTheOrder() async throws {
        try await self.withExchange { exchange in
            let socket = try await self.openPrivate(exchange)
            let fault = #"{"rest":{"path":"/v5/order/create","drop_reply":true,"count":1}}"#
            _ = await exchange.control("POST", "/faults", fault)
            let order =
                #"{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Market","qty":"0.01","orderLinkId":"lost-1"}"#
            await #expect(throws: (any Error).self) {
                _ = try await self.fetch(exchange, "POST", "/v5/order/create", order)
            }
            #expect(await socket.text(containing: "\"size\":\"0.01\"") != nil)
            let again = try await self.fetch(exchange, "POST", "/v5/order/create", order)
            #expect(again.body?["retCode"]?.integer == 110072)
        }
    }

    @Test func endsOnRequest() async throws {
        let exchange = try await SimulatedExchange.start(SimulatorOptions())
        #expect(await exchange.control("POST", "/shutdown").status == 200)
        try await exchange.waitForShutdown()
        try await exchange.shutdown()
        try await exchange.shutdown()
        #expect(await exchange.control("GET", "/state").status == 503)
    }
}

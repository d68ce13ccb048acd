import Testing

@testable import Simulator

/// The core with a clock the test moves, and short ways to talk to it.
final class CoreHarness {
    let core: ExchangeCore
    var now: Int64
    /// Text frames per connection since the last `take`.
    private var frames: [Int: [String]] = [:]
    private(set) var closes: [(connection: Int, manner: CloseManner)] = []
    /// Every byte that went out, for comparisons of whole runs.
    private(set) var transcript: [UInt8] = []

    init(_ change: (inout SimulatorOptions) -> Void = { _ in }) {
        var options = SimulatorOptions()
        options.activity = .none
        options.pricesRunning = false
        options.behaviour.unset = .zero
        options.behaviour.shufflesTopics = false
        options.behaviour.fillsPerOrder = 1
        change(&options)
        self.now = 1_760_000_000_000
        self.core = ExchangeCore(options: options, now: self.now)
    }

    func collect() {
        for output in self.core.takeOutbox() {
            switch output {
            case .frame(let connection, let bytes, _):
                self.frames[connection, default: []].append(String(decoding: bytes, as: UTF8.self))
                self.transcript += bytes
            case .broadcast(let bytes, let connections):
                for connection in connections {
                    self.frames[connection, default: []].append(String(decoding: bytes, as: UTF8.self))
                }
                self.transcript += bytes
            case .close(let connection, let manner): self.closes.append((connection, manner))
            case .shutdown: break
            }
        }
    }

    func advance(_ milliseconds: Int64) {
        let end = self.now + milliseconds
        while let due = self.core.nextDeadline, due <= end {
            self.core.advance(now: due)
            self.collect()
        }
        self.now = end
        self.core.advance(now: end)
        self.collect()
    }

    func open(_ path: String, query: String = "") throws -> Int {
        guard case .accept(let connection) = self.core.upgrade(path: path, query: query, now: self.now) else {
            throw HarnessError.refused
        }
        return connection
    }

    func send(_ text: String, on connection: Int) {
        self.core.received(Array(text.utf8), on: connection, now: self.now)
        self.collect()
    }

    /// The frames since the last call, oldest first.
    func take(_ connection: Int) -> [String] {
        self.collect()
        defer { self.frames[connection] = nil }
        return self.frames[connection] ?? []
    }

    func parsed(_ connection: Int) throws -> [JSONValue] {
        try self.take(connection).map { try #require(JSONValue(parsing: Array($0.utf8))) }
    }

    func openPrivate(_ account: String = "sub-001", topics: [String] = ["position", "order", "execution", "wallet"])
        throws -> Int
    {
        let connection = try self.open("/v5/private")
        let keys = Credentials.derive(seed: self.core.options.seed, account: account)
        let expires = self.now + 10_000
        let signature = Digest.hmacSHA256(Array("GET/realtime\(expires)".utf8), secret: Array(keys.apiSecret.utf8))
        self.send(#"{"op":"auth","args":["\#(keys.apiKey)",\#(expires),"\#(signature)"]}"#, on: connection)
        if !topics.isEmpty {
            let list = topics.map { "\"\($0)\"" }.joined(separator: ",")
            self.send(#"{"op":"subscribe","args":[\#(list)]}"#, on: connection)
        }
        _ = self.take(connection)
        return connection
    }

    func request(_ method: String, _ path: String, _ payload: String = "", account: String = "sub-001") -> RESTReply {
        let keys = Credentials.derive(seed: self.core.options.seed, account: account)
        let query = method == "GET" ? payload : ""
        let body = method == "GET" ? "" : payload
        let plain = "\(self.now)\(keys.apiKey)5000\(payload)"
        return self.core.rest(
            RESTRequest(
                method: method,
                path: path,
                query: query,
                body: Array(body.utf8),
                apiKey: keys.apiKey,
                timestamp: String(self.now),
                receiveWindow: "5000",
                signature: Digest.hmacSHA256(Array(plain.utf8), secret: Array(keys.apiSecret.utf8))
            ),
            now: self.now
        )
    }

    func get(_ path: String, _ query: String, account: String = "sub-001") throws -> JSONValue {
        let reply = self.request("GET", path, query, account: account)
        return try #require(JSONValue(parsing: reply.body))
    }

    /// A write, with its events.
    func post(_ path: String, _ body: String, account: String = "sub-001") throws -> JSONValue {
        let reply = self.request("POST", path, body, account: account)
        self.advance(20)
        return try #require(JSONValue(parsing: reply.body))
    }

    @discardableResult
    func control(_ path: String, _ body: String) throws -> JSONValue {
        let reply = self.core.control("POST", path, Array(body.utf8), now: self.now)
        self.collect()
        let value = try #require(JSONValue(parsing: reply.body))
        #expect(reply.status == 200, "\(path): \(String(decoding: reply.body, as: UTF8.self))")
        return value
    }

    func position(_ symbol: String, _ index: Int = 0, account: String = "sub-001") throws -> PositionState {
        let account = try #require(self.core.accountByName[account])
        let market = try #require(self.core.derivative(symbol))
        return account.position(market, index).state
    }

    func facts(_ kinds: String, since: Int = 0) throws -> [JSONValue] {
        let target = "/record?since=\(since)&kinds=\(kinds)"
        let lines = self.core.control("GET", target, [], now: self.now).body
        return try lines.split(separator: UInt8(ascii: "\n")).map { try #require(JSONValue(parsing: Array($0))) }
    }
}

enum HarnessError: Error { case refused }

extension JSONValue {
    /// `value["a", "b"]` for nested objects; a number walks into an array.
    subscript(path path: String...) -> JSONValue? {
        var value: JSONValue? = self
        for key in path {
            if let index = Int(key), let list = value?.array {
                value = list.indices.contains(index) ? list[index] : nil
            } else {
                value = value?[key]
            }
        }
        return value
    }

    var rows: [JSONValue] { self[path: "result", "list"]?.array ?? [] }
}

import HybridStream
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

private let account = AccountIdentity(
    name: "sub-001",
    credentials: Credentials(apiKey: "KeyKeyKey123", apiSecret: "SecretSecret456")
)

private func quick(
    requests: Int = 10_000,
    per: Duration = .seconds(1),
    banPause: Duration = .seconds(600),
    timeout: Duration = .seconds(10),
    attempts: Int = 3
) -> RESTSettings {
    RESTSettings(
        budgetRequests: requests,
        budgetPer: per,
        banPause: banPause,
        requestTimeout: timeout,
        retryBackoff: Backoff(initial: .milliseconds(1), max: .milliseconds(5)),
        maxAttempts: attempts
    )
}

/// Runs a client against a scripted server and closes both.
private func withClient(
    _ settings: RESTSettings = quick(),
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
    script: @escaping @Sendable (Int, ScriptedServer.Request) -> ScriptedServer.Answer,
    _ body: (RESTClient, ScriptedServer) async throws -> Void
) async throws {
    let server = try await ScriptedServer.start(script)
    let client = RESTClient(
        baseURL: server.baseURL,
        settings: settings,
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: logger
    )
    do {
        try await body(client, server)
    } catch {
        Issue.record(error)
    }
    try await client.shutdown()
    try await server.stop()
}

private func code<Value>(_ body: () async throws -> Value) async -> RESTError.Code? {
    do {
        _ = try await body()
        return nil
    } catch {
        return (error as? RESTError)?.code
    }
}

@Suite(.timeLimit(.minutes(1))) struct RESTClientTests {
    @Test func signsWhatItSends() async throws {
        try await withClient { _, request in
            let time = Int64(request.headers["x-bapi-timestamp"] ?? "") ?? 0
            let window = Int64(request.headers["x-bapi-recv-window"] ?? "") ?? 0
            do {
                let signature = try Signing.request(
                    timestamp: time,
                    receiveWindow: window,
                    payload: request.method == "GET" ? request.query : request.body,
                    credentials: account.credentials
                )
                let isRight =
                    request.headers["x-bapi-sign"] == signature && request.headers["x-bapi-api-key"] == "KeyKeyKey123"
                return isRight ? .result("{}") : .failure(10004, "error sign!")
            } catch {
                return .failure(1, "\(error)")
            }
        } _: { client, server in
            let query = [(name: "cursor", value: "first%3DBIO USDT%26+&=ü"), (name: "limit", value: "200")]
            _ = try await client.request(.get("/v5/position/list", query: query), account: account)
            _ = try await client.request(.post("/v5/x", json: #"{"a": "b",  "ü":1}"#), account: account)
            _ = try await client.request(.get("/v5/user/query-api"), account: account)
            #expect(server.requests[0].query == "cursor=first%253DBIO%20USDT%2526%2B%26%3D%C3%BC&limit=200")
            #expect(server.requests[1].body == #"{"a": "b",  "ü":1}"#)
            #expect(server.requests[1].headers["content-type"] == "application/json")
            #expect(server.requests[2].body == "")
        }
    }

    @Test func publicCallsAreNotSigned() async throws {
        try await withClient { _, _ in
            .result(#"{"list":[{"symbol":"BTCUSDT","markPrice":"66666.60"}]}"#, time: 1_700_000_000_000)
        } _: { client, server in
            let quotes = try await client.tickers(category: .linear, symbol: "BTCUSDT")
            #expect(quotes.map(\.markPrice?.description) == ["66666.60"])
            #expect(quotes.map(\.time) == [1_700_000_000_000])
            #expect(server.requests[0].target == "/v5/market/tickers?category=linear&symbol=BTCUSDT")
            #expect(!server.requests[0].headers.keys.contains { $0.hasPrefix("x-bapi") })
        }
    }

    @Test func sweepsAllPages() async throws {
        try await withClient { _, request in
            let row = #"{"symbol":"\#(request.query.contains("USDC") ? "BTCPERP" : "BTCUSDT")","side":"Buy","size":1}"#
            if request.query.contains("USDC") { return .result(#"{"list":[\#(row)],"nextPageCursor":""}"#) }
            if request.query.contains("cursor=first%253DBIOUSDT%2526last%253DBIOUSDT") {
                return .result(#"{"list":[\#(row)],"nextPageCursor":""}"#)
            }
            return .result(
                #"{"list":[\#(row)],"nextPageCursor":"first%3DBIOUSDT%26last%3DBIOUSDT"}"#,
                time: 1_700_000_000_000
            )
        } _: { client, server in
            let before = Uptime.now()
            let sweep = await client.sweepPositions(account, category: .linear, settleCoins: ["USDT", "USDC"])
            #expect(sweep.isComplete)
            #expect(sweep.failure == nil)
            #expect(sweep.rows.map(\.key.symbol) == ["BTCUSDT", "BTCUSDT", "BTCPERP"])
            #expect(sweep.requestedUptime >= before)
            #expect(sweep.completedUptime > sweep.requestedUptime)
            #expect(sweep.completedUptime <= Uptime.now())
            #expect(sweep.serverTime == 1_700_000_000_000)
            #expect(server.count == 3)
        }
    }

    @Test func failureOnTheSecondPageIsNotComplete() async throws {
        try await withClient { _, request in
            request.query.contains("cursor")
                ? .reply(status: 502, body: "<html><title>502 Bad Gateway</title></html>")
                : .result(#"{"list":[{"symbol":"A","side":"Buy","size":"1"}],"nextPageCursor":"next"}"#)
        } _: { client, server in
            let sweep = await client.sweepPositions(account, category: .linear, settleCoins: ["USDT"])
            #expect(!sweep.isComplete)
            #expect(sweep.failure?.code == .server)
            #expect(sweep.failure?.description.contains("502 Bad Gateway") == true)
            #expect(sweep.failure?.description.contains("sub-001") == true)
            #expect(sweep.rows.count == 1)
            #expect(server.count == 4)
        }
    }

    @Test func instrumentsOfAllPages() async throws {
        try await withClient { _, request in
            request.query.contains("cursor=two")
                ? .result(#"{"list":[{"symbol":"B"}],"nextPageCursor":""}"#)
                : .result(#"{"list":[{"symbol":"A","priceFilter":{"tickSize":"0.1"}}],"nextPageCursor":"two"}"#)
        } _: { client, server in
            let instruments = try await client.instruments(category: .linear)
            #expect(instruments.map(\.symbol) == ["A", "B"])
            #expect(server.requests[0].query == "category=linear&limit=1000")
        }
    }

    @Test func aRefusedTimeIsCorrectedAndTriedOnceMore() async throws {
        // The exchange's clock goes on: how long the requests take is up to the machine.
        let began = ContinuousClock.now
        try await withClient { index, request in
            let server = 1_600_000_000_000 + (ContinuousClock.now - began).milliseconds
            let time = Int64(request.headers["x-bapi-timestamp"] ?? "") ?? 0
            if time > server + 1000 || time < server - 5000 {
                return .failure(
                    10002,
                    "invalid request, req_timestamp[\(time)],server_timestamp[\(server)],recv_window[5000]"
                )
            }
            return .result(#"{"userID":\#(index)}"#)
        } _: { client, server in
            let user = try await client.keyInformation(account).userID
            #expect(user == 1)
            #expect(server.count == 2)
            #expect(client.clock.isSynchronized)
            // Known from now on.
            let again = try await client.keyInformation(account).userID
            #expect(again == 2)
        }
    }

    @Test func aTimeThatIsNeverRightFails() async throws {
        try await withClient { _, request in
            request.path == "/v5/market/time"
                ? .result("{}", time: 1_600_000_000_000) : .failure(10002, "no time named")
        } _: { client, server in
            #expect(await code { try await client.keyInformation(account) } == .clockSkew)
            #expect(server.requests.map(\.path) == ["/v5/user/query-api", "/v5/market/time", "/v5/user/query-api"])
        }
    }

    @Test func synchronizesTheClock() async throws {
        try await withClient { index, _ in
            index == 0
                ? .result(#"{"timeSecond":"1600000000","timeNano":"1600000000000000000"}"#, time: 1_600_000_000_000)
                : .result("{}")
        } _: { client, _ in
            try await client.synchronizeClock()
            #expect(abs(client.clock.nowMilliseconds() - 1_600_000_000_000) < 5000)
            #expect(await code { try await client.synchronizeClock() } == .malformed)
        }
    }

    /// A reset in the exchange's near future is waited for; the account's other endpoints are not held up.
    @Test func tooManyVisitsWithReset() async throws {
        let start = Uptime.now()
        try await withClient { index, request in
            let time = 1_600_000_000_000 + (Uptime.now() - start).milliseconds
            if request.path == "/v5/other" { return .result("{}", time: time) }
            return index == 0
                ? .failure(
                    10006,
                    "Too many visits!",
                    time: time,
                    headers: ["X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": "\(time + 400)"]
                )
                : .result("{}", time: time)
        } _: { client, server in
            async let limited = client.keyInformation(account)
            #expect(await eventually { server.count == 1 })
            _ = try await client.request(.get("/v5/other"), account: account)
            let between = Uptime.now() - start
            _ = try await limited
            let total = Uptime.now() - start
            #expect(total >= .milliseconds(400))
            #expect(between < total)
            #expect(server.count == 3)
        }
    }

    @Test func tooManyVisitsWithoutReset() async throws {
        try await withClient { index, _ in
            index == 0 ? .failure(10006, "Too many visits. Exceeded the API Rate Limit.") : .result("{}")
        } _: { client, server in
            let start = ContinuousClock.now
            _ = try await client.keyInformation(account)
            #expect(ContinuousClock.now - start >= .milliseconds(1990))
            #expect(server.count == 2)
        }
    }

    @Test func afterA403NothingIsSentButOneProbe() async throws {
        let banned = Atomic403()
        try await withClient(quick(banPause: .milliseconds(300))) { _, _ in
            banned.isBanned ? .reply(status: 403, body: "<html><h1>access too frequent</h1></html>") : .result("{}")
        } _: { client, server in
            let start = ContinuousClock.now
            do {
                _ = try await client.keyInformation(account)
                Issue.record("succeeded")
            } catch let error as RESTError {
                #expect(error.code == .banned)
                #expect(error.retryAfter == .milliseconds(300))
            }
            #expect(server.count == 1)
            // Everybody is turned away at once, without a request.
            let other = AccountIdentity(name: "sub-002", credentials: account.credentials)
            while ContinuousClock.now - start < .milliseconds(200) {
                #expect(await code { try await client.keyInformation(other) } == .banned)
                #expect(await code { try await client.tickers(category: .linear) } == .banned)
            }
            #expect(server.count == 1)
            guard case .paused = client.banState else {
                Issue.record("not paused")
                return
            }
            // The probe is refused: another pause.
            #expect(
                await eventually {
                    _ = await code { try await client.keyInformation(account) }
                    return server.count == 2
                }
            )
            #expect(await code { try await client.keyInformation(account) } == .banned)
            #expect(server.count == 2)
            // The next probe succeeds: all is well.
            banned.lift()
            #expect(await eventually { await code { try await client.keyInformation(account) } == nil })
            #expect(server.count == 3)
            #expect(client.banState == .none)
        }
    }

    @Test func faultsOfTheExchangeAreRetried() async throws {
        try await withClient { index, _ in
            switch index {
            case 0: .reply(status: 503, body: "<html>Service Unavailable</html>")
            case 1: .failure(10016, "Internal System Error.")
            default: .result(#"{"userID":"9"}"#)
            }
        } _: { client, server in
            let user = try await client.keyInformation(account).userID
            #expect(user == 9)
            #expect(server.count == 3)
        }
    }

    @Test func aBrokenConnectionIsRetried() async throws {
        try await withClient { index, _ in
            index == 0 ? .close : .result(#"{"userID":9}"#)
        } _: { client, server in
            let user = try await client.keyInformation(account).userID
            #expect(user == 9)
            #expect(server.count == 2)
        }
    }

    @Test(arguments: [10001, 10003, 10004, 10005, 10010, 33004])
    func permanentFaultsAreNot(retCode: Int) async throws {
        try await withClient { _, _ in
            .failure(retCode, "no")
        } _: { client, server in
            #expect(await code { try await client.keyInformation(account) } != nil)
            #expect(server.count == 1)
        }
    }

    @Test(
        arguments: [.close, .failure(10000, "Server Timeout"), .reply(status: 502, body: "")]
            as [ScriptedServer.Answer]
    )
    func writesAreSentOnceAndAreAmbiguous(answer: ScriptedServer.Answer) async throws {
        try await withClient { _, _ in
            answer
        } _: { client, server in
            do {
                _ = try await client.request(.post("/v5/order/create", json: "{}"), account: account)
                Issue.record("succeeded")
            } catch let error as RESTError {
                #expect(error.ambiguous)
            }
            #expect(server.count == 1)
        }
    }

    @Test(arguments: [.silence, .stall] as [ScriptedServer.Answer])
    func slowRepliesTimeOut(answer: ScriptedServer.Answer) async throws {
        try await withClient(quick(timeout: .milliseconds(500), attempts: 2)) { _, _ in
            answer
        } _: { client, server in
            let start = ContinuousClock.now
            #expect(await code { try await client.keyInformation(account) } == .timeout)
            #expect(ContinuousClock.now - start < .seconds(20), "twice half a second, a pause, and a busy machine")
            #expect(server.count == 2)
        }
    }

    @Test func nobodyListens() async throws {
        let server = try await ScriptedServer.start { _, _ in .silence }
        let address = server.baseURL
        try await server.stop()
        let client = RESTClient(
            baseURL: address + "/",
            settings: quick(attempts: 2),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        do {
            _ = try await client.keyInformation(account)
            Issue.record("succeeded")
        } catch let error as RESTError {
            #expect(error.code == .connectFailed)
            #expect(!error.ambiguous)
            #expect("\(error)".contains("127.0.0.1"))
        }
        try await client.shutdown()
    }

    @Test func repliesBeyondTheBoundAreRefused() async throws {
        let body = String(repeating: " ", count: RESTReply.maxBodySize + 1)
        try await withClient { _, _ in
            .reply(body: body)
        } _: { client, server in
            #expect(await code { try await client.keyInformation(account) } == .tooLarge)
            #expect(server.count == 1)
        }
    }

    @Test func redirectsAreNotFollowed() async throws {
        try await withClient { _, _ in
            .reply(status: 302, headers: ["Location": "http://127.0.0.1:1/"], body: "")
        } _: { client, server in
            #expect(await code { try await client.keyInformation(account) } == .parameter)
            #expect(server.count == 1)
        }
    }

    @Test func cancellationWhileWaitingAtTheGate() async throws {
        try await withClient(quick(requests: 1, per: .seconds(60))) { _, _ in
            .result("{}")
        } _: { client, server in
            _ = try await client.keyInformation(account)
            #expect(client.usage == (1, 1))
            let waiting = Task { await code { try await client.keyInformation(account) } }
            let sweeping = Task {
                await client.sweepPositions(account, category: .linear, settleCoins: ["USDT", "USDC"])
            }
            waiting.cancel()
            sweeping.cancel()
            #expect(await waiting.value == .cancelled)
            let sweep = await sweeping.value
            #expect(sweep.failure?.code == .cancelled)
            #expect(!sweep.isComplete)
            #expect(server.count == 1)
        }
    }

    @Test func cancellationWhileTheReplyIsAwaited() async throws {
        try await withClient { _, _ in
            .silence
        } _: { client, server in
            let waiting = Task { await code { try await client.keyInformation(account) } }
            #expect(await eventually { server.count == 1 })
            waiting.cancel()
            #expect(await waiting.value == .cancelled)
        }
    }

    @Test func shutdownEndsWaitingCalls() async throws {
        let server = try await ScriptedServer.start { _, _ in .result("{}") }
        let client = RESTClient(
            baseURL: server.baseURL,
            settings: quick(requests: 1, per: .seconds(60)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        _ = try await client.keyInformation(account)
        let waiting = Task { await code { try await client.keyInformation(account) } }
        try await client.shutdown()
        #expect(await waiting.value == .cancelled)
        #expect(await code { try await client.keyInformation(account) } == .cancelled)
        try await server.stop()
    }

    /// Hundreds of callers at once: all are served, the budget holds.
    @Test func manyCallersShareTheBudget() async throws {
        try await withClient(quick(requests: 50, per: .milliseconds(100))) { _, _ in
            .result(#"{"userID":1}"#)
        } _: { client, server in
            let start = ContinuousClock.now
            await withTaskGroup(of: Void.self) { group in
                for index in 0..<300 {
                    let caller = AccountIdentity(name: "sub-\(index)", credentials: account.credentials)
                    group.addTask { #expect(await code { try await client.keyInformation(caller) } == nil) }
                }
            }
            #expect(server.count == 300)
            #expect(ContinuousClock.now - start >= .milliseconds(500))
        }
    }

    @Test func noSecretsInErrorsOrLogs() async throws {
        let lines = LogLines()
        let logger = Logger(label: "test") { _ in RecordingLogHandler(lines: lines) }
        try await withClient(logger: logger) { index, request in
            let key = request.headers["x-bapi-api-key"] ?? ""
            let signature = request.headers["x-bapi-sign"] ?? ""
            switch index % 4 {
            case 0: return .failure(10004, "error sign! origin_string[1\(key)5000limit=200] \(key)")
            case 1: return .reply(status: 401, body: "<title>\(key) refused</title>")
            case 2: return .result(#"{"apiKey":"\#(key)","note":"\#(signature.count)"}"#)
            default: return .reply(status: 400, body: "\(key) SecretSecret456")
            }
        } _: { client, _ in
            var texts: [String] = []
            for _ in 0..<4 {
                do {
                    texts.append("\(try await client.keyInformation(account))")
                } catch {
                    texts += ["\(error)", String(reflecting: error)]
                }
            }
            #expect(texts.count == 7)
            #expect(lines.all.count >= 4)
            for text in texts + lines.all {
                #expect(!text.contains("KeyKeyKey123"), "\(text)")
                #expect(!text.contains("SecretSecret456"), "\(text)")
                #expect(!text.contains("limit=200"), "\(text)")
            }
        }
    }
}

/// A switch that a server reads and a test turns.
private final class Atomic403: Sendable {
    private let banned = Atomic(true)
    var isBanned: Bool { self.banned.load(ordering: .acquiring) }
    func lift() { self.banned.store(false, ordering: .releasing) }
}

private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { self.lines.withLock { $0 } }
    func append(_ line: String) { self.lines.withLock { $0.append(line) } }
}

private struct RecordingLogHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .trace

    init(lines: LogLines) {
        self.lines = lines
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        self.lines.append("\(event.message) \(event.metadata ?? [:])")
    }
}

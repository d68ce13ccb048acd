import HybridStream
import Logging
import NIOPosix
import Testing

/// A REST client before a server that answers by a script.
enum TradingBench {
    static let account = AccountIdentity(
        name: "sub-001",
        credentials: Credentials(apiKey: "KeyKeyKey123", apiSecret: "SecretSecret456")
    )

    static let linear = PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 0)
    static let longLeg = PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 1)
    static let shortLeg = PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 2)
    static let inverse = PositionKey(category: .inverse, symbol: "BTCUSD", positionIndex: 0)

    static func run(
        timeout: Duration = .seconds(10),
        receiveWindow: Duration = .milliseconds(5000),
        attempts: Int = 1,
        script: @escaping @Sendable (Int, ScriptedServer.Request) -> ScriptedServer.Answer,
        _ body: (RESTClient, ScriptedServer) async throws -> Void
    ) async throws {
        let server = try await ScriptedServer.start(script)
        let client = Self.client(server.baseURL, timeout, receiveWindow, attempts)
        do {
            try await body(client, server)
        } catch {
            Issue.record(error)
        }
        try await client.shutdown()
        try await server.stop()
    }

    static func client(
        _ baseURL: String,
        _ timeout: Duration = .seconds(10),
        _ receiveWindow: Duration = .milliseconds(5000),
        _ attempts: Int = 1
    ) -> RESTClient {
        RESTClient(
            baseURL: baseURL,
            settings: RESTSettings(
                budgetRequests: 10_000,
                receiveWindow: receiveWindow,
                requestTimeout: timeout,
                retryBackoff: Backoff(initial: .milliseconds(1), max: .milliseconds(5)),
                maxAttempts: attempts
            ),
            // One loop: shut down while a request's end hops from one to another, the connection pool traps.
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton.next(),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// The error of a call; nil if it succeeds.
    static func error(_ body: () async throws -> Void) async -> RESTError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? RESTError
        }
    }

    /// Whether a request is signed over exactly what was sent, within this window.
    static func isSigned(_ request: ScriptedServer.Request, window: Int64 = 5000) throws -> Bool {
        let headers = request.headers
        guard headers["x-bapi-api-key"] == "KeyKeyKey123", headers["x-bapi-recv-window"] == "\(window)",
            headers["x-bapi-sign-type"] == "2", let time = headers["x-bapi-timestamp"].flatMap({ Int64($0) })
        else { return false }
        let signature = try Signing.request(
            timestamp: time,
            receiveWindow: window,
            payload: request.method == "GET" ? request.query : request.body,
            credentials: Self.account.credentials
        )
        return headers["x-bapi-sign"] == signature
    }
}

/// Decimals as the wire writes them.
func decimal(_ text: String) throws -> FixedPoint { try #require(FixedPoint(text)) }

import HybridStream
import Logging
import Orchestrator
import Simulator

/// The simulated exchange inside the daemon: what `environment: simulator` means.
struct EmbeddedExchange {
    let endpoints: ExchangeEndpoints
    /// By account name.
    let credentials: [String: Credentials]
    private let exchange: SimulatedExchange

    /// Nil if the file says where its exchange is.
    static func start(for configuration: Configuration, logger: Logger) async throws -> EmbeddedExchange? {
        guard configuration.exchange.environment == .simulator, configuration.exchange.endpoints == nil else {
            return nil
        }
        var options = SimulatorOptions()
        options.controlPort = nil
        options.accounts = configuration.accounts.map(\.name)
        // Nobody asks an embedded exchange for its history.
        options.recordCapacity = 1000
        options.recordMarks = false
        options.recordRequests = false
        let exchange = try await SimulatedExchange.start(options, logger: logger)
        let category = configuration.exchange.category.rawValue
        var credentials: [String: Credentials] = [:]
        for name in options.accounts {
            guard let pair = exchange.credentials(for: name) else { continue }
            credentials[name] = Credentials(apiKey: pair.apiKey, apiSecret: pair.apiSecret)
        }
        await Self.openFirstPositions(
            on: exchange,
            category: configuration.exchange.category,
            accounts: configuration.accounts,
            logger
        )
        return EmbeddedExchange(
            endpoints: ExchangeEndpoints(
                publicWebSocket: EmbeddedExchange.url(.ws, exchange.port, "/v5/public/\(category)"),
                privateWebSocket: EmbeddedExchange.url(.ws, exchange.port, "/v5/private"),
                rest: EmbeddedExchange.url(.http, exchange.port, "")
            ),
            credentials: credentials,
            exchange: exchange
        )
    }

    /// Something to look at from the first second; the exchange's own activity does the rest.
    private static func openFirstPositions(
        on exchange: SimulatedExchange,
        category: Category,
        accounts: [AccountConfiguration],
        _ logger: Logger
    ) async {
        let symbols =
            category == .linear
            ? [("BTCUSDT", "0.01"), ("ETHUSDT", "0.2"), ("SOLUSDT", "3")] : [("BTCUSD", "100"), ("ETHUSD", "100")]
        for (index, account) in accounts.enumerated() where account.isEnabled {
            for offset in 0..<2 {
                let (symbol, size) = symbols[(index + offset) % symbols.count]
                let side = (index + offset).isMultiple(of: 2) ? "Buy" : "Sell"
                let answer = await exchange.control(
                    "POST",
                    "/positions",
                    #"{"account":"\#(account.name)","symbol":"\#(symbol)","side":"\#(side)","size":"\#(size)"}"#
                )
                if answer.status != 200 {
                    logger.warning("the embedded exchange opened no position", metadata: ["answer": "\(answer.body)"])
                }
            }
        }
    }

    func shutdown() async throws {
        try await self.exchange.shutdown()
    }

    private static func url(_ scheme: EndpointURL.Scheme, _ port: Int, _ path: String) -> EndpointURL {
        EndpointURL(scheme: scheme, host: "127.0.0.1", port: port, path: path)
    }
}

public import HybridStream

/// Which exchange, and where it is.
public struct ExchangeConfiguration: Sendable, Equatable {
    public var environment = ExchangeEnvironment.simulator
    public var category = Category.linear
    /// What a position sweep of linear contracts covers.
    public var settleCoins = ["USDT", "USDC"]
    /// Where to connect; nil with `simulator`, whose embedded exchange has no fixed place.
    public var endpoints: ExchangeEndpoints?
    /// PEM file with further trust roots.
    public var tlsCAFile: String?

    public init() {}
}

/// The exchange's environments. A key is valid only in the one that made it.
public enum ExchangeEnvironment: String, Sendable, CaseIterable, Codable {
    /// The embedded exchange.
    case simulator
    case demo
    case testnet
    case mainnet
    /// Endpoints of your own.
    case custom
}

/// The three places a hybrid stream talks to, as URLs.
public struct ExchangeEndpoints: Sendable, Equatable {
    /// Tickers; the path names the category.
    public var publicWebSocket: EndpointURL
    public var privateWebSocket: EndpointURL
    /// Base of the REST API, without a slash at its end.
    public var rest: EndpointURL

    public init(publicWebSocket: EndpointURL, privateWebSocket: EndpointURL, rest: EndpointURL) {
        self.publicWebSocket = publicWebSocket
        self.privateWebSocket = privateWebSocket
        self.rest = rest
    }

    /// The exchange's own endpoints; nil for `simulator` and `custom`, which have none of their own.
    ///
    /// Hosts as in the V5 documentation. Demo trading has no public stream: its prices are mainnet's.
    public static func standard(_ environment: ExchangeEnvironment, category: Category) -> ExchangeEndpoints? {
        let hosts: (publicHost: String, privateHost: String, rest: String)
        switch environment {
        case .mainnet: hosts = ("stream.bybit.com", "stream.bybit.com", "api.bybit.com")
        case .testnet: hosts = ("stream-testnet.bybit.com", "stream-testnet.bybit.com", "api-testnet.bybit.com")
        case .demo: hosts = ("stream.bybit.com", "stream-demo.bybit.com", "api-demo.bybit.com")
        case .simulator, .custom: return nil
        }
        return ExchangeEndpoints(
            publicWebSocket: EndpointURL(
                scheme: .wss,
                host: hosts.publicHost,
                port: 443,
                path: "/v5/public/\(category.rawValue)"
            ),
            privateWebSocket: EndpointURL(scheme: .wss, host: hosts.privateHost, port: 443, path: "/v5/private"),
            rest: EndpointURL(scheme: .https, host: hosts.rest, port: 443, path: "")
        )
    }
}

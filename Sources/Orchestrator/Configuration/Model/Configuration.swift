public import HybridStream

/// What should run: one checked file, immutable, with every default filled in and every path absolute.
///
/// Secrets are inside ``AccountConfiguration/credentials``, a type that prints as nothing.
public struct Configuration: Sendable, Equatable {
    /// Name of the daemon among several on one host.
    public var instance = "default"
    public var exchange = ExchangeConfiguration()
    public var runtime: RuntimeConfiguration
    public var stream = StreamConfiguration()
    public var rollout = RolloutConfiguration()
    /// By name, each with everything it extends.
    public var strategies: [String: Strategy] = [:]
    /// In the order of the files.
    public var accounts: [AccountConfiguration] = []

    public init(runtime: RuntimeConfiguration) {
        self.runtime = runtime
    }
}

/// One account as it should run. Two of them are equal exactly if a running account need not be touched.
public struct AccountConfiguration: Sendable, Equatable {
    public var name: String
    public var isEnabled: Bool
    public var mode: Mode
    /// What the strategy is called; nil if the account has none and is only watched.
    public var strategyName: String?
    /// The strategy with everything it extends, the account's overrides, and its name put into paths and arguments.
    public var strategy: Strategy
    /// Consumers decide, nothing is sent.
    public var isDryRun: Bool
    /// Nil with the simulator if none are given, and for a disabled account whose secrets are not there (a warning).
    public var credentials: Credentials?

    public init(
        name: String,
        isEnabled: Bool,
        mode: Mode,
        strategyName: String?,
        strategy: Strategy,
        isDryRun: Bool,
        credentials: Credentials?
    ) {
        self.name = name
        self.isEnabled = isEnabled
        self.mode = mode
        self.strategyName = strategyName
        self.strategy = strategy
        self.isDryRun = isDryRun
        self.credentials = credentials
    }
}

/// Who drives an account's consumers, and what runs beside it.
public enum Mode: String, Sendable, CaseIterable, Codable {
    /// REST polling drives, nothing runs beside it.
    case rest
    /// REST polling drives; the hybrid stream runs and is watched.
    case canary
    /// REST polling drives; every row is compared with the hybrid stream.
    case parallel
    /// The hybrid stream drives a share of the symbols, REST polling the rest.
    case cutover
    /// The hybrid stream drives.
    case hybrid
}

public import HybridStream

/// What a start will run, worked out and checked before anything is opened. Pure.
public struct StartPlan: Sendable {
    /// One account that will run.
    public struct Account: Sendable {
        public var configuration: AccountConfiguration
        public var mode: Mode
        /// In `cutover`: percent of the symbols that the hybrid stream drives.
        public var percent: Int
        public var identity: AccountIdentity
        public var isDryRun: Bool

        package init(
            configuration: AccountConfiguration,
            mode: Mode,
            percent: Int = 100,
            identity: AccountIdentity,
            isDryRun: Bool
        ) {
            self.configuration = configuration
            self.mode = mode
            self.percent = percent
            self.identity = identity
            self.isDryRun = isDryRun
        }
    }

    /// Every account of the file, in its order, also those that do not run.
    public var all: [AccountConfiguration]
    public var running: [Account]
    public var endpoints: ExchangeEndpoints
    private let steps: [Int]
    /// What an operator should read before trusting the start.
    public var warnings: [String]

    /// - Throws: ``OrchestratorError`` with everything that stands in the way.
    public init(_ configuration: Configuration, options: OrchestratorOptions) throws(OrchestratorError) {
        let names = configuration.accounts.map(\.name)
        for name in options.accounts where !names.contains(name) {
            let near = NearNames.of(name, among: names)
            let hint = near.isEmpty ? "" : "; did you mean \(near.joined(separator: ", "))?"
            throw OrchestratorError(.unknownAccount, "there is no account \"\(name)\" in the file\(hint)")
        }
        guard let endpoints = options.endpoints ?? configuration.exchange.endpoints else {
            throw OrchestratorError(
                .configuration,
                "no endpoints: environment simulator needs the embedded exchange, which is not running"
            )
        }
        self.endpoints = endpoints
        self.steps = configuration.rollout.gates.cutover.steps
        self.all = configuration.accounts
        self.running = []
        self.warnings = []
        var problems: [String] = []
        for account in configuration.accounts where account.isEnabled {
            if !options.accounts.isEmpty, !options.accounts.contains(account.name) { continue }
            self.add(account, options: options, problems: &problems)
        }
        if !problems.isEmpty { throw OrchestratorError(.notSupported, problems.joined(separator: "\n")) }
        if self.running.isEmpty {
            self.warnings.append("no account is enabled: set `enabled: true` on those that should run")
        }
    }

    private mutating func add(
        _ account: AccountConfiguration,
        options: OrchestratorOptions,
        problems: inout [String]
    ) {
        do {
            let plain = EffectiveAccount(account, override: nil, modeCap: options.modeCap, steps: self.steps)
            self.running.append(try Account(account, plain, options: options))
        } catch {
            problems.append(error.message)
        }
    }
}

extension StartPlan.Account {
    /// - Throws: ``OrchestratorError`` with all that keeps the account from running.
    init(
        _ account: AccountConfiguration,
        _ effective: EffectiveAccount,
        options: OrchestratorOptions
    ) throws(OrchestratorError) {
        let name = account.name
        var problems: [String] = []
        for case .socket(let socket) in account.strategy.sinks {
            let length = socket.path.utf8.count
            if length > SocketFile.longestPath {
                problems.append(
                    "account \(name): the path of its socket sink is \(length) bytes long, and a Unix socket allows "
                        + "\(SocketFile.longestPath): \(socket.path); choose a shorter one"
                )
            }
        }
        let credentials = account.credentials ?? options.credentials[name]
        if credentials == nil { problems.append("account \(name): no credentials; give api_key and api_secret") }
        guard let credentials, problems.isEmpty else {
            throw OrchestratorError(.notSupported, problems.joined(separator: "\n"))
        }
        self.init(
            configuration: account,
            mode: effective.mode,
            percent: effective.percent ?? 0,
            identity: AccountIdentity(name: name, credentials: credentials),
            isDryRun: options.isDryRun || account.isDryRun
        )
    }
}

extension Mode: Comparable {
    /// Order of a rollout: rest, canary, parallel, cutover, hybrid.
    private var rank: Int {
        switch self {
        case .rest: 0
        case .canary: 1
        case .parallel: 2
        case .cutover: 3
        case .hybrid: 4
        }
    }

    public static func < (left: Mode, right: Mode) -> Bool { left.rank < right.rank }
}

extension Strategy {
    /// Whether it names a built-in consumer.
    public var hasConsumers: Bool {
        self.positionManager != nil || self.trailingStop != nil || self.agedMonitor != nil
    }
}

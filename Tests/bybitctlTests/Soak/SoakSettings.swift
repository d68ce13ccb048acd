import Foundation

/// What the environment asks for.
struct SoakSettings {
    var minutes = 2.0
    var accounts = 200
    var seed: UInt64 = 1
    var symbols = 40
    /// Time between two steps of the exchange's prices.
    var tick = 250
    /// How busy the exchange keeps the accounts.
    var activity = "high"
    /// Every n-th event that is no mark is kept from the audit; 0 for none.
    var hides = 0

    /// A symbol without a frame for this long is stale: the client's setting.
    static let staleAfter = Duration.seconds(5)
    /// What recovery may take on top: reconnects, back-off, a restart of the daemon, a sweep, and the exchange's own outages.
    static let allowance = Duration.seconds(20)
    /// Most that memory may grow from the end of the warm-up.
    static let memoryRatio = 1.05
    /// Shorter runs only say what they used.
    static let memoryMinutes = 10.0

    static var isAskedFor: Bool { ProcessInfo.processInfo.environment["BYBITCTL_SOAK_MINUTES"] != nil }

    /// - Throws: if a value is no number.
    static func fromEnvironment() throws -> SoakSettings {
        var settings = SoakSettings()
        func number<Value: LosslessStringConvertible>(_ name: String, _ value: inout Value) throws {
            guard let text = ProcessInfo.processInfo.environment["BYBITCTL_SOAK_\(name)"], !text.isEmpty else { return }
            guard let parsed = Value(text) else { throw Disappointment("\(name)=\(text) is not what it should be") }
            value = parsed
        }
        try number("MINUTES", &settings.minutes)
        try number("ACCOUNTS", &settings.accounts)
        try number("SEED", &settings.seed)
        try number("SYMBOLS", &settings.symbols)
        try number("TICK", &settings.tick)
        try number("ACTIVITY", &settings.activity)
        try number("HIDE", &settings.hides)
        return settings
    }

    var limit: Int64 { (Self.staleAfter + Self.allowance).milliseconds }

    /// Reconnects are quicker than by default, since faults come much more often than in life; the budgets are out of the way,
    /// the big outage is for them.
    func file(_ exchange: Exchange) -> AccountsFile {
        var file = AccountsFile(exchange)
        file.logLevel = "notice"
        file.stream = [
            "reconnect: { initial: 200ms, max: 2s }", "ping_interval: 5s", "pong_timeout: 3s", "connect_timeout: 4s",
            "auth_timeout: 4s", "ticker_stale_after: \(Self.staleAfter.components.seconds)s", "reconcile_interval: 15s",
            "rest_ban_pause: 4s", "rest_budget: { requests: 200, per: 1s }",
            "connection_budget: { connections: 50000, per: 60s }",
        ]
        // Small files, so that they are rotated under the reader's eyes.
        let sink = "jsonl: { path: \"events/{account}.jsonl\", rotate: 2MB, keep: 1 }"
        for place in file.accounts.indices { file.accounts[place].extra = "overrides: { sinks: [{ \(sink) }] }" }
        return file
    }
}

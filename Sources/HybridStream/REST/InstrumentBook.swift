internal import Synchronization
public import Logging

/// The rules of every instrument of a category, shared by all accounts of a process.
///
/// Fetched when first needed and again every hour, because the exchange revises them; an unknown symbol is a reason to fetch
/// them at once, though not more often than once a minute. What was known stays known when that fails.
public actor InstrumentBook {
    public typealias Fetch = @Sendable () async throws -> [Instrument]

    static let lifetime = Duration.seconds(3_600)
    static let pause = Duration.seconds(60)
    /// After a failure.
    static let retryPause = Duration.seconds(3)

    private let fetch: Fetch
    private let now: @Sendable () -> Uptime
    private let logger: Logger
    private var known: [String: Instrument] = [:]
    private var fetched: Uptime?
    private var notBefore = Uptime.distantPast
    private var underWay: Task<Void, Never>?
    /// Called with all instruments when they have been fetched.
    private var onFetched: (@Sendable ([Instrument]) -> Void)?

    /// - Parameters:
    ///   - fetch: all instruments, or an error.
    ///   - now: the monotonic clock.
    public init(fetch: @escaping Fetch, now: @escaping @Sendable () -> Uptime, logger: Logger) {
        self.fetch = fetch
        self.now = now
        self.logger = logger
    }

    public func setOnFetched(_ body: @escaping @Sendable ([Instrument]) -> Void) { self.onFetched = body }

    /// The rules of a symbol; nil if the exchange has not told them, or cannot be asked now.
    public func rules(of symbol: String) async -> Instrument? {
        if self.isDue(symbol) || self.known[symbol] == nil && self.underWay != nil { await self.refresh() }
        return self.known[symbol]
    }

    /// The same, but never waits: what is known now, while what is missing or old is fetched meanwhile. For those who have
    /// better to do than to wait for an exchange that does not answer.
    public func knownRules(of symbol: String) -> Instrument? {
        if self.isDue(symbol), self.underWay == nil { Task { await self.refresh() } }
        return self.known[symbol]
    }

    private func isDue(_ symbol: String) -> Bool {
        let now = self.now()
        let isOld = self.fetched.map { $0 + Self.lifetime <= now } ?? true
        return (isOld || self.known[symbol] == nil) && self.notBefore <= now
    }

    /// One at a time, however many ask.
    private func refresh() async {
        if let underWay = self.underWay { return await underWay.value }
        let task = Task { await self.fetchAll() }
        self.underWay = task
        await task.value
    }

    private func fetchAll() async {
        // In one step with what has been learnt: nobody sees the new rules, or the failure, and still waits for them.
        defer { self.underWay = nil }
        do {
            let instruments = try await self.fetch()
            for instrument in instruments { self.known[instrument.symbol] = instrument }
            self.fetched = self.now()
            self.notBefore = self.now() + Self.pause
            self.onFetched?(instruments)
        } catch {
            self.notBefore = self.now() + Self.retryPause
            self.logger.warning("the instruments' rules could not be fetched", metadata: ["reason": "\(error)"])
        }
    }
}

/// How the one REST client of the process behaves.
public struct RESTSettings: Sendable {
    /// Requests allowed in any window of ``budgetPer``, over all accounts. The exchange bans an address at 600 per 5 s.
    public var budgetRequests: Int
    public var budgetPer: Duration
    /// After a 403: silence this long, then one probe.
    public var banPause: Duration
    /// How long after its timestamp the exchange still accepts a request. Whole milliseconds.
    public var receiveWindow: Duration
    /// From the request's start to the last byte of its reply, connecting included.
    public var requestTimeout: Duration
    /// Connections to the exchange, and so requests under way at the same time.
    public var maxConnections: Int
    /// Between the attempts of a read.
    public var retryBackoff: Backoff
    /// Attempts of a read, the first included.
    public var maxAttempts: Int

    public init(
        budgetRequests: Int = 100,
        budgetPer: Duration = .seconds(1),
        banPause: Duration = .seconds(600),
        receiveWindow: Duration = .milliseconds(5000),
        requestTimeout: Duration = .seconds(10),
        maxConnections: Int = 32,
        retryBackoff: Backoff = Backoff(initial: .milliseconds(250), max: .seconds(4)),
        maxAttempts: Int = 4
    ) {
        self.budgetRequests = budgetRequests
        self.budgetPer = budgetPer
        self.banPause = banPause
        self.receiveWindow = receiveWindow
        self.requestTimeout = requestTimeout
        self.maxConnections = maxConnections
        self.retryBackoff = retryBackoff
        self.maxAttempts = maxAttempts
    }
}

/// Timing and budgets of the connections.
public struct StreamConfiguration: Sendable, Equatable {
    public var pingInterval: Duration = .seconds(20)
    public var pongTimeout: Duration = .seconds(10)
    public var connectTimeout: Duration = .seconds(10)
    public var authTimeout: Duration = .seconds(10)
    public var reconnect = BackoffConfiguration()
    public var connectionBudget = ConnectionBudget()
    public var restBudget = RESTBudget()
    public var restBanPause: Duration = .seconds(600)
    public var tickerStaleAfter: Duration = .seconds(10)
    public var tickerLinger: Duration = .seconds(5)
    public var reconcileInterval: Duration = .seconds(60)
    public var restPollInterval: Duration = .seconds(5)
    public var fallbackAfter: Duration = .seconds(30)

    public init() {}
}

/// Exponential backoff with full jitter.
public struct BackoffConfiguration: Sendable, Equatable {
    public var initial: Duration = .milliseconds(500)
    public var max: Duration = .seconds(30)

    public init() {}
}

/// How many WebSocket connections may be attempted in a span of time.
public struct ConnectionBudget: Sendable, Equatable {
    public var connections = 400
    public var per: Duration = .seconds(300)

    public init() {}
}

/// How many REST requests this process may send in a span of time.
public struct RESTBudget: Sendable, Equatable {
    public var requests = 100
    public var per: Duration = .seconds(1)

    public init() {}
}

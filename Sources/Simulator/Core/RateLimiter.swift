/// The exchange's own limits: connections, requests over all accounts, requests per account and endpoint.
struct RateLimiter {
    let limits: SimulatorLimits
    private var connectionTimes: [Int64] = []
    private var requestWindowStart: Int64 = 0
    private var requestCount = 0
    private var bannedUntil: Int64 = 0

    init(limits: SimulatorLimits) {
        self.limits = limits
    }

    /// Whether one more WebSocket connection is allowed.
    mutating func admitsConnection(now: Int64) -> Bool {
        guard self.limits.enforced else { return true }
        self.connectionTimes.removeAll { $0 <= now - self.limits.connectionWindow }
        guard self.connectionTimes.count < self.limits.connections else { return false }
        self.connectionTimes.append(now)
        return true
    }

    /// Whether one more REST request is allowed; once refused, all are for the length of the ban.
    mutating func admitsRequest(now: Int64) -> Bool {
        guard self.limits.enforced else { return true }
        if now < self.bannedUntil { return false }
        if now - self.requestWindowStart >= self.limits.requestWindow {
            self.requestWindowStart = now
            self.requestCount = 0
        }
        self.requestCount += 1
        guard self.requestCount > self.limits.requests else { return true }
        self.bannedUntil = now + self.limits.requestBan
        return false
    }

    /// Requests per second and account.
    func endpointLimit(_ path: String) -> Int {
        let limit =
            switch path {
            case "/v5/position/list", "/v5/order/realtime", "/v5/order/history", "/v5/account/wallet-balance",
                "/v5/account/info":
                50
            default: 10
            }
        return max(1, limit * self.limits.endpointPercent / 100)
    }
}

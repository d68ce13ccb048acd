internal import Synchronization
public import Logging
public import NIOCore
public import NIOSSL

/// The exchange's REST interface: signed, within its limits, with replies judged. One per process, shared by all
/// accounts.
///
/// Every call waits at the gate of the process-wide budget, is signed when it leaves, and is repeated where that is safe.
/// During a ban calls fail at once with ``RESTError/Code/banned`` and say in ``RESTError/retryAfter`` how long it lasts.
/// Nothing is logged but method, path, account name, status and code.
///
/// Call ``shutdown()`` before letting go of it.
public final class RESTClient: Sendable {
    public let clock: ServerClock
    let settings: RESTSettings
    let logger: Logger
    private let gate: RESTGate
    private let transport: any RESTTransport
    let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void
    private let seed: @Sendable () -> UInt64

    /// - Parameters:
    ///   - baseURL: scheme, host and port, like `https://api.bybit.com`.
    ///   - tlsConfiguration: nil for the system's trust roots.
    ///   - clock: shared with the private sockets, which sign too.
    public convenience init(
        baseURL: String,
        settings: RESTSettings = RESTSettings(),
        tlsConfiguration: TLSConfiguration? = nil,
        eventLoopGroup: any EventLoopGroup,
        logger: Logger,
        clock: ServerClock = ServerClock()
    ) {
        let timers = eventLoopGroup.next()
        self.init(
            transport: HTTPTransport(
                baseURL: baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL,
                maxConnections: settings.maxConnections,
                timeout: settings.requestTimeout,
                tlsConfiguration: tlsConfiguration,
                eventLoopGroup: eventLoopGroup
            ),
            settings: settings,
            logger: logger,
            clock: clock,
            time: .system,
            schedule: { instant, action in timers.scheduleTask(deadline: instant.deadline, action) },
            sleep: { try await Task.sleep(for: $0) },
            seed: { .random(in: .min ... .max) }
        )
    }

    /// With a transport, a clock and timers of one's own, for simulations.
    package init(
        transport: any RESTTransport,
        settings: RESTSettings,
        logger: Logger,
        clock: ServerClock,
        time: TimeSource,
        schedule: @escaping RESTGate.Scheduler,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        seed: @escaping @Sendable () -> UInt64
    ) {
        self.clock = clock
        self.settings = settings
        self.logger = logger
        self.transport = transport
        self.time = time
        self.sleep = sleep
        self.seed = seed
        self.gate = RESTGate(
            budget: RateBudget(
                requests: settings.budgetRequests,
                per: settings.budgetPer,
                banPause: settings.banPause,
                maxUnderWay: settings.maxConnections
            ),
            now: time.uptime,
            schedule: schedule
        )
    }

    /// Ends waiting calls with ``RESTError/Code/cancelled`` and closes all connections.
    public func shutdown() async throws {
        self.gate.close()
        try await self.transport.shutdown()
    }

    /// Requests sent in the current window of the budget, and how many it may hold.
    public var usage: (used: Int, limit: Int) { self.gate.usage }

    /// Whether the exchange has banned this address.
    public var banState: RateBudget.Ban { self.gate.ban }

    /// Makes a call.
    /// - Parameter account: whom it is signed for; nil for public calls.
    /// - Returns: a success; see ``RESTReply/readResult(_:)``.
    /// - Throws: ``RESTError``. A write that failed with ``RESTError/ambiguous`` may have had its effect.
    public func request(_ request: RESTRequest, account: AccountIdentity? = nil) async throws -> RESTReply {
        try await self.exchange(request, account: account).reply
    }

    /// A success with the times of the attempt that brought it.
    struct Exchange: Sendable {
        var reply: RESTReply
        var sent: Uptime
        var received: Uptime
        /// Milliseconds since 1970 by the exchange; 0 if it did not say.
        var serverMilliseconds: Int64
    }

    func exchange(_ request: RESTRequest, account: AccountIdentity?) async throws(RESTError) -> Exchange {
        var policy = RetryPolicy(
            maxAttempts: self.settings.maxAttempts,
            backoff: self.settings.retryBackoff,
            seed: self.seed()
        )
        while true {
            do {
                return try await self.attempt(request, account: account)
            } catch {
                let error = Self.situated(error, request: request, account: account)
                switch policy.failed(error, method: request.method) {
                case .giveUp:
                    throw error
                case .retry(let delay):
                    try await self.pause(delay, after: error)
                case .retryWithNewTime:
                    // The refusal names the exchange's time, and ``attempt`` has taken it over. Ask if it did not.
                    if error.serverMilliseconds == nil, request.path != Self.timePath {
                        _ = try await self.attempt(.get(Self.timePath, priority: .high), account: nil)
                    }
                }
            }
        }
    }

    private func pause(_ delay: Duration, after error: RESTError) async throws(RESTError) {
        do {
            try await self.sleep(delay)
        } catch {
            throw RESTError(.cancelled, message: "cancelled between two attempts")
        }
    }

    private func attempt(_ request: RESTRequest, account: AccountIdentity?) async throws(RESTError) -> Exchange {
        let permit = try await self.gate.acquire(
            account: account?.name,
            endpoint: request.path,
            priority: request.priority,
            patience: request.patience
        )
        let sent = self.time.uptime()
        let reply: RESTReply
        do {
            let headers = try request.headers(
                account: account,
                timestamp: self.clock.nowMilliseconds(),
                receiveWindow: self.settings.receiveWindow.milliseconds
            )
            reply = try await self.transport.send(request, headers: headers, timeout: self.settings.requestTimeout)
        } catch {
            self.gate.finish(permit, outcome: .failed)
            self.log(request, account: account, error: error)
            throw error
        }
        let received = self.time.uptime()
        let envelope = ReplyEnvelope(reply.body)
        var error = RESTError.classify(
            status: reply.status,
            headers: reply.headers,
            body: reply.body,
            envelope: envelope,
            removing: account?.credentials
        )
        if error?.code == .banned { error?.retryAfter = self.settings.banPause }
        let serverTime = error?.serverMilliseconds ?? envelope?.time ?? 0
        // Public replies may come out of a cache on the way and tell an old time, except for the clock's own.
        if account != nil || request.path == Self.timePath {
            self.clock.record(
                serverMilliseconds: serverTime,
                sentUptime: sent,
                receivedUptime: received,
                replacing: error?.category == .clock
            )
        }
        self.gate.finish(permit, outcome: self.outcome(of: reply, error: error))
        self.log(request, account: account, error: error)
        if let error { throw error }
        return Exchange(reply: reply, sent: sent, received: received, serverMilliseconds: serverTime)
    }

    private func outcome(of reply: RESTReply, error: RESTError?) -> RateBudget.Outcome {
        let resetsAt = reply.headers.resetMilliseconds.flatMap { self.clock.uptime(atServerMilliseconds: $0) }
        switch error?.code {
        case .banned: return .banned
        case .overloaded: return .overloaded(reply.headers.retryAfter)
        case .rateLimited: return .limited(resetsAt: resetsAt)
        default: return .answered(remaining: reply.headers.remaining, resetsAt: resetsAt)
        }
    }

    static func situated(
        _ error: RESTError,
        request: RESTRequest,
        account: AccountIdentity?
    ) -> RESTError {
        var error = error
        error.endpoint = request.name
        error.account = account?.name
        return error
    }

    private func log(_ request: RESTRequest, account: AccountIdentity?, error: RESTError?) {
        var metadata: Logger.Metadata = ["endpoint": "\(request.name)"]
        if let account { metadata["account"] = "\(account.name)" }
        guard let error else {
            self.logger.trace("REST call succeeded", metadata: metadata)
            return
        }
        metadata["code"] = "\(error.code)"
        if let status = error.httpStatus { metadata["status"] = "\(status)" }
        if let retCode = error.retCode { metadata["retCode"] = "\(retCode)" }
        if error.code == .banned {
            metadata["pause"] = "\(self.settings.banPause)"
            self.logger.warning("the exchange bans this address; REST pauses", metadata: metadata)
        } else {
            self.logger.debug("REST call failed", metadata: metadata)
        }
    }
}

/// Whether and when a failed call is made again.
///
/// Reads are repeated after faults of the exchange and the network, with back-off and jitter. A rate limit needs no
/// delay here: the gate keeps the endpoint waiting. A refused timestamp is corrected and tried once more, for writes
/// too, because the exchange looked no further. A ban is left to the caller: it takes minutes.
struct RetryPolicy: Sendable {
    enum Decision: Equatable, Sendable {
        case giveUp
        case retry(after: Duration)
        /// Learn the exchange's time first.
        case retryWithNewTime
    }

    let maxAttempts: Int
    private var backoff: Backoff
    private var random: SplitMix64
    private var failures = 0
    private var hasCorrectedTime = false

    init(maxAttempts: Int, backoff: Backoff, seed: UInt64) {
        self.maxAttempts = max(1, maxAttempts)
        self.backoff = backoff
        self.random = SplitMix64(seed: seed)
    }

    mutating func failed(_ error: RESTError, method: RESTRequest.Method) -> Decision {
        if error.category == .clock {
            if self.hasCorrectedTime { return .giveUp }
            self.hasCorrectedTime = true
            return .retryWithNewTime
        }
        self.failures += 1
        guard method == .get, error.retryable, self.failures < self.maxAttempts else { return .giveUp }
        switch error.category {
        case .transport, .timeout, .server, .malformed: return .retry(after: self.backoff.next(using: &self.random))
        case .rateLimited: return error.code == .queueFull ? .giveUp : .retry(after: .zero)
        default: return .giveUp
        }
    }
}

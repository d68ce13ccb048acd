import Dispatch
import HybridStream
import Logging
import NIOCore

/// What the sinks of a hub share: one event loop of their own, threads for what may block, and whom they report to.
struct SinkTools: Sendable {
    let loop: any EventLoop
    let clock: TimeSource
    let logger: Logger
    /// Blocks until the events recorded so far are in the store; see ``Store/secureTold(patience:)``.
    let secure: @Sendable () -> Void
    /// Called on the loop when a sink begins to fail, and with nil when it works again.
    let onChange: @Sendable (_ queue: EventQueue, _ label: String, _ trouble: SinkTrouble?) -> Void
    /// Starts programs, one after the other: a thousand children do not start in the same instant.
    private let starter = DispatchQueue(label: "sinks.start")
    private let keeper = DispatchQueue(label: "sinks.store")

    init(
        loop: any EventLoop,
        clock: TimeSource = .system,
        logger: Logger,
        secure: @escaping @Sendable () -> Void,
        onChange: @escaping @Sendable (EventQueue, String, SinkTrouble?) -> Void
    ) {
        self.loop = loop
        self.clock = clock
        self.logger = logger
        self.secure = secure
        self.onChange = onChange
    }

    var now: Uptime { self.clock.uptime() }

    /// Runs `body` on the loop once what readers are about to be told is in the store.
    func afterSecuring(_ body: @escaping @Sendable () -> Void) {
        self.keeper.async {
            self.secure()
            self.loop.execute(body)
        }
    }

    /// Runs what may block, and then `body` with its outcome on the loop.
    func start<Value: Sendable>(
        _ work: @escaping @Sendable () -> Value,
        then body: @escaping @Sendable (Value) -> Void
    ) {
        self.starter.async {
            let value = work()
            self.loop.execute { body(value) }
        }
    }

    /// Returns when the threads have no more work for the loop, or a moment later if the system keeps them.
    func settle() async throws {
        let isIdle = OneShot()
        self.starter.async { self.keeper.async { isIdle.complete(.success(())) } }
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(1)) { isIdle.complete(.success(())) }
        try await isIdle.wait()
    }

    /// Runs `body` on the loop at that time.
    func schedule(at time: Uptime, _ body: @escaping @Sendable () -> Void) -> Scheduled<Void> {
        self.loop.scheduleTask(in: .nanoseconds(max(0, (time - self.now).nanoseconds)), body)
    }
}

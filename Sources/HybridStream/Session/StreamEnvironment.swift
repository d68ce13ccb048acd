public import NIOSSL

/// All that the client has of the world outside: time, chance, connections, and threads for slow work.
public struct StreamEnvironment: Sendable {
    public var time: TimeSource
    /// Where the seeds of back-off and jitter come from.
    public var seed: @Sendable () -> UInt64
    public var connector: WebSocketConnector
    /// Where work runs that waits for REST; nil is the usual place.
    public var executor: (any TaskExecutor)?

    public init(
        time: TimeSource = .system,
        seed: @escaping @Sendable () -> UInt64 = { .random(in: .min ... .max) },
        connector: WebSocketConnector,
        executor: (any TaskExecutor)? = nil
    ) {
        self.time = time
        self.seed = seed
        self.connector = connector
        self.executor = executor
    }

    /// The real world.
    /// - Parameter tls: for `wss://` endpoints.
    public static func system(tls: NIOSSLContext?) -> StreamEnvironment {
        StreamEnvironment(connector: .tcp(tls: tls))
    }
}

import HybridStream
import Logging
import NIOPosix
import Orchestrator
import Simulator

/// The simulated exchange inside the daemon: what `environment: simulator` means.
struct EmbeddedExchange {
    let endpoints: ExchangeEndpoints
    /// By account name.
    let credentials: [String: Credentials]
    private let exchange: SimulatedExchange
    private let group: MultiThreadedEventLoopGroup

    /// Nil if the file names an exchange of its own.
    static func start(for configuration: Configuration, logger: Logger) async throws -> EmbeddedExchange? {
        nil
    }

    func shutdown() async {}
}

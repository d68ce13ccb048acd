import Glibc
import HybridStream
import Logging
import NIOCore
import NIOPosix
import Orchestrator
import Simulator

/// The simulated exchange, on its own or inside the daemon.
enum SimulatedServer {
    /// Serves until SIGINT or SIGTERM. Prints one line of JSON when it is ready.
    static func run(_ options: SimulatorOptions) async throws {
        let stop = AsyncStream<Int32>.makeStream()
        let signals = try StopSignals { number in
            stop.continuation.yield(number)
            stop.continuation.finish()
        }
        defer { signals.cancel() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let exchange = try await SimulatedExchange.start(options, group: group, logger: self.logger)
        do {
            let line = await exchange.readyLine()
            try StandardOutput.write(line.hasSuffix("\n") ? line : line + "\n")
            for await _ in stop.stream { break }
        } catch {
            try await exchange.shutdown()
            throw error
        }
        try await exchange.shutdown()
        try await group.shutdownGracefully()
    }

    private static var logger: Logger {
        Logger(label: "simulator") { _ in LogFormat.auto.handler(level: .warning, terminal: .standardError) }
    }
}

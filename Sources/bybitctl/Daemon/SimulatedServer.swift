import Glibc
import Logging
import Simulator

/// The simulated exchange on its own.
enum SimulatedServer {
    /// Serves until SIGINT, SIGTERM, SIGHUP, or a request to its control port ends it. Prints one line of JSON when it is ready.
    static func run(_ options: SimulatorOptions) async throws {
        let stop = AsyncStream<Int32>.makeStream()
        let end: @Sendable (Int32) -> Void = { number in
            stop.continuation.yield(number)
            stop.continuation.finish()
        }
        // It has no file to read again: with its terminal it ends.
        let signals = try StopSignals(onFirst: end, onHangup: { end(SIGHUP) })
        defer { signals.cancel() }
        let exchange = try await SimulatedExchange.start(options, logger: self.logger)
        let outcome: Result<Void, any Error>
        do {
            let line = await exchange.readyLine()
            try StandardOutput.write(line.hasSuffix("\n") ? line : line + "\n")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { for await _ in stop.stream { return } }
                group.addTask { try await exchange.waitForShutdown() }
                try await group.next()
                try await exchange.shutdown()
                stop.continuation.finish()
                try await group.waitForAll()
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        // Does nothing if it is down already.
        try await exchange.shutdown()
        try outcome.get()
    }

    private static var logger: Logger {
        Logger(label: "simulator") { _ in LogFormat.auto.handler(level: .warning, terminal: .standardError) }
    }
}

import Glibc
import Hummingbird
public import Logging
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// Answers questions about the running instance on its Unix socket.
///
/// It has one thread of its own, so a question never waits behind market data, nor market data behind a question. Only
/// the holder of the instance's lock can make one: whoever holds it may replace a socket file that a dead process left.
public final class ControlServer: Service {
    private enum State {
        case idle
        case running(ServiceGroup)
        case stopped
    }

    /// How long ``stop()`` lets answers finish.
    private static let patience = Duration.seconds(3)

    private let location: InstanceLocation
    private let lock: InstanceLock
    private let backend: any ControlBackend
    private let logger: Logger
    private let listening = OneShot()
    private let state = Mutex(State.idle)

    public init(lock: InstanceLock, backend: any ControlBackend, logger: Logger) {
        self.location = lock.location
        self.lock = lock
        self.backend = backend
        self.logger = logger
    }

    /// Serves until ``stop()``, a graceful shutdown of the surrounding service group, or cancellation. Followers of
    /// events get the end of their stream, not a broken one.
    /// - Throws: what made listening impossible.
    public func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let outcome: Result<Void, any Error>
        do {
            try await self.serve(on: group)
            outcome = .success(())
        } catch is CancellationError {
            // Either we were cancelled, or an answer had to be.
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        self.state.withLock { $0 = .stopped }
        // Whoever still waits for the socket learns that it will not come.
        self.listening.complete(outcome.flatMap { .failure(CancellationError()) })
        unlink(self.location.controlSocket)
        try await group.shutdownGracefully()
        try outcome.get()
    }

    /// Returns when the socket accepts connections.
    /// - Throws: why it never will.
    public func waitUntilListening() async throws {
        try await self.listening.wait()
    }

    /// Ends ``run()`` gracefully. Does nothing the second time.
    public func stop() async {
        let group = self.state.withLock { state -> ServiceGroup? in
            switch state {
            case .idle:
                state = .stopped
                return nil
            case .running(let group):
                return group
            case .stopped:
                return nil
            }
        }
        await group?.triggerGracefulShutdown()
    }

    private func serve(on group: MultiThreadedEventLoopGroup) async throws {
        // The framework's own notes about listening are noise beside ours.
        var quiet = self.logger
        quiet.logLevel = max(self.logger.logLevel, .warning)
        let application = Application(
            responder: ControlRoutes(instance: self.location.instance, backend: self.backend).router().buildResponder(),
            configuration: ApplicationConfiguration(address: .unixDomainSocket(path: self.location.controlSocket)),
            onServerRunning: { [location, listening, logger] _ in
                // The folder is 0700, so nobody else could connect before this either.
                guard chmod(location.controlSocket, 0o600) == 0 else {
                    let reason = SystemError.text(errno)
                    listening.complete(
                        .failure(InstanceError(.io, "cannot protect \(location.controlSocket): \(reason)"))
                    )
                    return
                }
                logger.debug("control socket is listening", metadata: ["path": "\(location.controlSocket)"])
                listening.complete(.success(()))
            },
            eventLoopGroupProvider: .shared(group),
            logger: quiet
        )
        var configuration = ServiceGroupConfiguration(services: [application], logger: quiet)
        // A question whose answer does not come must not hold up the end; then it is cancelled.
        configuration.maximumGracefulShutdownDuration = ControlServer.patience
        let services = ServiceGroup(configuration: configuration)
        let isStopped = self.state.withLock { state -> Bool in
            guard case .idle = state else { return true }
            state = .running(services)
            return false
        }
        if isStopped { return }
        try await services.run()
    }
}

import Logging
import Orchestrator

/// A control socket that a test asks.
enum ControlTestServer {
    /// Runs a test against a server that listens, and stops it afterwards.
    static func with<Answer: Sendable>(
        _ backend: FakeBackend,
        _ body: (InstanceLocation, ControlServer) async throws -> Answer
    ) async throws -> Answer {
        let folder = try ControlTestFolder()
        let lock = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "default"))
        let server = ControlServer(lock: lock, backend: backend, logger: Logger(label: "test"))
        let running = Task { try await server.run() }
        try await server.waitUntilListening()
        let outcome: Result<Answer, any Error>
        do {
            outcome = .success(try await body(lock.location, server))
        } catch {
            outcome = .failure(error)
        }
        await server.stop()
        try await running.value
        return try outcome.get()
    }
}

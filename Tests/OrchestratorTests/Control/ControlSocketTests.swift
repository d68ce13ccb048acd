import Foundation
import Logging
import NIOCore
import Testing

@testable import Orchestrator

/// Server and client over a real socket.
@Suite(.timeLimit(.minutes(1))) struct ControlSocketTests {
    private static let accounts = [
        StatusSamples.account("sub-001", positions: [StatusSamples.position()]),
        StatusSamples.account("sub-002", state: .failed, health: .critical, lastError: "key expired"),
    ]

    /// Runs a test against a server that listens, and stops it afterwards.
    private func withServer<Answer: Sendable>(
        _ backend: FakeBackend = FakeBackend(accounts),
        _ body: (InstanceLocation, ControlServer, FakeBackend) async throws -> Answer
    ) async throws -> Answer {
        let folder = try ControlTestFolder()
        let lock = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "default"))
        let server = ControlServer(lock: lock, backend: backend, logger: Logger(label: "test"))
        let running = Task { try await server.run() }
        try await server.waitUntilListening()
        let outcome: Result<Answer, any Error>
        do {
            outcome = .success(try await body(lock.location, server, backend))
        } catch {
            outcome = .failure(error)
        }
        await server.stop()
        try await running.value
        #expect(!FileManager.default.fileExists(atPath: lock.location.controlSocket))
        return try outcome.get()
    }

    @Test func statusIsSortedAndRolledUp() async throws {
        try await self.withServer { location, _, _ in
            let status = try await ControlClient.with(location, timeout: .seconds(60)) {
                try await $0.status(includePositions: true, accounts: [])
            }
            #expect(status.health == .critical)
            let report = try status.report()
            #expect(report.health == .critical)
            #expect(report.accounts.map(\.name) == ["sub-002", "sub-001"])
            #expect(report.accounts[1].positions == [StatusSamples.position()])
        }
    }

    @Test func theFollowerOfOneAccountSeesItsHealthOnly() async throws {
        try await self.withServer { location, _, backend in
            let status = try await ControlClient.with(location, timeout: .seconds(60)) {
                try await $0.status(includePositions: false, accounts: ["sub-001"])
            }
            #expect(status.health == .healthy)
            let report = try status.report()
            #expect(report.accounts.map(\.name) == ["sub-001"])
            #expect(report.accounts[0].positions.isEmpty)
            #expect(report.accounts[0].counts == .init(open: 1, stale: 0, unprotected: 0))
            #expect(backend.includedPositions.last == false)
        }
    }

    @Test func theSocketIsPrivate() async throws {
        try await self.withServer { location, _, _ in
            let attributes = try FileManager.default.attributesOfItem(atPath: location.controlSocket)
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
            let folder = try FileManager.default.attributesOfItem(atPath: location.directory)
            #expect((folder[.posixPermissions] as? NSNumber)?.intValue == 0o700)
        }
    }

    @Test func version() async throws {
        try await self.withServer { location, _, _ in
            let version = try await ControlClient.with(location, timeout: .seconds(60)) { try await $0.version() }
            #expect(version == InstanceVersion(version: BybitctlVersion.current, instance: "default", pid: getpid()))
        }
    }

    @Test func unknownNamesAreRefusedWithNearOnes() async throws {
        try await self.withServer { location, _, backend in
            let error = await #expect(throws: ControlClientError.self) {
                try await ControlClient.with(location, timeout: .seconds(60)) {
                    _ = try await $0.status(includePositions: true, accounts: ["sub-01"])
                }
            }
            #expect(error?.code == .refused)
            #expect(error?.exitCode == 64)
            #expect(error?.message == "no account is named 'sub-01'; did you mean sub-001, sub-002?")
            #expect(error?.refusal?.unknown == [.init(name: "sub-01", near: ["sub-001", "sub-002"])])
            await #expect(throws: ControlClientError.self) {
                try await ControlClient.with(location, timeout: .seconds(60)) {
                    _ = try await $0.events(FollowRequest(accounts: ["nobody"])) { _ in true }
                }
            }
            #expect(backend.requests.isEmpty)
        }
    }

    @Test func eventsArriveAsTheyCome() async throws {
        try await self.withServer { location, _, backend in
            let filter = FollowRequest(accounts: ["sub-001"], symbols: ["BTCUSDT"], causes: ["mark"], tail: 5)
            let feeding = Task {
                let subscription = try await backend.subscription()
                subscription.send("{\"n\":1}\n")
                subscription.send("{\"n\":2}\n{\"n\":3}\n")
                subscription.end()
            }
            let (text, isEnded) = try await ControlClient.with(location, timeout: .seconds(60)) { client in
                var text = ""
                let isEnded = try await client.events(filter) { chunk in
                    text += String(buffer: chunk)
                    return true
                }
                return (text, isEnded)
            }
            try await feeding.value
            #expect(text == "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n")
            #expect(isEnded)
            #expect(backend.requests == [filter])
        }
    }

    @Test func aFollowerThatLeavesIsReleased() async throws {
        try await self.withServer { location, _, backend in
            let following = Task {
                try await ControlClient.with(location, timeout: .seconds(60)) { client in
                    try await client.events(FollowRequest()) { _ in false }
                }
            }
            let subscription = try await backend.subscription()
            subscription.send("{\"n\":1}\n")
            #expect(try await following.value == false)
            // Nothing more is sent: the server has to notice by itself.
            await subscription.waitUntilCancelled()
        }
    }

    @Test func stoppingEndsFollowersCleanly() async throws {
        try await self.withServer { location, server, backend in
            let following = Task {
                try await ControlClient.with(location, timeout: .seconds(60)) { client in
                    try await client.events(FollowRequest()) { _ in true }
                }
            }
            let subscription = try await backend.subscription()
            await server.stop()
            await subscription.waitUntilCancelled()
            #expect(try await following.value)
        }
    }

    @Test func nobodyListens() async throws {
        let folder = try ControlTestFolder()
        let location = try InstanceLocation(stateDirectory: folder.path, instance: "default")
        for isFileThere in [false, true] {
            // A process that was killed leaves its socket file behind.
            try location.prepareDirectory()
            if isFileThere { try self.leaveSocketFile(at: location.controlSocket) }
            let error = await #expect(throws: ControlClientError.self) {
                try await ControlClient.with(location, timeout: .seconds(60)) { _ = try await $0.version() }
            }
            #expect(error?.code == .notRunning)
            #expect(error?.exitCode == 3)
        }
    }

    @Test func aSocketFileThatWasLeftBehindIsReplaced() async throws {
        let folder = try ControlTestFolder()
        let lock = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "default"))
        try self.leaveSocketFile(at: lock.location.controlSocket)
        let server = ControlServer(lock: lock, backend: FakeBackend([]), logger: Logger(label: "test"))
        let running = Task { try await server.run() }
        try await server.waitUntilListening()
        let version = try await ControlClient.with(lock.location, timeout: .seconds(60)) { try await $0.version() }
        #expect(version.pid == getpid())
        await server.stop()
        try await running.value
    }

    @Test func noAnswerInTime() async throws {
        let backend = FakeBackend([])
        backend.hang()
        try await self.withServer(backend) { location, _, _ in
            let error = await #expect(throws: ControlClientError.self) {
                try await ControlClient.with(location, timeout: .milliseconds(200)) {
                    _ = try await $0.status(includePositions: true, accounts: [])
                }
            }
            #expect(error?.code == .noAnswer)
            #expect(error?.exitCode == 4)
        }
    }

    @Test func whatCannotBeListenedOnIsReported() async throws {
        let folder = try ControlTestFolder()
        let lock = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "default"))
        try FileManager.default.createDirectory(
            atPath: lock.location.controlSocket,
            withIntermediateDirectories: false
        )
        let server = ControlServer(lock: lock, backend: FakeBackend([]), logger: Logger(label: "test"))
        let running = Task { try await server.run() }
        await #expect(throws: (any Error).self) { try await server.waitUntilListening() }
        await #expect(throws: (any Error).self) { try await running.value }
    }

    @Test func aServerThatWasStoppedFirstDoesNotRun() async throws {
        let folder = try ControlTestFolder()
        let lock = try InstanceLock.acquire(InstanceLocation(stateDirectory: folder.path, instance: "default"))
        let server = ControlServer(lock: lock, backend: FakeBackend([]), logger: Logger(label: "test"))
        await server.stop()
        try await server.run()
        await #expect(throws: (any Error).self) { try await server.waitUntilListening() }
    }

    /// Binds and closes, as a process that was killed.
    private func leaveSocketFile(at path: String) throws {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
    }
}

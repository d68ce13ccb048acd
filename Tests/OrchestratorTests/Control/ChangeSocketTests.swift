import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Orchestrator

/// Changes over a real socket.
@Suite(.timeLimit(.minutes(1))) struct ChangeSocketTests {
    private let backend = FakeBackend([StatusSamples.account("sub-001"), StatusSamples.account("sub-002")])

    private static func drained(_ name: String) -> ChangeReport.Account {
        ChangeReport.Account(name: name, outcome: .done, from: "hybrid", to: "drained", revision: 12)
    }

    private static func drain(_ names: String...) -> ChangeRequest {
        var request = ChangeRequest(.drain)
        request.accounts = names
        request.reason = "maintenance"
        return request
    }

    /// Progress, as it arrives.
    private final class Seen: Sendable {
        private let accounts = Mutex<[ChangeReport.Account]>([])
        var all: [ChangeReport.Account] { self.accounts.withLock { $0 } }
        func add(_ account: ChangeReport.Account) { self.accounts.withLock { $0.append(account) } }
    }

    @Test func theBackendLearnsWhatIsAskedAndByWhom() async throws {
        let report = ChangeReport(accounts: [Self.drained("sub-001")], revision: 3, text: "so it is")
        self.backend.setChange { _ in report }
        let request = Self.drain("sub-001")
        let answer = try await ControlTestServer.with(self.backend) { location, _ in
            try await ControlClient.with(location, timeout: .seconds(60)) { try await $0.change(request) { _ in } }
        }
        #expect(answer == report)
        #expect(self.backend.changes.map(\.request) == [request])
        let caller = try #require(self.backend.changes.first?.caller)
        #expect(caller.uid == getuid())
        #expect(caller.user == SystemUser.name(of: getuid()) ?? String(getuid()))
        #expect(!caller.user.isEmpty)
    }

    @Test func progressArrivesBeforeTheReport() async throws {
        // The change does not end before its asker has seen the first account, so a feed that waits for the end hangs.
        let (hasSeen, seenFirst) = AsyncStream<Void>.makeStream()
        self.backend.setChange { change in
            change.progress(Self.drained("sub-001"))
            for await _ in hasSeen { break }
            change.progress(Self.drained("sub-002"))
            return ChangeReport(accounts: [Self.drained("sub-001"), Self.drained("sub-002")])
        }
        let seen = Seen()
        let report = try await ControlTestServer.with(self.backend) { location, _ in
            try await ControlClient.with(location, timeout: .seconds(60)) { client in
                try await client.change(Self.drain("sub-001", "sub-002")) { account in
                    seen.add(account)
                    seenFirst.yield()
                }
            }
        }
        #expect(seen.all == [Self.drained("sub-001"), Self.drained("sub-002")])
        #expect(report.accounts == seen.all)
    }

    @Test func aChangeGoesOnWithoutItsAsker() async throws {
        let (mayGoOn, goOn) = AsyncStream<Void>.makeStream()
        let (hasEnded, ended) = AsyncStream<Bool>.makeStream()
        self.backend.setChange { change in
            change.progress(Self.drained("sub-001"))
            for await _ in mayGoOn { break }
            ended.yield(Task.isCancelled)
            return ChangeReport(accounts: [Self.drained("sub-001")])
        }
        let wasCancelled = try await ControlTestServer.with(self.backend) { location, _ in
            let (hasBegun, begun) = AsyncStream<Void>.makeStream()
            let asking = Task {
                try await ControlClient.with(location, timeout: .seconds(60)) { client in
                    try await client.change(Self.drain("sub-001")) { _ in begun.yield() }
                }
            }
            for await _ in hasBegun { break }
            asking.cancel()
            await #expect(throws: (any Error).self) { try await asking.value }
            // The connection is closed; the server has read that before it answers this.
            _ = try await ControlClient.with(location, timeout: .seconds(60)) { try await $0.version() }
            goOn.yield()
            for await wasCancelled in hasEnded { return wasCancelled }
            return true
        }
        #expect(!wasCancelled)
    }

    @Test func stoppingTheServerTellsTheAsker() async throws {
        let (hasBegun, begun) = AsyncStream<Void>.makeStream()
        let (mayEnd, end) = AsyncStream<Void>.makeStream()
        self.backend.setChange { _ in
            begun.yield()
            for await _ in mayEnd { break }
            return ChangeReport(accounts: [])
        }
        let error = try await ControlTestServer.with(self.backend) { location, server in
            let asking = Task {
                try await ControlClient.with(location, timeout: .seconds(60)) {
                    try await $0.change(Self.drain("sub-001")) { _ in }
                }
            }
            for await _ in hasBegun { break }
            await server.stop()
            return await #expect(throws: ControlClientError.self) { try await asking.value }
        }
        end.yield()
        #expect(error?.exitCode == 3)
    }

    struct Failure: Sendable, CustomTestStringConvertible {
        let error: any Error
        let code: Int32
        let text: String
        var testDescription: String { self.text }
    }

    @Test(arguments: [
        Failure(error: OrchestratorError(.configuration, "no such mode"), code: 78, text: "no such mode"),
        Failure(error: OrchestratorError(.unknownAccount, "no such revision"), code: 64, text: "no such revision"),
        Failure(error: OrchestratorError(.io, "disk full"), code: 1, text: "disk full"),
        Failure(
            error: StoreError(kind: .closed, path: "/s/store.sqlite", reason: ""),
            code: 1,
            text: "the store /s/store.sqlite is closed"
        ),
    ])
    func aFailureKeepsItsTextAndExitCode(failure: Failure) async throws {
        self.backend.setChange { change in
            change.progress(Self.drained("sub-001"))
            throw failure.error
        }
        self.backend.setPlan(.failure(failure.error))
        self.backend.setRevisions(.failure(failure.error))
        try await ControlTestServer.with(self.backend) { location, _ in
            // Each with a connection of its own, as commands have.
            func ask(_ body: @Sendable @escaping (ControlClient) async throws -> Void) async -> ControlClientError? {
                await #expect(throws: ControlClientError.self) {
                    try await ControlClient.with(location, timeout: .seconds(60), body)
                }
            }
            let errors = [
                await ask { _ = try await $0.change(Self.drain("sub-001")) { _ in } },
                await ask { _ = try await $0.plan(file: nil) },
                await ask { _ = try await $0.revisions(.init(limit: 1)) },
            ]
            for error in errors {
                #expect(error?.exitCode == failure.code)
                #expect(error?.message == failure.text)
                #expect(error?.isListing == false)
            }
        }
    }

    @Test func diagnosticsArriveAsTheyAre() async throws {
        let result = ConfigurationLoader(environment: [:], homeDirectory: "/").load(
            text: "version: 2\n",
            path: "a.yaml"
        )
        let invalid = InvalidConfiguration(path: "a.yaml", result)
        self.backend.setChange { _ in throw invalid }
        let error = try await ControlTestServer.with(self.backend) { location, _ in
            await #expect(throws: ControlClientError.self) {
                try await ControlClient.with(location, timeout: .seconds(60)) {
                    try await $0.change(ChangeRequest(.apply)) { _ in }
                }
            }
        }
        #expect(error?.message == invalid.message)
        #expect(error?.message.contains("a.yaml:1:10: error") == true, "\(invalid.message)")
        #expect(error?.exitCode == 78 && error?.isListing == true)
    }

    @Test func unknownNamesAreRefusedWithNearOnes() async throws {
        let error = try await ControlTestServer.with(self.backend) { location, _ in
            await #expect(throws: ControlClientError.self) {
                try await ControlClient.with(location, timeout: .seconds(60)) {
                    try await $0.change(Self.drain("sub-001", "sub-01")) { _ in }
                }
            }
        }
        #expect(error?.exitCode == 64)
        #expect(error?.message == "no account is named 'sub-01'; did you mean sub-001, sub-002?")
        #expect(self.backend.changes.isEmpty)
    }

    @Test(arguments: [
        ("/v1/changes", #"{"command":"drain","accounts":["sub-001"],"all":true}"#, "both"),
        ("/v1/changes", #"{"command":"drain"}"#, "no account is named"),
        ("/v1/changes", #"{"command":"sell"}"#, "sell"), ("/v1/changes", #"{"all":true}"#, "'command' is missing"),
        ("/v1/changes", #"{"command":"drain","accounts":"sub-001"}"#, "accounts"),
        ("/v1/changes", #"{"command":"promote","all":true,"forced":true}"#, "unknown key 'forced'"),
        ("/v1/changes", "{", "cannot be read"), ("/v1/changes", "", "cannot be read"),
        ("/v1/changes", String(repeating: " ", count: 1 << 20) + "{}", "longer than"),
        ("/v1/plan", #"{"file":"a.yaml"}"#, "not absolute"), ("/v1/plan", "[]", "cannot be read"),
    ])
    func malformedRequestsAreRefused(path: String, body: String, words: String) async throws {
        let (status, refusal) = try await ControlTestServer.with(self.backend) { location, _ in
            try await self.post(path, body, location)
        }
        #expect(status == 400)
        #expect(refusal.contains(words), "\(refusal)")
        #expect(self.backend.changes.isEmpty && self.backend.plannedFiles.isEmpty)
    }

    @Test func aShortRequestHasDefaults() async throws {
        let report = ChangeReport(accounts: [])
        self.backend.setChange { _ in report }
        let (status, text) = try await ControlTestServer.with(self.backend) { location, _ in
            try await self.post("/v1/changes", #"{"command":"resume","all":true}"#, location)
        }
        #expect(status == 200)
        #expect(text == "{\"report\":{\"accounts\":[],\"text\":\"\"}}\n")
        var expected = ChangeRequest(.resume)
        expected.isForAll = true
        #expect(self.backend.changes.map(\.request) == [expected])
    }

    /// What a request of any shape gets.
    private func post(_ path: String, _ body: String, _ location: InstanceLocation) async throws -> (UInt, String) {
        let http = HTTPClient(eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton))
        let outcome: Result<(UInt, String), any Error>
        do {
            let url = try #require(URL(httpURLWithSocketPath: location.controlSocket, uri: path))
            var request = HTTPClientRequest(url: url.absoluteString)
            request.method = .POST
            request.body = .bytes(ByteBuffer(string: body))
            let response = try await http.execute(request, timeout: .seconds(10))
            let bytes = try await response.body.collect(upTo: 1 << 20)
            outcome = .success((response.status.code, String(buffer: bytes)))
        } catch {
            outcome = .failure(error)
        }
        try await http.shutdown()
        return try outcome.get()
    }

    @Test(arguments: [true, false])
    func aPlanArrivesAsItWasWritten(hasDifferences: Bool) async throws {
        let plan = PlanDocument(json: ByteBuffer(string: #"{"accounts":[]}"#), hasDifferences: hasDifferences)
        self.backend.setPlan(.success(plan))
        let answers = try await ControlTestServer.with(self.backend) { location, _ in
            try await ControlClient.with(location, timeout: .seconds(60)) { client in
                [try await client.plan(file: "/etc/a.yaml"), try await client.plan(file: nil)]
            }
        }
        #expect(answers == [plan, plan])
        #expect(self.backend.plannedFiles == ["/etc/a.yaml", nil])
    }

    @Test func aBackendThatTakesTooLongGivesNoAnswer() async throws {
        let (mayEnd, end) = AsyncStream<Void>.makeStream()
        self.backend.setChange { _ in
            for await _ in mayEnd { break }
            return ChangeReport(accounts: [])
        }
        var request = Self.drain("sub-001")
        request.timeoutMilliseconds = 50
        let error = try await ControlTestServer.with(self.backend) { [request] location, _ in
            await #expect(throws: ControlClientError.self) {
                try await ControlClient.with(location, timeout: .seconds(60)) {
                    try await $0.change(request, grace: .zero) { _ in }
                }
            }
        }
        end.yield()
        #expect(error?.exitCode == 4)
    }
}

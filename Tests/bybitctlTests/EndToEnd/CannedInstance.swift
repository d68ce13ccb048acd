import Logging
import NIOCore
import Orchestrator
import Synchronization

/// A control socket whose fleet says what a test tells it to, for the program to ask.
final class CannedInstance: ControlBackend {
    /// What a fleet of two accounts was asked.
    struct Asked: Sendable {
        var changes: [ChangeRequest] = []
        var plans: [String?] = []
        var revisions: [RevisionsRequest] = []
    }

    private let change: Result<ChangeReport, OrchestratorError>
    private let planned: PlanDocument
    private let history: [Revision]
    private let state = Mutex(Asked())

    var asked: Asked { self.state.withLock { $0 } }

    init(
        change: Result<ChangeReport, OrchestratorError> = .success(ChangeReport(accounts: [])),
        plan: PlanDocument = PlanDocument(json: ByteBuffer(string: #"{"accounts":[]}"#), hasDifferences: false),
        history: [Revision] = []
    ) {
        self.change = change
        self.planned = plan
        self.history = history
    }

    /// Serves in `folder` while a test runs.
    func serve(in folder: String, _ body: () async throws -> Void) async throws {
        let location = try InstanceLocation(stateDirectory: folder, instance: "default")
        let lock = try InstanceLock.acquire(location)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = ControlServer(lock: lock, backend: self, logger: quiet)
        let running = Task { try await server.run() }
        try await server.waitUntilListening()
        let outcome: Result<Void, any Error>
        do {
            try await body()
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await server.stop()
        try await running.value
        try outcome.get()
    }

    func statusReport(includePositions: Bool, accounts: [String]) async -> StatusReport {
        Samples.report(
            [Samples.account("sub-001"), Samples.account("sub-002")].filter { account in
                accounts.isEmpty || accounts.contains(account.name)
            }
        )
    }

    func follow(_ filter: FollowRequest) async -> any EventSubscription { NoEvents() }

    func actions(_ request: ActionsRequest) async throws -> ActionHistory { ActionHistory(accounts: [], actions: []) }

    func change(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        self.state.withLock { $0.changes.append(request) }
        let report = try self.change.get()
        // The first comes through before the end, the others with it.
        report.accounts.prefix(1).forEach(progress)
        return report
    }

    func plan(file: String?) async throws -> PlanDocument {
        self.state.withLock { $0.plans.append(file) }
        return self.planned
    }

    func revisions(_ request: RevisionsRequest) async throws -> [Revision] {
        self.state.withLock { $0.revisions.append(request) }
        return self.history.filter { (request.number ?? $0.number) == $0.number }
    }
}

/// A stream that has ended.
private struct NoEvents: EventSubscription {
    func next() async -> ByteBuffer? { nil }
    func finish() {}
    func cancel() {}
}

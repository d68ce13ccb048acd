import NIOCore
import Orchestrator
import Synchronization

/// A fleet that says what a test tells it to.
final class FakeBackend: ControlBackend {
    private struct State {
        var subscriptions: [FakeSubscription] = []
        var requests: [FollowRequest] = []
        var includedPositions: [Bool] = []
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var hangs = false
        var history: Result<ActionHistory, StoreError> = .success(ActionHistory(accounts: [], actions: []))
        var actionRequests: [ActionsRequest] = []
        var change: ChangeAnswer = { _ in ChangeReport(accounts: []) }
        var changes: [Change] = []
        var plan: Result<PlanDocument, any Error> = .success(PlanDocument(json: ByteBuffer(), hasDifferences: false))
        var plannedFiles: [String?] = []
        var revisions: Result<[Revision], any Error> = .success([])
        var revisionRequests: [RevisionsRequest] = []
    }

    /// A change that was asked for, and how to tell of its progress.
    struct Change: Sendable {
        let request: ChangeRequest
        let caller: Caller
        let progress: @Sendable (ChangeReport.Account) -> Void
    }

    typealias ChangeAnswer = @Sendable (Change) async throws -> ChangeReport

    private let accounts: [StatusReport.Account]
    private let state = Mutex(State())

    init(_ accounts: [StatusReport.Account]) {
        self.accounts = accounts
    }

    /// From now on no report is ever finished, until the asker gives up.
    func hang() { self.state.withLock { $0.hangs = true } }

    var requests: [FollowRequest] { self.state.withLock { $0.requests } }
    var includedPositions: [Bool] { self.state.withLock { $0.includedPositions } }

    func setHistory(_ history: Result<ActionHistory, StoreError>) { self.state.withLock { $0.history = history } }

    var actionRequests: [ActionsRequest] { self.state.withLock { $0.actionRequests } }

    func actions(_ request: ActionsRequest) async throws -> ActionHistory {
        try self.state.withLock { state in
            state.actionRequests.append(request)
            return state.history
        }.get()
    }

    func setChange(_ change: @escaping ChangeAnswer) { self.state.withLock { $0.change = change } }

    var changes: [Change] { self.state.withLock { $0.changes } }

    func change(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        let change = Change(request: request, caller: caller, progress: progress)
        let answer = self.state.withLock { state in
            state.changes.append(change)
            return state.change
        }
        return try await answer(change)
    }

    func setPlan(_ plan: Result<PlanDocument, any Error>) { self.state.withLock { $0.plan = plan } }

    var plannedFiles: [String?] { self.state.withLock { $0.plannedFiles } }

    func plan(file: String?) async throws -> PlanDocument {
        try self.state.withLock { state in
            state.plannedFiles.append(file)
            return state.plan
        }.get()
    }

    func setRevisions(_ revisions: Result<[Revision], any Error>) {
        self.state.withLock { $0.revisions = revisions }
    }

    var revisionRequests: [RevisionsRequest] { self.state.withLock { $0.revisionRequests } }

    func revisions(_ request: RevisionsRequest) async throws -> [Revision] {
        let revisions = try self.state.withLock { state in
            state.revisionRequests.append(request)
            return state.revisions
        }.get()
        return revisions.filter { revision in
            let isMeant = request.accounts.isEmpty || revision.accounts.contains { request.accounts.contains($0) }
            return isMeant && revision.time >= request.sinceMilliseconds ?? 0
                && (request.number ?? revision.number) == revision.number
        }
    }

    func statusReport(includePositions: Bool, accounts: [String]) async -> StatusReport {
        let hangs = self.state.withLock { state in
            state.includedPositions.append(includePositions)
            return state.hangs
        }
        if hangs {
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                return StatusSamples.report(accounts: [])
            }
        }
        var chosen = self.accounts.filter { accounts.isEmpty || accounts.contains($0.name) }
        if !includePositions {
            for index in chosen.indices {
                chosen[index].positionCounts = chosen[index].counts
                chosen[index].positions = []
            }
        }
        return StatusSamples.report(accounts: chosen)
    }

    func follow(_ filter: FollowRequest) async -> any EventSubscription {
        let subscription = FakeSubscription()
        let ready = self.state.withLock { state in
            state.requests.append(filter)
            state.subscriptions.append(subscription)
            let count = state.subscriptions.count
            let ready = state.waiting.filter { $0.count <= count }
            state.waiting.removeAll { $0.count <= count }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
        return subscription
    }

    /// Waits until so many have followed, and gives the newest.
    func subscription(_ count: Int = 1) async throws -> FakeSubscription {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isThere = self.state.withLock { state -> Bool in
                if state.subscriptions.count >= count { return true }
                state.waiting.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
        return self.state.withLock { $0.subscriptions[count - 1] }
    }
}

/// A stream of lines that a test feeds.
final class FakeSubscription: EventSubscription {
    private let lines = AsyncStream<ByteBuffer>.makeStream()
    private let cancelled = AsyncStream<Void>.makeStream()
    private let isCancelled = Mutex(false)

    func send(_ text: String) { self.lines.continuation.yield(ByteBuffer(string: text)) }

    func end() { self.lines.continuation.finish() }

    func next() async -> ByteBuffer? {
        for await buffer in self.lines.stream { return buffer }
        return nil
    }

    func finish() { self.cancel() }

    func cancel() {
        self.isCancelled.withLock { $0 = true }
        self.lines.continuation.finish()
        self.cancelled.continuation.finish()
    }

    /// Waits until the server has let go of it.
    func waitUntilCancelled() async {
        for await _ in self.cancelled.stream {}
    }
}

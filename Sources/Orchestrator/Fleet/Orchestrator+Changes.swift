import HybridStream
import Logging

extension Orchestrator {
    public func change(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        let fleet = try self.runningFleet()
        self.logger.notice(
            "a change is asked for",
            metadata: [
                "command": "\(request.command.rawValue)", "user": "\(caller.user)",
                "about": "\(request.subject)", "reason": "\(request.reason)",
            ]
        )
        return try await fleet.change(request, by: caller, progress: progress)
    }

    public func plan(file: String?) async throws -> PlanDocument {
        try await self.runningFleet().plan(file: file)
    }

    public func revisions(_ request: RevisionsRequest) async throws -> [Revision] {
        guard let store = self.state.withLock({ $0.store }) else {
            throw OrchestratorError(.io, "the store is not open: the instance is just stopping")
        }
        return try await store.revisions(request)
    }

    private func runningFleet() throws -> Fleet {
        guard let fleet = self.state.withLock({ $0.isStopping ? nil : $0.fleet }) else {
            throw OrchestratorError(.io, "nothing was changed: the instance is just starting or stopping")
        }
        return fleet
    }

    /// SIGHUP: the file that the instance was started with is read again, and applied as by `bybitctl apply`. What came of
    /// it is in the log, however long it takes.
    public func reload() {
        guard let fleet = self.state.withLock({ $0.isStopping ? nil : $0.fleet }) else { return }
        Task {
            var request = ChangeRequest(.apply)
            request.reason = "SIGHUP"
            request.timeoutMilliseconds = 86_400_000
            do {
                let report = try await fleet.change(request, by: .process) { _ in }
                self.logger.notice(
                    "the file is applied",
                    metadata: ["changed": "\(report.accounts.count)", "text": "\(report.text)"]
                )
            } catch {
                self.logger.error(
                    "the file could not be applied, and nothing was changed",
                    metadata: ["reason": "\(error)"]
                )
            }
        }
    }
}

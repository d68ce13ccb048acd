/// The one entrance for commands.
extension Fleet {
    func change(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        guard self.hasBegun, !self.isStopping else {
            throw OrchestratorError(.io, "nothing was changed: the instance is just starting or stopping; ask again")
        }
        if request.isInWaves { return try await self.promoteInWaves(request, by: caller, progress: progress) }
        let deadline = ContinuousClock.now + .milliseconds(request.timeoutMilliseconds)
        if request.command == .apply {
            let cause = Cause(kind: .apply, caller: caller, reason: request.reason)
            return try await self.apply(file: request.file, cause, until: deadline, progress: progress)
        }
        if let revision = request.revision {
            let reason = request.reason.isEmpty ? "back to revision \(revision)" : request.reason
            let cause = Cause(kind: .rollback, caller: caller, reason: reason)
            return try await self.restore(revision: revision, cause, until: deadline, progress: progress)
        }
        var names = request.isForAll ? self.everyone(for: request.command) : request.accounts
        if request.command == .rollback { names = await self.worstFirst(names) }
        return await self.perform(request, on: names, by: caller, progress: progress)
    }

    /// Whom `--all` means: those to whom the command can mean something.
    private func everyone(for command: ChangeRequest.Command) -> [String] {
        self.configuration.accounts.filter { account in
            let standing = self.standing(account)
            switch command {
            case .promote, .rollback: return standing.runs
            case .drain: return standing.isEnabled
            case .resume: return standing.isEnabled && standing.isDrained
            case .enable, .disable, .apply: return true
            }
        }.map(\.name)
    }
}

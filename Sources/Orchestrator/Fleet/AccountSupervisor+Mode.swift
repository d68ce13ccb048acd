import HybridStream
import NIOCore

/// A change of an account's mode, as its readers are told of it.
package struct ModeChange: Sendable {
    package var stage: RolloutStage
    /// The command, or `auto-rollback`.
    package var cause: String
    package var text: String

    package init(_ stage: RolloutStage, cause: String, text: String) {
        self.stage = stage
        self.cause = cause
        self.text = text
    }
}

/// What becomes of a change that cannot be written down.
package enum CommitFailure: Sendable {
    /// Nothing is changed.
    case stay
    /// The new source takes over all the same: worse than a mode that is not on disk is a stream that cannot be trusted and
    /// goes on driving. Until it is written a process that is killed comes back in the old mode.
    case goAnyway
}

extension AccountSupervisor {
    /// Where the account is on its way from REST to the hybrid stream.
    package var stage: RolloutStage { self.monitor.stage }

    /// Switches the account to another mode, make-before-break. From any thread; one change at a time.
    ///
    /// - Parameters:
    ///   - limit: how long the new source may take until it is known to be good.
    ///   - commit: writes down that it is so now. Called when the new source is ready and before it takes over: a process
    ///     that is killed is in the old mode before, and in the new one after.
    /// - Throws: ``DriveError`` if the new source is not good in time, or what `commit` throws. Nothing has changed then.
    package func change(
        to change: ModeChange,
        within limit: Duration,
        commit: @Sendable () async throws -> Void
    ) async throws {
        _ = try await self.change(to: change, within: limit, onFailure: .stay, commit: commit)
    }

    /// The same, where it is said what becomes of a change that cannot be written down.
    ///
    /// - Returns: what `commit` has thrown, if the account is in the new mode nevertheless: whoever asked for it still has to
    ///   write that down. Nil if it is written.
    package func change(
        to change: ModeChange,
        within limit: Duration,
        onFailure: CommitFailure,
        commit: @Sendable () async throws -> Void
    ) async throws -> (any Error)? {
        let drive = change.stage.drive
        try await self.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
            guard let stream = self.stream else {
                return self.eventLoop.makeFailedFuture(DriveError("the account does not run"))
            }
            return stream.prepare(drive, within: limit)
        }.get()
        var unwritten: (any Error)?
        do {
            try await commit()
        } catch {
            guard onFailure == .goAnyway else {
                try await self.eventLoop.submit { self.stream?.giveUp() }.get()
                throw error
            }
            unwritten = error
        }
        try await self.eventLoop.submit { self.take(change, drive) }.get()
        return unwritten
    }

    private func take(_ change: ModeChange, _ drive: Drive) {
        let from = self.stage
        let to = change.stage
        self.stream?.take(drive)
        self.monitor.begin(to)
        self.leaveQuarantined()
        if to > from { self.resolveRollback("the account goes up again") }
        self.logger.notice(
            "mode changed",
            metadata: [
                "account": "\(self.name)", "from": "\(from)", "to": "\(to)", "cause": "\(change.cause)",
                "reason": "\(change.text)",
            ]
        )
        self.pipeline.emit(
            .rollout(
                PipelineEvent.Rollout(
                    mode: to.mode.rawValue,
                    oldMode: from.mode.rawValue,
                    cause: change.cause,
                    gate: "",
                    verdict: "",
                    text: change.text.isEmpty ? "\(from) -> \(to)" : "\(from) -> \(to): \(change.text)"
                )
            )
        )
        self.loop.batchEnded()
    }
}

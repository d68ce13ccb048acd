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
        let drive = change.stage.drive
        try await self.eventLoop.flatSubmit { () -> EventLoopFuture<Void> in
            guard let stream = self.stream else {
                return self.eventLoop.makeFailedFuture(DriveError("the account does not run"))
            }
            return stream.prepare(drive, within: limit)
        }.get()
        do {
            try await commit()
        } catch {
            try await self.eventLoop.submit { self.stream?.giveUp() }.get()
            throw error
        }
        try await self.eventLoop.submit { self.take(change, drive) }.get()
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

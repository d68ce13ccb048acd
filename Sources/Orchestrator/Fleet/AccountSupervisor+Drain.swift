import HybridStream
import NIOCore

extension AccountSupervisor {
    /// Tells nothing new from now on and lets what consumers have sent get its answers. On the account's loop.
    ///
    /// The account's readers get `draining` as the last event before its end. Completes when nothing is under way any more;
    /// what has got no answer by then is looked up by the next start.
    func beginDrain() -> EventLoopFuture<Void> {
        guard self.drain == .none else { return self.eventLoop.makeSucceededVoidFuture() }
        self.drain = .draining
        let state = self.stream?.snapshot(includePositions: false).state.statusName ?? "starting"
        self.pipeline.emit(.accountState(old: state, new: "draining", reason: "no more events are taken"))
        self.stream?.freeze()
        self.settleForDrain()
        self.loop.batchEnded()
        return self.finishActions()
    }

    /// What a drain still waits for inside the account. On its loop.
    var actionBlockers: [String] {
        (self.executor?.actionsUnderWay ?? []).map { action in
            "\(action.name) of \(action.opening.key.symbol) (\(action.id)) has no answer yet"
        }
    }

    /// The last of a drain: tickers are released, the socket is closed with 1000, the books are in the store's hands. From any
    /// thread.
    /// - Returns: the last number that the account's events had.
    func endDrain() async throws -> Int64 {
        let stream = try await self.eventLoop.submit { self.stream }.get()
        try await stream?.stop()
        return try await self.eventLoop.submit {
            self.drain = .drained
            self.loop.batchEnded()
            self.pipeline.detachAll()
            let last = self.pipeline.lastNumber
            self.dismantle()
            return last
        }.get()
    }
}

import HybridStream
import Logging

/// An account leaves the process.
extension Fleet {
    /// How often is looked what a drain still waits for.
    private static let glance = Duration.milliseconds(20)

    /// Takes an account out of the process: nothing new is told, what is under way ends, all that was told is delivered, the
    /// book is stored, tickers are released, the socket is closed with 1000. However long that takes.
    /// - Returns: whether it came to its end; false if the process ends before.
    func drain(_ name: String) async -> Bool {
        guard let member = self.members[name] else { return true }
        self.members[name]?.isLeaving = true
        self.unsettled.remove(name)
        self.blockers[name] = []
        defer { self.blockers[name] = nil }
        do {
            try await self.finishActions(name, member)
            try await self.deliverAll(name)
            try await self.storeAll(name)
            let last = try await member.supervisor.endDrain()
            self.store.settle(account: name, lastNumber: last)
            if self.isStopping { return false }
            try await member.loop.eventLoop.submit { member.loop.remove(member.supervisor) }.get()
            try await self.removeSinks(of: name)
            self.members[name] = nil
            await self.adjustPolling()
            self.logger.notice("account is drained", metadata: ["account": "\(name)"])
            return true
        } catch is CancellationError {
            return false
        } catch {
            self.logger.error("a drain was broken off", metadata: ["account": "\(name)", "reason": "\(error)"])
            return false
        }
    }

    /// - Throws: `CancellationError` if the process ends.
    private func pause(_ length: Duration = Fleet.glance) async throws {
        if self.isStopping { throw CancellationError() }
        try await Task.sleep(for: length)
    }

    private func finishActions(_ name: String, _ member: Member) async throws {
        let logger = self.logger
        let finished = Undertaking {
            do {
                try await member.loop.eventLoop.flatSubmit { member.supervisor.beginDrain() }.get()
            } catch {
                logger.error("actions did not end", metadata: ["account": "\(name)", "reason": "\(error)"])
            }
        }
        while await finished.value(within: Self.glance) == nil {
            if self.isStopping { throw CancellationError() }
            self.blockers[name] = try await member.loop.eventLoop.submit { member.supervisor.actionBlockers }.get()
        }
    }

    private func deliverAll(_ name: String) async throws {
        while true {
            let pending = self.sinks.pending(account: name)
            self.blockers[name] = pending
            if pending.isEmpty { return }
            try await self.pause()
        }
    }

    /// A store that cannot write tries again by itself; nothing is let go before it has.
    private func storeAll(_ name: String) async throws {
        while true {
            do {
                try await self.store.flush()
                self.blockers[name] = []
                return
            } catch {
                self.blockers[name] = ["the store cannot write: \(error)"]
            }
            try await self.pause(.milliseconds(500))
        }
    }

    private func removeSinks(of name: String) async throws {
        let sinks = self.sinks
        let removal = Undertaking { await sinks.remove(account: name) }
        while true {
            if let removed = await removal.value(within: Self.glance) {
                self.sinksEnded(removed.ended)
                if !removed.isComplete {
                    self.logger.error(
                        "not every event could be delivered before its sink ended",
                        metadata: ["account": "\(name)"]
                    )
                }
                return
            }
            self.blockers[name] = sinks.pending(account: name)
            if self.isStopping { throw CancellationError() }
        }
    }
}

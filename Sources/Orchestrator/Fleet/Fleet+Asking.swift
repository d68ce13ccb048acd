import HybridStream
import Logging

/// What accounts say of themselves, on their loops.
extension Fleet {
    func judgement(_ member: Member) async -> RolloutJudge.Judgement {
        await self.ask(member, otherwise: RolloutJudge.Judgement(gates: [], verdict: .open, changed: [])) {
            $0.monitor.judgement
        }
    }

    func health(_ member: Member) async -> StatusReport.Health {
        await self.ask(member, otherwise: .degraded) {
            $0.report(includePositions: false, lastFrames: [:]).health
        }
    }

    func state(_ member: Member) async -> (state: AccountMachine.State, reason: String)? {
        await self.ask(member, otherwise: nil) {
            $0.stream?.snapshot(includePositions: false).reasonedState
        }
    }

    private func ask<Answer: Sendable>(
        _ member: Member,
        otherwise: Answer,
        _ body: @escaping @Sendable (AccountSupervisor) -> Answer
    ) async -> Answer {
        do {
            return try await member.loop.eventLoop.submit { body(member.supervisor) }.get()
        } catch {
            self.logger.warning("an event loop could not be asked", metadata: ["reason": "\(error)"])
            return otherwise
        }
    }

    /// Accounts in the order in which they are taken back: whose trouble is greatest first, then who holds most.
    func worstFirst(_ names: [String]) async -> [String] {
        var marks: [String: (health: StatusReport.Health, open: Int)] = [:]
        for name in names {
            guard let member = self.members[name] else { continue }
            marks[name] = await self.ask(member, otherwise: (.degraded, 0)) { supervisor in
                (
                    supervisor.report(includePositions: false, lastFrames: [:]).health,
                    supervisor.stream?.tracker.book.openCount ?? 0
                )
            }
        }
        return names.sorted { left, right in
            let (first, second) = (marks[left], marks[right])
            let healths = (first?.health ?? .healthy, second?.health ?? .healthy)
            if healths.0 != healths.1 { return healths.0 > healths.1 }
            if first?.open != second?.open { return first?.open ?? 0 > second?.open ?? 0 }
            return left < right
        }
    }
}

extension HybridStream.Snapshot {
    fileprivate var reasonedState: (state: AccountMachine.State, reason: String) { (self.state, self.reason) }
}

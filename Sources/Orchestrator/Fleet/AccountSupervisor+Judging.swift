import Foundation
import HybridStream

extension AccountSupervisor {
    package static let rollbackAlert = "auto_rollback"

    /// Looks once a second how the stream does. On the account's loop.
    package func judge(_ feed: RolloutMonitor.Feed) {
        guard self.drain == .none, self.stream != nil else { return }
        let findings = self.monitor.look(feed)
        for gate in findings.judgement.changed { self.tell(gate) }
        if !self.monitor.isAutomatic, self.monitor.isQuiet { self.resolveRollback("what was wrong is over") }
        for trigger in findings.triggers {
            self.alert(
                Self.rollbackAlert,
                .critical,
                .opened,
                symbol: "",
                self.monitor.isAutomatic
                    ? "the account goes back to rest: \(trigger.text)"
                    : "the account should go back to rest (auto_rollback is off): \(trigger.text)"
            )
            self.logger.error(
                "the hybrid stream cannot be trusted",
                metadata: [
                    "account": "\(self.name)", "trigger": "\(trigger.name.rawValue)", "reason": "\(trigger.text)",
                ]
            )
            self.onTrigger?(trigger)
        }
    }

    private func tell(_ gate: Gate) {
        self.pipeline.emit(
            .rollout(
                PipelineEvent.Rollout(
                    mode: self.stage.mode.rawValue,
                    oldMode: self.stage.mode.rawValue,
                    cause: "gate",
                    gate: gate.name,
                    verdict: gate.verdict.rawValue,
                    text: "\(gate.value), limit \(gate.limit)"
                )
            )
        )
        self.loop.batchEnded()
    }

    /// What was reported is over, or somebody has decided otherwise.
    func resolveRollback(_ text: String) {
        self.alert(Self.rollbackAlert, .critical, .resolved, symbol: "", text)
    }

    /// What the store is to keep of the account's rollout; nil in modes without gates.
    func rolloutMemory() -> RolloutMemory? {
        guard self.stage.mode != .rest, self.stage.mode != .hybrid else { return nil }
        do {
            let state = try JSONEncoder().encode(self.monitor.memory)
            return RolloutMemory(
                mode: self.stage.mode,
                percent: self.stage.mode == .cutover ? self.stage.percent : nil,
                since: self.monitor.since,
                state: String(decoding: state, as: UTF8.self)
            )
        } catch {
            self.logger.error(
                "what gates have measured cannot be stored; after a restart it is measured anew",
                metadata: ["account": "\(self.name)", "reason": "\(error)"]
            )
            return nil
        }
    }

    /// Goes on measuring where a former process ended.
    func restore(_ memory: RolloutMemory) {
        guard RolloutStage(memory.mode, percent: memory.percent ?? 0) == self.stage else { return }
        do {
            let state = try JSONDecoder().decode(RolloutMonitor.Memory.self, from: Data(memory.state.utf8))
            self.monitor.restore(state, since: memory.since)
        } catch {
            self.logger.warning(
                "what gates had measured cannot be read; it is measured anew",
                metadata: ["account": "\(self.name)", "reason": "\(error)"]
            )
        }
    }
}

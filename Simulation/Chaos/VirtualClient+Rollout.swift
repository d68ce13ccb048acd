import HybridStream
import Orchestrator

/// What the fleet does about modes, for virtual accounts.
extension VirtualClient {
    /// As an operator's command: verified, written down, done. One that cannot be is refused, and all is as before.
    func change(_ name: String, to mode: Mode, percent: Int, store: VirtualStore) {
        guard let account = self.accounts.first(where: { $0.name == name }) else { return }
        let change = ModeChange(RolloutStage(mode, percent: percent), cause: "promote", text: "")
        Task(executorPreference: self.executor) {
            try? await account.change(to: change, within: .seconds(30)) {
                try await store.commit(name, mode, percent)
            }
        }
    }

    /// Looks at every account's stream, and takes back those that cannot be trusted, as the daemon does once a second.
    func judge(_ store: VirtualStore, _ triggered: @escaping (String, RollbackTriggers.Trigger) -> Void) {
        let feed = self.feedWatch.look(self.feed.makeSnapshot(), now: self.network.time.now)
        for account in self.accounts {
            guard let loop = self.loops.first(where: { $0 === account.eventLoop }) else { continue }
            nonisolated(unsafe) let triggered = triggered
            nonisolated(unsafe) unowned let client = self
            account.onTrigger = { trigger in
                triggered(account.name, trigger)
                client.takeBack(account, because: trigger.text, store)
            }
            self.network.time.act(on: loop) { account.judge(feed) }
        }
    }

    /// REST may be silent as well: then it is waited for.
    private func takeBack(_ account: AccountSupervisor, because text: String, _ store: VirtualStore) {
        guard self.rollout.isAutoRollback else { return }
        let change = ModeChange(RolloutStage(.rest), cause: Revision.Kind.automaticRollback.rawValue, text: text)
        let name = account.name
        let time = self.network.time
        // All of it runs on one thread.
        nonisolated(unsafe) let client = self
        Task(executorPreference: self.executor) {
            while !client.isDead, account.stage.mode != .rest {
                do {
                    return try await account.change(to: change, within: .seconds(30)) {
                        try await store.commit(name, .rest, 0)
                    }
                } catch {
                    await withCheckedContinuation { continuation in
                        time.schedule(in: .seconds(5)) { continuation.resume() }
                    }
                }
            }
        }
    }
}

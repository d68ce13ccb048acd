import Logging

/// What a start does after a damaged store was set aside.
extension Orchestrator {
    func tellWhatWasSetAside(_ store: Store) {
        guard let setAside = store.setAside else { return }
        self.logger.error("\(setAside.text)", metadata: ["path": "\(setAside.path)", "reason": "\(setAside.reason)"])
    }

    /// By account: a number that no event that was ever told has exceeded, as far as the event files show it. The store's own
    /// numbers skip ahead to the clock's; the files count where the clock has been set back since.
    func numberFloors(_ store: Store) -> [String: Int64] {
        if store.setAside == nil { return [:] }
        var accounts: [String: Set<String>] = [:]
        for account in self.plan.running {
            for case .jsonl(let file) in account.configuration.strategy.sinks {
                accounts[file.path, default: []].insert(account.identity.name)
            }
        }
        var floors: [String: Int64] = [:]
        for (path, accounts) in accounts {
            for (account, last) in LastNumbers.inFile(path, of: accounts) {
                // What was handed out and not written any more lies within the block that was reserved.
                floors[account] = max(floors[account] ?? 0, last + NumberLease.blockSize)
            }
        }
        return floors
    }
}

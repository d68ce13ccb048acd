extension Fleet {
    /// Adds to what the running accounts say of themselves what is known of them here, and the accounts that do not run.
    func complete(_ running: [String: StatusReport.Account], only wanted: Set<String>) -> [StatusReport.Account] {
        let known = self.configuration.accounts.filter { wanted.isEmpty || wanted.contains($0.name) }.map { account in
            let standing = self.standing(account)
            let override = self.overrides[account.name]
            guard var report = running[account.name] else { return self.notRunning(account, standing, override) }
            report.configuredMode = account.mode.rawValue
            report.override = self.overrideText(account, override)
            if self.isRolledBack(account, standing, override) { report.health = max(report.health, .degraded) }
            if let blockers = self.blockers[account.name], self.isDraining(account.name) {
                report.drain = StatusReport.Drain(blockers: blockers)
                report.enabled = standing.isEnabled
                report.state = .draining
            }
            return report
        }
        return known + self.leaving(running)
    }

    /// Accounts that the file has no more, and that are not drained yet.
    private func leaving(_ running: [String: StatusReport.Account]) -> [StatusReport.Account] {
        guard self.members.count > 0, !self.blockers.isEmpty else { return [] }
        let known = Set(self.configuration.accounts.map(\.name))
        return self.blockers.keys.sorted().filter { !known.contains($0) }.compactMap { name in
            guard var report = running[name] else { return nil }
            report.enabled = false
            report.state = .draining
            report.drain = StatusReport.Drain(blockers: self.blockers[name] ?? [])
            return report
        }
    }

    /// Something holds the account below what its file asks for, after it has been taken back.
    private func isRolledBack(
        _ account: AccountConfiguration,
        _ standing: EffectiveAccount,
        _ override: StoredOverride?
    ) -> Bool {
        guard let kind = override?.modeBy?.kind, standing.mode < account.mode else { return false }
        return kind == .rollback || kind == .automaticRollback
    }

    private func isDraining(_ name: String) -> Bool {
        guard let account = self.account(name) else { return true }
        return !self.standing(account).runs
    }

    /// What holds over the file, for people.
    private func overrideText(_ account: AccountConfiguration, _ override: StoredOverride?) -> String? {
        if let text = override?.summary, !text.isEmpty { return text }
        if let cap = self.options.modeCap, cap < account.mode { return "start --mode \(cap.rawValue)" }
        return nil
    }

    /// An account that has no supervisor: disabled, drained, left out by `--account`, or not started yet.
    private func notRunning(
        _ account: AccountConfiguration,
        _ standing: EffectiveAccount,
        _ override: StoredOverride?
    ) -> StatusReport.Account {
        let problem = standing.runs ? self.problems[account.name] : nil
        let state: StatusReport.State =
            !standing.isEnabled ? .disabled : standing.isDrained ? .drained : problem == nil ? .starting : .failed
        return StatusReport.Account(
            name: account.name,
            enabled: standing.isEnabled,
            state: state,
            health: standing.runs ? (problem == nil ? .degraded : .critical) : .healthy,
            mode: standing.mode.rawValue,
            configuredMode: account.mode.rawValue,
            override: self.overrideText(account, override),
            driver: standing.stage.drive == .hybrid ? .hybrid : .rest,
            dryRun: account.isDryRun || self.options.isDryRun,
            privateSession: StatusReport.PrivateSession(state: .idle, connects: 0, lastFrameAge: nil),
            events: StatusReport.Events(),
            lastError: problem
        )
    }
}

extension Fleet {
    /// Adds to what the running accounts say of themselves what is known of them here, and the accounts that do not run.
    func complete(_ running: [String: StatusReport.Account], only wanted: Set<String>) -> [StatusReport.Account] {
        let known = self.configuration.accounts.filter { wanted.isEmpty || wanted.contains($0.name) }.map { account in
            let standing = self.standing(account)
            let override = self.overrides[account.name]
            let member = self.members[account.name]
            var report = running[account.name] ?? self.notRunning(account, standing, override)
            guard let member else { return report }
            report.configuredMode = account.mode.rawValue
            report.override = self.overrideText(account, override)
            if self.isRolledBack(account, standing, override) { report.health = max(report.health, .degraded) }
            if member.isLeaving {
                report.enabled = standing.isEnabled
                self.drains(&report)
            }
            return report
        }
        return known + self.leaving(running)
    }

    private func drains(_ report: inout StatusReport.Account) {
        report.state = .draining
        report.health = max(report.health, .degraded)
        report.drain = StatusReport.Drain(blockers: self.blockers[report.name] ?? [])
    }

    /// Accounts that the file has no more, and that are not drained yet.
    private func leaving(_ running: [String: StatusReport.Account]) -> [StatusReport.Account] {
        let known = Set(self.configuration.accounts.map(\.name))
        return self.members.keys.filter { !known.contains($0) }.sorted().compactMap { name in
            guard var report = running[name] else { return nil }
            report.enabled = false
            self.drains(&report)
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

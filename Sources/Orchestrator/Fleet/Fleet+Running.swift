import HybridStream
import Logging

/// Accounts begin and end to run.
extension Fleet {
    func drain(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account.name)
        let standing = self.standing(account)
        if !standing.isEnabled {
            report.text = "it is disabled, and does not run"
            return report
        }
        if !standing.isDrained {
            var override = self.override(account.name)
            override.isDrained = true
            let line = "\(account.name): drained: false -> true"
            guard await self.write(cause, account, line, override, &report) else { return report }
        }
        return await self.finishDrain(account, report)
    }

    func disable(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account.name)
        if self.standing(account).isEnabled {
            var override = self.override(account.name)
            override.isEnabled = account.isEnabled ? false : nil
            let line = "\(account.name): enabled: true -> false"
            guard await self.write(cause, account, line, override, &report) else { return report }
        }
        return await self.finishDrain(account, report)
    }

    private func finishDrain(
        _ account: AccountConfiguration,
        _ before: ChangeReport.Account
    ) async -> ChangeReport.Account {
        var report = before
        if self.members[account.name] != nil {
            let isOver = await self.drain(account.name)
            report.outcome = isOver ? .done : .failed
            if !isOver { report.text = "the instance stops, and takes the rest of the drain with it" }
        }
        report.to = self.now(account.name)
        return report
    }

    func resume(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account.name)
        let standing = self.standing(account)
        guard standing.isEnabled else {
            report.outcome = .refused
            report.text = "it is disabled; enable comes first"
            return report
        }
        guard standing.isDrained else {
            // What should run and does not is started, as far as it can be.
            if self.members[account.name] == nil { return await self.bringUp(account, report) }
            report.text = "it is not drained"
            return report
        }
        var override = self.override(account.name)
        override.isDrained = false
        let line = "\(account.name): drained: true -> false"
        guard await self.write(cause, account, line, override, &report) else { return report }
        return await self.bringUp(account, report)
    }

    func enable(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account.name)
        if self.standing(account).isEnabled {
            if self.standing(account).isDrained {
                report.text = "resume starts it"
            } else if self.members[account.name] == nil {
                return await self.bringUp(account, report)
            }
            return report
        }
        if !self.isChosen(account.name) {
            report.outcome = .refused
            report.text = "the instance was started with --account, and without it"
            return report
        }
        var override = self.override(account.name)
        override.isEnabled = account.isEnabled ? nil : true
        // What cannot run is not enabled.
        do {
            var standing = self.standing(account)
            standing.isEnabled = true
            _ = try StartPlan.Account(account, standing, options: self.options)
        } catch {
            report.outcome = .refused
            report.text = "\(error)"
            return report
        }
        let line = "\(account.name): enabled: false -> true"
        guard await self.write(cause, account, line, override, &report) else { return report }
        return await self.bringUp(account, report)
    }

    /// Starts an account that should run and does not. Whether it goes live is waited for by ``settled(_:)``.
    func bringUp(_ account: AccountConfiguration, _ before: ChangeReport.Account) async -> ChangeReport.Account {
        var report = before
        let name = account.name
        guard self.members[name] == nil, self.standing(account).runs else {
            report.to = self.now(name)
            return report
        }
        let problem = await self.start([account])[name]
        report.to = self.now(name)
        guard self.members[name] != nil else {
            report.outcome = .failed
            report.text =
                problem.map {
                    "it does not start: \($0); enable tries again, and so does the next start of the instance"
                }
                ?? "the instance is stopping"
            return report
        }
        report.outcome = .done
        self.unsettled.insert(name)
        return report
    }

    /// Waits until an account that was just started is live, or something else that lasts. Nobody else is kept waiting by
    /// that.
    func settled(_ before: ChangeReport.Account) async -> ChangeReport.Account {
        var report = before
        let name = report.name
        guard report.outcome == .done, self.unsettled.contains(name), let member = self.members[name] else {
            return report
        }
        do {
            try await member.loop.eventLoop.flatSubmit { member.supervisor.whenSettled() }.get()
        } catch {
            report.text = "\(error)"
        }
        guard let still = self.members[name], still.supervisor === member.supervisor, !still.isLeaving else {
            report.to = self.now(name)
            return report
        }
        self.unsettled.remove(name)
        if let state = await self.state(member), state.state == .failed {
            report.outcome = .failed
            report.text = "it is failed: \(state.reason); it stays enabled and is tried again"
        }
        return report
    }

    private func write(
        _ cause: Cause,
        _ account: AccountConfiguration,
        _ line: String,
        _ override: AccountOverride,
        _ report: inout ChangeReport.Account
    ) async -> Bool {
        do {
            report.revision = try await self.commit(cause, [account.name], [line], [account.name: override])
            report.outcome = .done
            report.to = self.now(account.name)
            return true
        } catch {
            report.outcome = .failed
            report.text = "it could not be written down, so nothing was changed: \(error)"
            return false
        }
    }
}

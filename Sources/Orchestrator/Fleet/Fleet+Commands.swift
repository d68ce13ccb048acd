import HybridStream
import Logging

/// Commands about single accounts. Each takes its turn, changes what has to be changed, and says what became of it.
extension Fleet {
    /// Who asked for something, and why.
    struct Cause: Sendable {
        var kind: Revision.Kind
        var caller: Caller
        var reason: String
    }

    /// Carries out a command on several accounts, in their order.
    func perform(
        _ request: ChangeRequest,
        on names: [String],
        by caller: Caller,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async -> ChangeReport {
        let deadline = ContinuousClock.now + .milliseconds(request.timeoutMilliseconds)
        var results: [String: ChangeReport.Account] = [:]
        await withTaskGroup(of: ChangeReport.Account.self) { group in
            var next = names.makeIterator()
            var underWay = 0
            // A drain waits for others than the exchange: nobody is kept waiting for it.
            let width = request.command == .drain || request.command == .disable ? names.count : Self.width
            while let name = next.next() {
                if underWay >= width, let done = await group.next() {
                    underWay -= 1
                    results[done.name] = done
                }
                group.addTask { await self.perform(request, on: name, by: caller, until: deadline, progress) }
                underWay += 1
            }
            for await done in group { results[done.name] = done }
        }
        return ChangeReport(accounts: names.compactMap { results[$0] })
    }

    private func perform(
        _ request: ChangeRequest,
        on name: String,
        by caller: Caller,
        until deadline: ContinuousClock.Instant,
        _ progress: @Sendable (ChangeReport.Account) -> Void
    ) async -> ChangeReport.Account {
        let before = self.account(name).map { self.standing($0).text } ?? ""
        let task = Task {
            let ticket = await self.turn(.account(name))
            let outcome = await self.perform(request, on: name, by: caller)
            self.end(ticket)
            return outcome
        }
        let left = max(.zero, ContinuousClock.now.duration(to: deadline))
        var result = await Patience.wait(for: task, within: left)
        if result == nil {
            result = ChangeReport.Account(
                name: name,
                outcome: .timedOut,
                from: before,
                to: self.account(name).map { self.standing($0).text } ?? before,
                text: "still under way after \(Duration.milliseconds(request.timeoutMilliseconds)); it goes on",
                blockers: self.blockers[name] ?? []
            )
        }
        guard let result else { return ChangeReport.Account(name: name, outcome: .failed, from: before, to: before) }
        progress(result)
        return result
    }

    private func perform(
        _ request: ChangeRequest,
        on name: String,
        by caller: Caller
    ) async -> ChangeReport.Account {
        guard let account = self.account(name) else {
            return ChangeReport.Account(
                name: name,
                outcome: .refused,
                from: "",
                to: "",
                text: "the file has no such account any more"
            )
        }
        let reason = request.reason
        switch request.command {
        case .promote:
            return await self.promote(
                account,
                isForced: request.isForced,
                Cause(kind: .promote, caller: caller, reason: reason)
            )
        case .rollback:
            return await self.rollBack(
                account,
                to: request.mode,
                Cause(kind: .rollback, caller: caller, reason: reason)
            )
        case .drain: return await self.drain(account, Cause(kind: .drain, caller: caller, reason: reason))
        case .resume: return await self.resume(account, Cause(kind: .resume, caller: caller, reason: reason))
        case .enable: return await self.enable(account, Cause(kind: .enable, caller: caller, reason: reason))
        case .disable: return await self.disable(account, Cause(kind: .disable, caller: caller, reason: reason))
        case .apply:
            return ChangeReport.Account(name: name, outcome: .refused, from: "", to: "", text: "apply takes a file")
        }
    }

    // MARK: Modes

    private func promote(
        _ account: AccountConfiguration,
        isForced: Bool,
        _ cause: Cause
    ) async -> ChangeReport.Account {
        var report = self.report(account)
        guard let member = self.runningMember(account, &report) else { return report }
        let steps = self.configuration.rollout.gates.cutover.steps
        let stage = member.supervisor.stage
        guard let target = stage.above(steps: steps) else { return report }
        if let cap = self.options.modeCap, target.mode > cap {
            report.outcome = .refused
            report.text = "the instance was started with --mode \(cap.rawValue)"
            return report
        }
        let judgement = await self.judgement(member)
        report.gates = judgement.gates
        if judgement.verdict != .holds, !isForced {
            report.outcome = .refused
            report.text =
                judgement.verdict == .broken
                ? "a gate is broken" : "there is not enough evidence yet; --force goes on without it"
            return report
        }
        return await self.change(account, member, to: target, cause, report)
    }

    private func rollBack(
        _ account: AccountConfiguration,
        to mode: Mode?,
        _ cause: Cause
    ) async -> ChangeReport.Account {
        var report = self.report(account)
        guard let member = self.runningMember(account, &report) else { return report }
        let stage = member.supervisor.stage
        let steps = self.configuration.rollout.gates.cutover.steps
        let target = mode.map { RolloutStage($0, percent: steps.first ?? 100) } ?? stage.below
        guard let target, target < stage else { return report }
        return await self.change(account, member, to: target, cause, report)
    }

    /// The daemon itself takes an account back to `rest`.
    /// - Returns: nil if that was not necessary any more.
    func rollBackAutomatically(_ name: String, reason: String) async -> ChangeReport.Account? {
        let ticket = await self.turn(.account(name))
        defer { self.end(ticket) }
        guard let account = self.account(name), let member = self.members[name], self.blockers[name] == nil,
            member.supervisor.stage.mode != .rest
        else { return nil }
        let cause = Cause(kind: .automaticRollback, caller: .daemon, reason: reason)
        return await self.change(account, member, to: RolloutStage(.rest), cause, self.report(account))
    }

    /// Make-before-break, and written down in between.
    func change(
        _ account: AccountConfiguration,
        _ member: Member,
        to target: RolloutStage,
        _ cause: Cause,
        _ before: ChangeReport.Account
    ) async -> ChangeReport.Account {
        var report = before
        var override = self.overrides[account.name]?.override ?? AccountOverride()
        let isAsInFile = target == self.stageInFile(account)
        override.mode = isAsInFile ? nil : target.mode
        override.percent = !isAsInFile && target.mode == .cutover ? target.percent : nil
        let (name, kept) = (account.name, override)
        let written = Written()
        do {
            try await member.supervisor.change(
                to: ModeChange(target, cause: cause.kind.rawValue, text: cause.reason),
                within: Self.switchLimit
            ) {
                let line = "\(name): mode: \(before.from) -> \(target)"
                written.number = try await self.commit(cause, [name], [line], [name: kept])
            }
        } catch {
            report.outcome = .failed
            report.text = "\(error); it stays \(before.from)"
            return report
        }
        await self.adjustPolling()
        if target.mode == .rest || target.mode == .hybrid { self.store.forgetRollout(account: name) }
        report.outcome = .done
        report.to = "\(target)"
        report.revision = written.number
        return report
    }

    private func stageInFile(_ account: AccountConfiguration) -> RolloutStage {
        RolloutStage(account.mode, percent: self.configuration.rollout.gates.cutover.steps.first ?? 100)
    }

    /// Writes a revision with the overrides that it leaves behind.
    func commit(
        _ cause: Cause,
        _ accounts: [String],
        _ diff: [String],
        _ overrides: [String: AccountOverride]
    ) async throws -> Int {
        let draft = RevisionDraft(
            kind: cause.kind,
            caller: cause.caller,
            reason: cause.reason,
            time: WallClock.milliseconds(),
            accounts: accounts,
            diff: diff,
            overrides: overrides.mapValues { $0.isEmpty ? nil : $0 }
        )
        let number = try await self.store.commit(draft)
        self.revision = max(self.revision, number)
        for (name, override) in overrides {
            self.overrides[name] = (self.overrides[name] ?? StoredOverride(AccountOverride()))
                .changed(to: override, by: .init(revision: number, kind: cause.kind))
        }
        return number
    }

    // MARK: Running or not

    private func drain(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account)
        let standing = self.standing(account)
        if !standing.isEnabled {
            report.text = "it is disabled, and does not run"
            return report
        }
        if !standing.isDrained {
            var override = self.overrides[account.name]?.override ?? AccountOverride()
            override.isDrained = true
            let line = "\(account.name): drained: false -> true"
            guard await self.write(cause, account, line, override, &report) else { return report }
        }
        return await self.finishDrain(account, report, to: "drained")
    }

    private func disable(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account)
        if self.standing(account).isEnabled {
            var override = self.overrides[account.name]?.override ?? AccountOverride()
            override.isEnabled = account.isEnabled ? false : nil
            let line = "\(account.name): enabled: true -> false"
            guard await self.write(cause, account, line, override, &report) else { return report }
        }
        return await self.finishDrain(account, report, to: "disabled")
    }

    private func finishDrain(
        _ account: AccountConfiguration,
        _ before: ChangeReport.Account,
        to text: String
    ) async -> ChangeReport.Account {
        var report = before
        report.to = text
        guard self.members[account.name] != nil else { return report }
        if await self.drain(account.name) {
            report.outcome = .done
        } else {
            report.outcome = .failed
            report.text = "the drain was broken off; see the log"
        }
        return report
    }

    private func resume(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account)
        let standing = self.standing(account)
        guard standing.isDrained, standing.isEnabled else {
            report.text = standing.isEnabled ? "it is not drained" : "it is disabled; enable comes first"
            return report
        }
        var override = self.overrides[account.name]?.override ?? AccountOverride()
        override.isDrained = false
        let line = "\(account.name): drained: true -> false"
        guard await self.write(cause, account, line, override, &report) else { return report }
        return await self.bringUp(account, report)
    }

    private func enable(_ account: AccountConfiguration, _ cause: Cause) async -> ChangeReport.Account {
        var report = self.report(account)
        if self.standing(account).isEnabled {
            if self.standing(account).isDrained { report.text = "resume starts it" }
            return report
        }
        if !self.options.accounts.isEmpty, !self.options.accounts.contains(account.name) {
            report.outcome = .refused
            report.text = "the instance was started with --account, and without it"
            return report
        }
        var override = self.overrides[account.name]?.override ?? AccountOverride()
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
        if self.standing(account).isDrained {
            report.outcome = .done
            report.to = "drained"
            return report
        }
        return await self.bringUp(account, report)
    }

    /// Starts an account and waits until it is live, or something else that lasts.
    func bringUp(_ account: AccountConfiguration, _ before: ChangeReport.Account) async -> ChangeReport.Account {
        var report = before
        report.to = self.standing(account).text
        let name = account.name
        if self.members[name] != nil || !self.standing(account).runs { return report }
        self.blockers[name] = ["it has not been confirmed over REST yet, or its connection is not up"]
        defer { self.blockers[name] = nil }
        if let problem = await self.start([account])[name] {
            report.outcome = .failed
            report.text = "it does not start: \(problem); the next start of the instance tries again"
            return report
        }
        do {
            try await self.waitUntilSettled(name)
        } catch {
            report.text = "\(error)"
        }
        report.outcome = .done
        if let member = self.members[name], let state = await self.state(member), state.state == .failed {
            report.outcome = .failed
            report.text = "it is failed: \(state.reason); it stays enabled and is tried again"
        }
        return report
    }

    // MARK: Words

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
            return true
        } catch {
            report.outcome = .failed
            report.text = "it could not be written down, so nothing was changed: \(error)"
            return false
        }
    }

    /// Of an account that is as it was asked to be.
    func report(_ account: AccountConfiguration) -> ChangeReport.Account {
        let text = self.members[account.name].map { "\($0.supervisor.stage)" }
        let standing = self.standing(account)
        let now = standing.runs ? text ?? standing.text : standing.text
        return ChangeReport.Account(name: account.name, outcome: .unchanged, from: now, to: now)
    }

    private func runningMember(_ account: AccountConfiguration, _ report: inout ChangeReport.Account) -> Member? {
        let standing = self.standing(account)
        if standing.runs, let member = self.members[account.name] { return member }
        report.outcome = .refused
        report.text =
            !standing.isEnabled
            ? "it is disabled; enable starts it"
            : standing.isDrained ? "it is drained; resume starts it" : "it does not run; the log says why"
        return nil
    }

    /// A number that comes out of a closure.
    private final class Written: @unchecked Sendable {
        var number: Int?
    }
}

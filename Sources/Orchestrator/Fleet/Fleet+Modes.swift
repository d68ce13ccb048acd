import HybridStream
import Logging

/// Accounts go up and down between REST and the hybrid stream.
extension Fleet {
    /// A way back that runs and does not stand in the store: the disk was full, and the stream could not be trusted.
    struct Unwritten: Sendable {
        var cause: Cause
        var line: String
        var override: AccountOverride
    }

    // MARK: Up

    func promote(
        _ account: AccountConfiguration,
        isForced: Bool,
        from expected: RolloutStage? = nil,
        _ cause: Cause
    ) async -> ChangeReport.Account {
        var report = self.report(account.name)
        guard let member = self.runningMember(account, &report) else { return report }
        // Somebody else was faster.
        if let expected, expected < member.stage { return report }
        if let expected, expected != member.stage {
            report.outcome = .refused
            report.text = "it is not in \(expected) any more"
            return report
        }
        guard let target = member.stage.above(steps: self.steps) else { return report }
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

    // MARK: Down

    func rollBack(
        _ account: AccountConfiguration,
        to mode: Mode?,
        _ cause: Cause
    ) async -> ChangeReport.Account {
        var report = self.report(account.name)
        guard let member = self.runningMember(account, &report) else { return report }
        let target = mode.map { RolloutStage($0, percent: self.steps.first ?? 100) } ?? member.stage.below
        guard let target, target < member.stage else { return report }
        return await self.change(account, member, to: target, cause, report)
    }

    /// The daemon itself takes an account back to `rest`.
    /// - Parameters:
    ///   - supervisor: whose evidence it is; what has been started since has none.
    ///   - returns: how often it had gone back to `rest` when that was found.
    /// - Returns: nil if that is not necessary any more.
    private func rollBackAutomatically(
        _ name: String,
        reason: String,
        by supervisor: ObjectIdentifier,
        since returns: Int
    ) async -> ChangeReport.Account? {
        let ticket = await self.turn([.account(name)], isUrgent: true)
        defer { self.end(ticket) }
        guard let account = self.account(name), let member = self.members[name], !member.isLeaving,
            ObjectIdentifier(member.supervisor) == supervisor, member.returns == returns, member.stage.mode != .rest
        else { return nil }
        let cause = Cause(kind: .automaticRollback, caller: .daemon, reason: reason)
        return await self.change(account, member, to: RolloutStage(.rest), cause, self.report(name))
    }

    /// An account's stream cannot be trusted any more.
    func triggered(
        _ name: String,
        _ trigger: RollbackTriggers.Trigger,
        by supervisor: ObjectIdentifier
    ) async {
        guard self.configuration.rollout.isAutoRollback, let returns = self.members[name]?.returns else { return }
        // What drives may be silent in all directions: REST is waited for until it answers.
        while !self.isStopping {
            guard
                let report = await self.rollBackAutomatically(
                    name,
                    reason: trigger.text,
                    by: supervisor,
                    since: returns
                )
            else { return }
            if report.outcome == .done { return }
            self.logger.error(
                "an account that should go back to rest cannot yet; it is tried again",
                metadata: ["account": "\(name)", "reason": "\(report.text)"]
            )
            do { try await Task.sleep(for: .seconds(5)) } catch { return }
        }
    }

    /// What an earlier promotion has changed is changed back, and no more than that.
    func takeBack(_ name: String, to stage: RolloutStage, _ cause: Cause) async -> ChangeReport.Account {
        let limit = ContinuousClock.now + Self.switchLimit
        guard let ticket = await self.turn([.account(name)], isUrgent: true, until: limit) else {
            return self.stillUnderWay(name, from: self.now(name))
        }
        defer { self.end(ticket) }
        var report = self.report(name)
        guard let account = self.account(name), let member = self.runningMember(account, &report),
            stage < member.stage
        else { return report }
        return await self.change(account, member, to: stage, cause, report)
    }

    // MARK: Switching

    /// Make-before-break, and written down in between.
    private func change(
        _ account: AccountConfiguration,
        _ member: Member,
        to target: RolloutStage,
        _ cause: Cause,
        _ before: ChangeReport.Account
    ) async -> ChangeReport.Account {
        var report = before
        let name = account.name
        var override = self.override(name)
        let isAsInFile = target == RolloutStage(account.mode, percent: self.steps.first ?? 100)
        override.mode = isAsInFile ? nil : target.mode
        override.percent = !isAsInFile && target.mode == .cutover ? target.percent : nil
        let unwritten = Unwritten(cause: cause, line: "\(name): mode: \(before.from) -> \(target)", override: override)
        let written = Written()
        let problem: (any Error)?
        do {
            problem = try await member.supervisor.change(
                to: ModeChange(target, cause: cause.kind.rawValue, text: cause.reason),
                within: Self.switchLimit,
                // The way back is the safe one, and does not wait for a disk.
                onFailure: target < member.stage ? .goAnyway : .stay
            ) {
                written.number = try await self.write(unwritten, name)
            }
        } catch {
            report.outcome = .failed
            report.text = "\(error); it stays \(before.from)"
            return report
        }
        await self.switched(name, to: target)
        report.outcome = .done
        report.to = "\(target)"
        report.revision = written.number
        if let problem {
            report.text = """
                that could not be written down and is tried again; until then a restart begins in \(before.from): \(problem)
                """
            self.writeLater(unwritten, name)
        }
        return report
    }

    /// After a change of mode.
    func switched(_ name: String, to stage: RolloutStage) async {
        self.members[name]?.stage = stage
        if stage.mode == .rest { self.members[name]?.returns += 1 }
        if stage.mode == .rest || stage.mode == .hybrid { self.store.forgetRollout(account: name) }
        await self.adjustPolling()
    }

    private func write(_ unwritten: Unwritten, _ name: String) async throws -> Int {
        try await self.commit(unwritten.cause, [name], [unwritten.line], [name: unwritten.override])
    }

    /// The override holds from now on; it is written when the store can again.
    private func writeLater(_ unwritten: Unwritten, _ name: String) {
        self.set(unwritten.override, of: name, by: .init(revision: 0, kind: unwritten.cause.kind))
        let isTried = !self.unwritten.isEmpty
        self.unwritten[name] = unwritten
        if isTried { return }
        Task {
            while !self.unwritten.isEmpty, !self.isStopping {
                do { try await Task.sleep(for: .seconds(2)) } catch { return }
                for name in self.unwritten.keys.sorted() { await self.writeNow(name) }
            }
        }
    }

    private func writeNow(_ name: String) async {
        let limit = ContinuousClock.now + .seconds(2)
        guard let ticket = await self.turn([.account(name)], isUrgent: true, until: limit) else { return }
        defer { self.end(ticket) }
        // Something later may stand in the store by now.
        guard let unwritten = self.unwritten[name] else { return }
        do {
            let number = try await self.write(unwritten, name)
            self.logger.notice(
                "an account's way back is written down",
                metadata: ["account": "\(name)", "revision": "\(number)"]
            )
        } catch {
            self.logger.error(
                "an account's way back is still not written down; it is tried again",
                metadata: ["account": "\(name)", "reason": "\(error)"]
            )
        }
    }

    /// Percentages of a cutover, rising.
    var steps: [Int] { self.configuration.rollout.gates.cutover.steps }

    /// The account, if it runs and stays; what to do otherwise is in the report.
    private func runningMember(_ account: AccountConfiguration, _ report: inout ChangeReport.Account) -> Member? {
        let standing = self.standing(account)
        if standing.runs, let member = self.members[account.name], !member.isLeaving { return member }
        report.outcome = .refused
        report.text =
            !standing.isEnabled
            ? "it is disabled; enable starts it"
            : standing.isDrained
                ? "it is drained; resume starts it"
                : "it does not run\(self.problems[account.name].map { ": \($0)" } ?? ""); enable tries again"
        return nil
    }

    /// A number that comes out of a closure.
    private final class Written: @unchecked Sendable {
        var number: Int?
    }
}

import HybridStream
import Logging

/// A whole file: at the start, by `apply`, and by `rollback --revision`.
extension Fleet {
    // MARK: Start

    /// Brings up the fleet as the file and the overrides say. What the file changes since it was last applied ends overrides,
    /// as with an `apply`.
    func begin(floors: [String: Int64]) async throws {
        self.overrides = try self.store.overrides()
        self.memories = try self.store.rolloutMemory()
        self.revision = try await self.store.revisions(RevisionsRequest(limit: 1)).first?.number ?? 0
        if let restored = try self.restoredFile() {
            self.configuration = restored
        } else {
            try await self.noteStart()
        }
        let wanted = self.configuration.accounts.filter { self.standing($0).runs }
        self.sinks.expect(wanted.map { ($0.name, $0.strategy.sinks) })
        let problems = await self.start(wanted, floors: floors, isFirst: true)
        for (name, problem) in problems.sorted(by: { $0.key < $1.key }) {
            self.logger.error(
                "account does not start",
                metadata: ["account": "\(name)", "reason": "\(problem)"]
            )
        }
        self.problems = problems.mapValues(\.message)
        self.hasBegun = true
    }

    /// What `rollback --revision` has brought back, as long as nobody has edited the file on the disk since.
    private func restoredFile() throws -> Configuration? {
        guard let last = try self.store.lastSources(), let read = try self.store.lastReadSources(),
            read != last.sources, read == self.options.origin?.sources, let result = self.load(last.sources)
        else { return nil }
        var obstacle = "it cannot run any more"
        do {
            let (restored, _) = try self.adapt(result, path: "revision \(last.revision)")
            if ConfigurationDiff(from: self.configuration, to: restored).fixed.isEmpty {
                self.logger.warning(
                    "nobody has edited the file since it was rolled back: the revision runs; apply takes the file",
                    metadata: ["revision": "\(last.revision)"]
                )
                return restored
            }
        } catch {
            obstacle += ": \(error)"
        }
        self.logger.error(
            "what was rolled back to does not run; the file on the disk does",
            metadata: ["revision": "\(last.revision)", "reason": "\(obstacle)"]
        )
        return nil
    }

    private func noteStart() async throws {
        let last = try self.store.lastSources()
        let sources = self.options.origin?.sources
        // The same file as before is no change.
        if let last, last.sources == sources { return }
        let old = last.flatMap { self.load($0.sources)?.configuration }
        let rules = OverrideRules(
            applying: self.configuration,
            over: old,
            overrides: self.overrides.mapValues(\.override)
        )
        let diff =
            old.map { ConfigurationDiff(from: $0, to: self.configuration) } ?? ConfigurationDiff(of: self.configuration)
        let cause = Cause(
            kind: .start,
            caller: .process,
            reason: ""
        )
        _ = try await self.commit(cause, diff, rules, sources)
    }

    /// A former file, with the credentials that run where it has a secret of its own.
    private func load(_ sources: ConfigurationSources) -> ConfigurationResult? {
        guard let origin = self.options.origin else { return nil }
        var credentials = self.options.credentials
        for account in self.configuration.accounts {
            if let known = account.credentials { credentials[account.name] = known }
        }
        return origin.loader.load(sources: sources, credentials: credentials)
    }

    private func commit(
        _ cause: Cause,
        _ diff: ConfigurationDiff,
        _ rules: OverrideRules,
        _ sources: ConfigurationSources?
    ) async throws -> Int {
        let draft = RevisionDraft(
            kind: cause.kind,
            caller: cause.caller,
            reason: cause.reason,
            time: WallClock.milliseconds(),
            accounts: diff.accounts.map(\.name),
            diff: diff.lines + rules.endings.map(\.description),
            file: self.options.origin?.path,
            sources: sources,
            overrides: rules.changes
        )
        let number = try await self.store.commit(draft)
        self.revision = max(self.revision, number)
        for (name, override) in rules.changes {
            self.overrides[name] = override.flatMap {
                self.overrides[name]?.changed(to: $0, by: .init(revision: number, kind: cause.kind))
            }
        }
        return number
    }

    // MARK: Plan

    func plan(file: String?) throws -> PlanDocument {
        let (new, _) = try self.configuration(from: file)
        let plan = FleetPlan(
            .apply,
            of: new,
            over: self.configuration,
            overrides: self.overrides,
            options: self.options,
            attemptsUsed: self.services.gate.usage.used
        )
        return try PlanDocument(plan)
    }

    /// Reads a file as this instance would run it.
    private func configuration(from file: String?) throws -> (Configuration, ConfigurationSources?) {
        guard let origin = self.options.origin else {
            throw OrchestratorError(.notSupported, "the instance was not started from a file, and cannot take one")
        }
        let path = file ?? origin.path
        return try self.adapt(origin.loader.load(path: path), path: path)
    }

    /// What the command line has moved stays where it is.
    private func adapt(
        _ result: ConfigurationResult,
        path: String
    ) throws -> (Configuration, ConfigurationSources?) {
        guard var configuration = result.configuration else { throw InvalidConfiguration(path: path, result) }
        if let origin = self.options.origin {
            if configuration.instance == origin.instance { configuration.instance = self.configuration.instance }
            if configuration.runtime.stateDirectory == origin.stateDirectory {
                configuration.runtime.stateDirectory = self.configuration.runtime.stateDirectory
            }
        }
        return (configuration, result.sources)
    }

    // MARK: Apply

    /// `apply`, SIGHUP.
    func apply(
        file: String?,
        _ cause: Cause,
        until deadline: ContinuousClock.Instant,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        let (new, sources) = try self.configuration(from: file)
        return try await self.apply(new, sources, cause, until: deadline, progress: progress)
    }

    /// `rollback --revision`.
    func restore(
        revision: Int,
        _ cause: Cause,
        until deadline: ContinuousClock.Instant,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        guard let sources = try await self.store.sources(of: revision) else {
            throw OrchestratorError(
                .unknownAccount,
                "revision \(revision) is not one of a file; bybitctl history shows which are"
            )
        }
        guard let result = self.load(sources) else {
            throw OrchestratorError(.notSupported, "the instance was not started from a file, and cannot take one")
        }
        let (new, kept) = try self.adapt(result, path: "revision \(revision)")
        return try await self.apply(new, kept ?? sources, cause, until: deadline, progress: progress)
    }

    private func apply(
        _ new: Configuration,
        _ sources: ConfigurationSources?,
        _ cause: Cause,
        until deadline: ContinuousClock.Instant,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport {
        guard let ticket = await self.turn(.all, until: deadline) else {
            let names = self.blockers.keys.sorted().prefix(5).joined(separator: ", ")
            throw OrchestratorError(
                .io,
                "nothing was changed: other changes are still under way\(names.isEmpty ? "" : " (\(names))"); ask again"
            )
        }
        do {
            let old = self.configuration
            let diff = ConfigurationDiff(from: old, to: new)
            guard diff.fixed.isEmpty else {
                throw OrchestratorError(
                    .io,
                    """
                    nothing was changed: the instance must be started anew for these keys:
                    \(diff.fixed.map { "  \($0)" }.joined(separator: "\n"))
                    """
                )
            }
            try OpenFiles.secure(for: StartPlan(new, options: self.options))
            let rules = OverrideRules(applying: new, over: old, overrides: self.overrides.mapValues(\.override))
            if diff.isEmpty, rules.changes.isEmpty, try self.store.lastSources()?.sources == sources {
                self.end(ticket)
                return ChangeReport(accounts: [], revision: nil, text: "the file says what runs already")
            }
            let before = Dictionary(uniqueKeysWithValues: old.accounts.map { ($0.name, self.report($0)) })
            let number = try await self.commit(cause, diff, rules, sources)
            self.configuration = new
            self.configureRollout(diff)
            let work = Task {
                let report = await self.carryOut(diff, rules, before, number, progress)
                self.end(ticket)
                return report
            }
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            if let report = await Patience.wait(for: work, within: left) { return report }
            return ChangeReport(
                accounts: self.unfinished(diff, before),
                revision: number,
                text: "revision \(number) is applied; what is still under way goes on"
            )
        } catch {
            self.end(ticket)
            throw error
        }
    }

    private func configureRollout(_ diff: ConfigurationDiff) {
        guard !diff.rollout.isEmpty else { return }
        let rollout = self.configuration.rollout
        for loop in self.services.loops {
            loop.eventLoop.execute {
                for account in loop.accounts { account.monitor.configure(rollout) }
            }
        }
    }

    /// Changes the accounts that differ, and no other. Those that go make room for those that come.
    private func carryOut(
        _ diff: ConfigurationDiff,
        _ rules: OverrideRules,
        _ before: [String: ChangeReport.Account],
        _ number: Int,
        _ progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async -> ChangeReport {
        let changed = self.changedAccounts(diff, rules)
        let restarts = Set(diff.accounts.filter(\.needsRestart).map(\.name))
        var results: [String: ChangeReport.Account] = [:]
        for isGoing in [true, false] {
            await withTaskGroup(of: ChangeReport.Account.self) { group in
                var underWay = 0
                for name in changed where self.isGoing(name) == isGoing {
                    if underWay >= Self.width, let done = await group.next() {
                        underWay -= 1
                        results[done.name] = done
                    }
                    var report =
                        before[name]
                        ?? ChangeReport.Account(name: name, outcome: .unchanged, from: "absent", to: "absent")
                    report.revision = number
                    let known = report
                    group.addTask {
                        let done = await self.bring(name, restarts.contains(name), known)
                        progress(done)
                        return done
                    }
                    underWay += 1
                }
                for await done in group { results[done.name] = done }
            }
        }
        return ChangeReport(accounts: changed.compactMap { results[$0] }, revision: number)
    }

    private func changedAccounts(_ diff: ConfigurationDiff, _ rules: OverrideRules) -> [String] {
        var names = diff.accounts.map(\.name)
        let known = Set(names)
        names += rules.changes.keys.sorted().filter { !known.contains($0) }
        return names
    }

    private func isGoing(_ name: String) -> Bool { self.account(name).map { !self.standing($0).runs } ?? true }

    /// Makes one account what the configuration says.
    private func bring(
        _ name: String,
        _ isRestart: Bool,
        _ before: ChangeReport.Account
    ) async -> ChangeReport.Account {
        var report = before
        guard let account = self.account(name) else {
            report.to = "absent"
            report.outcome = await self.drain(name) ? .done : .failed
            return report
        }
        let standing = self.standing(account)
        report.to = standing.text
        guard standing.runs else {
            if self.members[name] != nil {
                report.outcome = await self.drain(name) ? .done : .failed
            } else {
                report.outcome = report.from == report.to ? .unchanged : .done
            }
            return report
        }
        if isRestart, self.members[name] != nil, await !self.drain(name) {
            report.outcome = .failed
            report.text = "it could not be drained; see the log"
            return report
        }
        guard let member = self.members[name] else {
            var result = await self.bringUp(account, report)
            if isRestart, result.outcome == .done { result.text = "started anew" }
            return result
        }
        if member.supervisor.stage != standing.stage { return await self.switchMode(account, member, report) }
        report.outcome = report.from == report.to ? .unchanged : .done
        return report
    }

    /// The file wants another mode. If that cannot be, the account keeps the one that it has, as an override that says so.
    private func switchMode(
        _ account: AccountConfiguration,
        _ member: Member,
        _ before: ChangeReport.Account
    ) async -> ChangeReport.Account {
        var report = before
        let target = self.standing(account).stage
        let former = member.supervisor.stage
        do {
            try await member.supervisor.change(
                to: ModeChange(target, cause: Revision.Kind.apply.rawValue, text: ""),
                within: Self.switchLimit
            ) {}
            await self.adjustPolling()
            report.outcome = .done
            return report
        } catch {
            report.outcome = .failed
            report.to = "\(former)"
            report.text = "\(error); it stays \(former)"
        }
        var override = self.overrides[account.name]?.override ?? AccountOverride()
        override.mode = former.mode
        override.percent = former.mode == .cutover ? former.percent : nil
        let cause = Cause(kind: .rollback, caller: .daemon, reason: report.text)
        do {
            let line = "\(account.name): mode: \(target) -> \(former)"
            report.revision = try await self.commit(cause, [account.name], [line], [account.name: override])
        } catch {
            report.text += "; that could not be written down: \(error)"
        }
        return report
    }

    /// What is not as it is to be yet.
    private func unfinished(
        _ diff: ConfigurationDiff,
        _ before: [String: ChangeReport.Account]
    ) -> [ChangeReport.Account] {
        diff.accounts.map(\.name).compactMap { name in
            let account = self.account(name)
            let standing = account.map { self.standing($0) }
            let runs = standing?.runs ?? false
            if runs == (self.members[name] != nil), self.blockers[name] == nil { return nil }
            return ChangeReport.Account(
                name: name,
                outcome: .timedOut,
                from: before[name]?.from ?? "absent",
                to: standing?.text ?? "absent",
                text: "still under way",
                blockers: self.blockers[name] ?? []
            )
        }
    }
}

extension EffectiveAccount {
    /// Its place on the way from REST to the hybrid stream.
    var stage: RolloutStage { RolloutStage(self.mode, percent: self.percent ?? 0) }
}

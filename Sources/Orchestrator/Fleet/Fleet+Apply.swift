import HybridStream
import Logging

/// A whole file: by `apply`, and by `rollback --revision`.
extension Fleet {
    /// So long those that come wait for those that go, whose sockets, paths and share of the limits they may need. One that
    /// does not come to its end holds nobody up for longer.
    private static let roomLimit = Duration.seconds(5)

    func commit(
        _ cause: Cause,
        _ diff: ConfigurationDiff,
        _ rules: OverrideRules,
        _ sources: ConfigurationSources?,
        path: String?
    ) async throws -> Int {
        let draft = RevisionDraft(
            kind: cause.kind,
            caller: cause.caller,
            reason: cause.reason,
            time: WallClock.milliseconds(),
            accounts: diff.accounts.map(\.name),
            diff: diff.lines + rules.endings.map(\.description),
            file: path,
            sources: sources,
            overrides: rules.changes
        )
        let number = try await self.store.commit(draft)
        self.revision = max(self.revision, number)
        for (name, override) in rules.changes {
            self.unwritten[name] = nil
            guard let override else {
                self.overrides[name] = nil
                continue
            }
            self.set(override, of: name, by: .init(revision: number, kind: cause.kind))
        }
        return number
    }

    // MARK: Plan

    func plan(file: String?) throws -> PlanDocument {
        let file = try self.read(file)
        let plan = FleetPlan(
            .apply,
            of: file.configuration,
            over: self.configuration,
            overrides: self.overrides,
            options: self.options,
            attemptsUsed: self.services.gate.usage.used
        )
        return try PlanDocument(plan)
    }

    /// What is to be applied.
    private struct File: Sendable {
        var configuration: Configuration
        var sources: ConfigurationSources?
        /// Where it was read; what the history shows.
        var path: String
    }

    /// Reads a file as this instance would run it.
    private func read(_ file: String?) throws -> File {
        guard let origin = self.options.origin else {
            throw OrchestratorError(.notSupported, "the instance was not started from a file, and cannot take one")
        }
        let path = file ?? origin.path
        let (configuration, sources) = try self.adapt(origin.loader.load(path: path), path: path)
        return File(configuration: configuration, sources: sources, path: path)
    }

    /// What the command line has moved stays where it is.
    func adapt(
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
        progress: @escaping Progress
    ) async throws -> ChangeReport {
        try await self.apply(try self.read(file), cause, until: deadline, progress: progress)
    }

    /// `rollback --revision`.
    func restore(
        revision: Int,
        _ cause: Cause,
        until deadline: ContinuousClock.Instant,
        progress: @escaping Progress
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
        let path = self.options.origin?.path ?? ""
        let file = File(configuration: new, sources: kept ?? sources, path: path)
        return try await self.apply(file, cause, until: deadline, progress: progress)
    }

    private func apply(
        _ file: File,
        _ cause: Cause,
        until deadline: ContinuousClock.Instant,
        progress: @escaping Progress
    ) async throws -> ChangeReport {
        switch try await self.begin(file, cause, until: deadline, progress) {
        case .nothing(let report): return report
        case .underWay(let undertaking, let application, let names):
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            if let report = await undertaking.value(within: left) { return report }
            guard let results = self.outcomes[application.number] else { return await undertaking.value }
            return ChangeReport(
                accounts: names.map { results[$0] ?? self.stillUnderWay($0, from: application.before($0)) },
                revision: application.revision,
                text: application.revision.map { "revision \($0) is applied; what is still under way goes on" } ?? ""
            )
        }
    }

    private enum Beginning {
        case nothing(ChangeReport)
        case underWay(Undertaking<ChangeReport>, Application, names: [String])
    }

    /// Makes the file the one that runs, and begins to change the accounts. Another file may come as soon as that is so.
    private func begin(
        _ file: File,
        _ cause: Cause,
        until deadline: ContinuousClock.Instant,
        _ progress: @escaping Progress
    ) async throws -> Beginning {
        guard let fileTurn = await self.turn([.file], until: deadline) else {
            return .nothing(self.tooLate("another file is being applied"))
        }
        defer { self.end(fileTurn) }
        guard let (work, turn) = try await self.turn(for: file, until: deadline) else {
            return .nothing(self.tooLate("changes of accounts that the file is about are still under way"))
        }
        let before = Dictionary(uniqueKeysWithValues: work.names.map { ($0, self.now($0)) })
        var number: Int?
        do {
            let isKnown = try await self.isKnown(file, cause)
            let isNew = work.changesFile || !isKnown
            if !isNew, work.names.isEmpty {
                self.end(turn)
                return .nothing(ChangeReport(accounts: [], text: "the file says what runs already"))
            }
            try self.secureFiles(for: file.configuration)
            if isNew { number = try await self.commit(cause, work.diff, work.rules, file.sources, path: file.path) }
        } catch {
            self.end(turn)
            throw error
        }
        self.configuration = file.configuration
        self.configureRollout(work.diff)
        let turns = self.split(turn)
        self.applications += 1
        let application = Application(number: self.applications, revision: number, before: before)
        self.outcomes[application.number] = [:]
        let undertaking = Undertaking { await self.carryOut(work, application, turns, progress) }
        return .underWay(undertaking, application, names: work.names)
    }

    private func tooLate(_ reason: String) -> ChangeReport {
        let names = self.members.filter(\.value.isLeaving).keys.sorted().prefix(5).joined(separator: ", ")
        let leaving = names.isEmpty ? "" : " (draining: \(names))"
        return ChangeReport(
            accounts: [],
            text: "nothing was changed: \(reason)\(leaving); ask again",
            outcome: .timedOut
        )
    }

    /// Nothing is read into the history twice. What a rollback has brought back, and is read again, is there as read.
    private func isKnown(_ file: File, _ cause: Cause) async throws -> Bool {
        guard try await self.store.fetchLastSources()?.sources == file.sources else { return false }
        if cause.kind != .apply { return true }
        return try await self.store.fetchLastReadSources() == file.sources
    }

    /// An account that `start --account` names may be gone from the file: it is drained.
    private func secureFiles(for configuration: Configuration) throws {
        var options = self.options
        let names = Set(configuration.accounts.map(\.name))
        options.accounts.removeAll { !names.contains($0) }
        if options.accounts.isEmpty, !self.options.accounts.isEmpty { return }
        try OpenFiles.secure(for: StartPlan(configuration, options: options))
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

    // MARK: What is to be done

    /// What a file changes.
    private struct Work: Sendable {
        var diff: ConfigurationDiff
        var rules: OverrideRules
        /// Accounts that are not as they are to be, or of which something else changes.
        var names: [String]

        var changesFile: Bool { !self.diff.isEmpty || !self.rules.changes.isEmpty }
    }

    /// - Throws: ``OrchestratorError`` if the file changes what cannot be changed while the instance runs.
    private func work(for file: File) throws -> Work {
        let diff = ConfigurationDiff(from: self.configuration, to: file.configuration)
        guard diff.fixed.isEmpty else {
            throw OrchestratorError(
                .io,
                """
                nothing was changed: the instance must be started anew for these keys:
                \(diff.fixed.map { "  \($0)" }.joined(separator: "\n"))
                """
            )
        }
        let overrides = self.overrides.mapValues(\.override)
        let rules = OverrideRules(applying: file.configuration, over: self.configuration, overrides: overrides)
        var names = diff.accounts.map(\.name)
        var known = Set(names)
        let steps = file.configuration.rollout.gates.cutover.steps
        for account in file.configuration.accounts where !known.contains(account.name) {
            let (name, member) = (account.name, self.members[account.name])
            let after = EffectiveAccount(
                account,
                override: rules.overrides[name],
                modeCap: self.options.modeCap,
                steps: steps
            )
            let runs = after.runs && self.isChosen(name)
            // Also what should have been so for long: a start that failed is tried again.
            let isRight = runs ? member.map { $0.isLeaving || $0.stage == after.stage } ?? false : true
            if !isRight || rules.changes[name] != nil {
                names.append(name)
                known.insert(name)
            }
        }
        return Work(diff: diff, rules: rules, names: names)
    }

    /// Waits until no other change of any account that the file is about is under way, and of no other account.
    private func turn(
        for file: File,
        until deadline: ContinuousClock.Instant
    ) async throws -> (Work, Turns.Ticket)? {
        var held = Set(try self.work(for: file).names)
        while true {
            guard let turn = await self.turn(Set(held.map(Turns.Key.account)), until: deadline) else { return nil }
            do {
                // What became of others meanwhile may have made it a matter of more.
                let work = try self.work(for: file)
                if held.isSuperset(of: work.names) { return (work, turn) }
                held.formUnion(work.names)
            } catch {
                self.end(turn)
                throw error
            }
            self.end(turn)
        }
    }

    // MARK: Doing it

    /// One file on its way.
    private struct Application: Sendable {
        /// Of this process.
        var number: Int
        /// Nil if nothing of the file is new.
        var revision: Int?
        /// What each account was.
        var before: [String: String]

        func before(_ name: String) -> String { self.before[name] ?? "absent" }
    }

    /// Changes the accounts that differ, and no other. Those that go make room for those that come.
    private func carryOut(
        _ work: Work,
        _ application: Application,
        _ turns: [Turns.Key: Turns.Ticket],
        _ progress: @escaping Progress
    ) async -> ChangeReport {
        let names = Set(work.names)
        for case (.account(let name), let turn) in turns where !names.contains(name) { self.end(turn) }
        let restarts = Set(work.diff.accounts.filter(\.needsRestart).map(\.name))
        let going = work.names.filter { name in self.account(name).map { !self.standing($0).runs } ?? true }
        let gone = Set(going)
        let (coming, switching) = work.names.filter { !gone.contains($0) }
            .reduce(into: ([String](), [String]())) { parts, name in
                if self.members[name] == nil || restarts.contains(name) {
                    parts.0.append(name)
                } else {
                    parts.1.append(name)
                }
            }
        let change: @Sendable (String) async -> ChangeReport.Account = { name in
            let report = await self.bring(name, isRestart: restarts.contains(name), application)
            if let turn = turns[.account(name)] { await self.end(turn) }
            return report
        }
        let leaving = Undertaking {
            await self.each(going, width: going.count) {
                await self.remember(await change($0), of: application, progress)
            }
        }
        let switched = Undertaking {
            await self.each(switching, width: Self.width) {
                await self.remember(await change($0), of: application, progress)
            }
        }
        _ = await leaving.value(within: Self.roomLimit)
        _ = await switched.value(within: Self.roomLimit)
        var results = await self.each(coming, width: coming.count) {
            await self.remember(await self.settled(await change($0)), of: application, progress)
        }
        results.merge(await switched.value) { _, new in new }
        results.merge(await leaving.value) { _, new in new }
        self.outcomes[application.number] = nil
        return ChangeReport(accounts: work.names.compactMap { results[$0] }, revision: application.revision)
    }

    private func remember(
        _ report: ChangeReport.Account,
        of application: Application,
        _ progress: Progress
    ) -> ChangeReport.Account {
        self.outcomes[application.number]?[report.name] = report
        self.note(report, "apply")
        progress(report)
        return report
    }

    /// Makes one account what the configuration says.
    private func bring(
        _ name: String,
        isRestart: Bool,
        _ application: Application
    ) async -> ChangeReport.Account {
        let from = application.before(name)
        var report = ChangeReport.Account(name: name, outcome: .unchanged, from: from, to: from)
        report.revision = application.revision
        guard let account = self.account(name), self.standing(account).runs else {
            return await self.takeOut(name, report)
        }
        if isRestart, self.members[name] != nil, await !self.drain(name) {
            report.outcome = .failed
            report.to = self.now(name)
            report.text = "the instance stops, and takes the rest of the drain with it"
            return report
        }
        guard let member = self.members[name] else {
            report = await self.bringUp(account, report)
            if isRestart, report.outcome == .done { report.text = "started anew" }
            return report
        }
        if member.stage != self.standing(account).stage { return await self.switchMode(account, member, report) }
        report.to = self.now(name)
        report.outcome = report.from == report.to ? .unchanged : .done
        return report
    }

    private func takeOut(_ name: String, _ before: ChangeReport.Account) async -> ChangeReport.Account {
        var report = before
        if self.members[name] == nil {
            report.to = self.now(name)
            report.outcome = report.from == report.to ? .unchanged : .done
            return report
        }
        report.outcome = await self.drain(name) ? .done : .failed
        report.to = self.now(name)
        if self.account(name) == nil { self.store.forgetRollout(account: name) }
        if report.outcome == .failed { report.text = "the instance stops, and takes the rest of the drain with it" }
        return report
    }

    /// The file wants another mode. If that cannot be, the account keeps the one that it has, as an override that says so.
    private func switchMode(
        _ account: AccountConfiguration,
        _ member: Member,
        _ before: ChangeReport.Account
    ) async -> ChangeReport.Account {
        var report = before
        let name = account.name
        let target = self.standing(account).stage
        let former = member.stage
        do {
            try await member.supervisor.change(
                to: ModeChange(target, cause: Revision.Kind.apply.rawValue, text: ""),
                within: Self.switchLimit
            ) {}
            await self.switched(name, to: target)
            report.outcome = .done
            report.to = "\(target)"
            return report
        } catch {
            report.outcome = .failed
            report.to = "\(former)"
            report.text = "\(error); it stays \(former)"
        }
        var override = self.override(name)
        override.mode = former.mode
        override.percent = former.mode == .cutover ? former.percent : nil
        let cause = Cause(kind: .rollback, caller: .daemon, reason: report.text)
        do {
            let line = "\(name): mode: \(target) -> \(former)"
            report.revision = try await self.commit(cause, [name], [line], [name: override])
        } catch {
            report.text += "; that could not be written down: \(error)"
        }
        return report
    }
}

extension EffectiveAccount {
    /// Its place on the way from REST to the hybrid stream.
    var stage: RolloutStage { RolloutStage(self.mode, percent: self.percent ?? 0) }
}

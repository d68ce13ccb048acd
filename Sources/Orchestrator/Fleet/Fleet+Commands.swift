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

    typealias Progress = @Sendable (ChangeReport.Account) -> Void

    /// Carries out a command on several accounts, in their order.
    func perform(
        _ request: ChangeRequest,
        on names: [String],
        by caller: Caller,
        progress: @escaping Progress
    ) async -> ChangeReport {
        let deadline = ContinuousClock.now + .milliseconds(request.timeoutMilliseconds)
        // A drain waits for others than the exchange: nobody is kept waiting for it.
        let width = request.command == .drain || request.command == .disable ? names.count : Self.width
        let one: @Sendable (String) async -> ChangeReport.Account = { name in
            let result = await self.perform(request, on: name, by: caller, until: deadline)
            progress(result)
            return result
        }
        // Neither do those who are just leaving keep anybody waiting.
        let leaving = names.filter { self.members[$0]?.isLeaving ?? false }
        let others = names.filter { !leaving.contains($0) }
        async let late = self.each(leaving, width: leaving.count, one)
        let results = await self.each(others, width: width, one).merging(await late) { first, _ in first }
        return ChangeReport(accounts: names.compactMap { results[$0] })
    }

    /// Does something for several accounts, begun in their order, some of them at a time.
    func each(
        _ names: [String],
        width: Int,
        _ body: @escaping @Sendable (String) async -> ChangeReport.Account
    ) async -> [String: ChangeReport.Account] {
        var results: [String: ChangeReport.Account] = [:]
        await withTaskGroup(of: ChangeReport.Account.self) { group in
            var underWay = 0
            for name in names {
                if underWay >= width, let done = await group.next() {
                    underWay -= 1
                    results[done.name] = done
                }
                group.addTask { await body(name) }
                underWay += 1
            }
            for await done in group { results[done.name] = done }
        }
        return results
    }

    private func perform(
        _ request: ChangeRequest,
        on name: String,
        by caller: Caller,
        until deadline: ContinuousClock.Instant
    ) async -> ChangeReport.Account {
        let before = self.now(name)
        let undertaking = Undertaking {
            // Whoever takes an account back does not wait for a file that waits itself.
            let ticket = await self.turn([.account(name)], isUrgent: request.command == .rollback)
            var result = await self.perform(request, on: name, by: caller)
            await self.end(ticket)
            if request.command == .enable || request.command == .resume { result = await self.settled(result) }
            await self.note(result, request.command.rawValue)
            return result
        }
        let left = max(.zero, ContinuousClock.now.duration(to: deadline))
        if let result = await undertaking.value(within: left) { return result }
        return self.stillUnderWay(name, from: before)
    }

    /// Of an account whose change goes on though nobody waits for it any more.
    func stillUnderWay(_ name: String, from before: String) -> ChangeReport.Account {
        let blockers =
            self.blockers[name]
            ?? (self.unsettled.contains(name)
                ? ["it has not been confirmed over REST yet, or its connection is not up"] : [])
        return ChangeReport.Account(
            name: name,
            outcome: .timedOut,
            from: before,
            to: self.now(name),
            blockers: blockers
        )
    }

    /// What became of a change is in the log, whoever has waited for it.
    func note(_ account: ChangeReport.Account, _ what: String) {
        let isGood = account.outcome == .done || account.outcome == .unchanged
        self.logger.log(
            level: isGood ? .notice : .warning,
            "a change has ended",
            metadata: [
                "command": "\(what)", "account": "\(account.name)", "outcome": "\(account.outcome.rawValue)",
                "from": "\(account.from)", "to": "\(account.to)", "reason": "\(account.text)",
            ]
        )
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
        func cause(_ kind: Revision.Kind) -> Cause { Cause(kind: kind, caller: caller, reason: request.reason) }
        switch request.command {
        case .promote: return await self.promote(account, isForced: request.isForced, cause(.promote))
        case .rollback: return await self.rollBack(account, to: request.mode, cause(.rollback))
        case .drain: return await self.drain(account, cause(.drain))
        case .resume: return await self.resume(account, cause(.resume))
        case .enable: return await self.enable(account, cause(.enable))
        case .disable: return await self.disable(account, cause(.disable))
        case .apply:
            return ChangeReport.Account(name: name, outcome: .refused, from: "", to: "", text: "apply takes a file")
        }
    }

    // MARK: Revisions

    /// What an operator or the daemon has set over the file for an account.
    func override(_ name: String) -> AccountOverride { self.overrides[name]?.override ?? AccountOverride() }

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
            self.unwritten[name] = nil
            self.set(override, of: name, by: StoredOverride.Origin(revision: number, kind: cause.kind))
        }
        return number
    }

    func set(_ override: AccountOverride, of name: String, by origin: StoredOverride.Origin) {
        self.overrides[name] = (self.overrides[name] ?? StoredOverride(AccountOverride()))
            .changed(to: override, by: origin)
    }

    // MARK: Words

    /// What an account is, as reports write it: its mode, or `draining`, `drained`, `disabled`, `absent`.
    func now(_ name: String) -> String {
        guard let member = self.members[name] else {
            return self.account(name).map { self.standing($0).text } ?? "absent"
        }
        return member.isLeaving ? "draining" : "\(member.stage)"
    }

    /// Of an account that is as it was asked to be.
    func report(_ name: String) -> ChangeReport.Account {
        let now = self.now(name)
        return ChangeReport.Account(name: name, outcome: .unchanged, from: now, to: now)
    }
}

import HybridStream
import Logging

/// `promote --waves`.
extension Fleet {
    private static let waveInterval = Duration.milliseconds(500)

    /// A promotion in waves that is under way.
    struct Rise: Sendable {
        var results: [String: ChangeReport.Account] = [:]
        /// Where it is, for people.
        var state = ""
    }

    /// Takes the whole fleet up by one step, wave by wave, and ends at the first gate that breaks.
    func promoteInWaves(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping Progress
    ) async throws(OrchestratorError) -> ChangeReport {
        if let rise = self.rise {
            throw OrchestratorError(
                .io,
                "nothing was changed: another promote --waves is under way (\(rise.state)); it ends by itself, or when "
                    + "somebody takes one of its accounts back (bybitctl rollback)"
            )
        }
        self.rise = Rise()
        let undertaking = Undertaking {
            let report = await self.rise(request, by: caller, progress: progress)
            await self.riseEnded(report)
            return report
        }
        if let report = await undertaking.value(within: .milliseconds(request.timeoutMilliseconds)) { return report }
        guard let rise = self.rise else { return await undertaking.value }
        return ChangeReport(
            accounts: self.configuration.accounts.compactMap { rise.results[$0.name] },
            text: "not done in time (\(rise.state)); it goes on without this command",
            outcome: .timedOut
        )
    }

    private func riseEnded(_ report: ChangeReport) {
        self.rise = nil
        self.logger.notice("promotion in waves has ended", metadata: ["outcome": "\(report.text)"])
    }

    private func rise(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping Progress
    ) async -> ChangeReport {
        let names = self.configuration.accounts.filter { self.standing($0).runs }.map(\.name)
        var plan = WavePlan(
            self.configuration.rollout.waves,
            steps: self.steps,
            cap: self.options.modeCap,
            accounts: names
        )
        while !self.isStopping {
            let time = self.services.stream.environment.time.uptime()
            let step = plan.tick(await self.waveAccounts(names, isForced: request.isForced), now: time)
            self.tell(plan.state(now: time))
            switch step {
            case .promote(let wave): await self.promote(wave, &plan, request, caller, progress)
            case .rollBack(let wave, let reason):
                await self.takeBack(wave, plan, reason, caller, progress)
                return self.riseReport("the wave was rolled back: \(reason)", .failed)
            case .stopped(let reason): return self.riseReport("stopped: \(reason)", .refused)
            case .finished:
                if self.rise?.results.isEmpty ?? true { return self.riseReport(self.nothingToRise, nil) }
                return self.riseReport("all waves are through", nil)
            case nil: break
            }
            do { try await Task.sleep(for: Self.waveInterval) } catch { break }
        }
        return self.riseReport("stopped: the instance is stopping", .failed)
    }

    private var nothingToRise: String {
        guard let cap = self.options.modeCap else { return "there is nobody to promote" }
        return "there is nobody to promote: the instance was started with --mode \(cap.rawValue)"
    }

    private func riseReport(_ text: String, _ outcome: ChangeReport.Outcome?) -> ChangeReport {
        let results = self.rise?.results ?? [:]
        return ChangeReport(
            accounts: self.configuration.accounts.compactMap { results[$0.name] },
            text: text,
            outcome: outcome
        )
    }

    private func tell(_ state: String) {
        guard self.rise?.state != state else { return }
        self.rise?.state = state
        self.logger.info("promotion in waves", metadata: ["state": "\(state)"])
    }

    private func promote(
        _ wave: [String],
        _ plan: inout WavePlan,
        _ request: ChangeRequest,
        _ caller: Caller,
        _ progress: @escaping Progress
    ) async {
        let cause = Cause(kind: .promote, caller: caller, reason: request.reason)
        let origins = Dictionary(uniqueKeysWithValues: wave.map { ($0, plan.origin(of: $0)) })
        let results = await self.each(wave, width: Self.width) { name in
            let result = await self.promoteOne(name, from: origins[name] ?? nil, isForced: request.isForced, cause)
            if !result.waits { progress(result) }
            return result
        }
        for (name, result) in results {
            if result.waits {
                plan.promotionWaits(name)
                continue
            }
            self.rise?.results[name] = result
            if result.outcome == .done || result.outcome == .unchanged {
                plan.promotionDone(name)
            } else {
                plan.promotionFailed(name, reason: result.text)
            }
        }
    }

    private func promoteOne(
        _ name: String,
        from origin: RolloutStage?,
        isForced: Bool,
        _ cause: Cause
    ) async -> ChangeReport.Account {
        // Whoever is just leaving keeps no wave waiting.
        let limit = ContinuousClock.now + Self.switchLimit
        guard let turn = await self.turn([.account(name)], until: limit) else {
            return self.stillUnderWay(name, from: self.now(name))
        }
        defer { self.end(turn) }
        guard let account = self.account(name) else {
            return ChangeReport.Account(
                name: name,
                outcome: .refused,
                from: "",
                to: "",
                text: "it is gone from the file"
            )
        }
        let result = await self.promote(account, isForced: isForced, from: origin, cause)
        if !result.waits { self.note(result, cause.kind.rawValue) }
        return result
    }

    /// Each of them to where the wave has found it.
    private func takeBack(
        _ wave: [String],
        _ plan: WavePlan,
        _ reason: String,
        _ caller: Caller,
        _ progress: @escaping Progress
    ) async {
        let cause = Cause(kind: .rollback, caller: caller, reason: "promote --waves: \(reason)")
        let results = await self.each(wave, width: Self.width) { name in
            guard let origin = plan.origin(of: name) else { return await self.report(name) }
            let result = await self.takeBack(name, to: origin, cause)
            await self.note(result, cause.kind.rawValue)
            progress(result)
            return result
        }
        for (name, result) in results { self.rise?.results[name] = result }
    }

    private func waveAccounts(_ names: [String], isForced: Bool) async -> [String: WavePlan.Account] {
        var accounts: [String: WavePlan.Account] = [:]
        for name in names {
            guard let account = self.account(name), self.standing(account).runs, let member = self.members[name],
                !member.isLeaving
            else { continue }
            let health = await self.health(member)
            let verdict = await self.judgement(member).verdict
            accounts[name] = WavePlan.Account(
                health: health == .healthy ? .healthy : .unhealthy,
                stage: self.members[name]?.stage ?? member.stage,
                verdict: isForced && verdict == .open ? .holds : verdict
            )
        }
        return accounts
    }
}

extension ChangeReport.Account {
    /// Nothing is wrong but that a gate has not seen enough, or that something else is under way.
    fileprivate var waits: Bool {
        self.outcome == .timedOut || self.outcome == .refused && self.gates.verdict == .open
    }
}

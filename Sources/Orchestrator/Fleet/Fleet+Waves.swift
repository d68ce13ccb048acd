import HybridStream
import Logging

/// `promote --waves`, and what accounts report of themselves.
extension Fleet {
    private static let waveInterval = Duration.milliseconds(500)

    /// Takes the whole fleet up by one step, wave by wave, and ends at the first gate that breaks.
    func promoteInWaves(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws(OrchestratorError) -> ChangeReport {
        if self.isRisingInWaves {
            throw OrchestratorError(
                .io,
                "nothing was changed: another promote --waves is under way; it ends by itself, or with a rollback"
            )
        }
        self.isRisingInWaves = true
        defer { self.isRisingInWaves = false }
        let deadline = ContinuousClock.now + .milliseconds(request.timeoutMilliseconds)
        let names = self.configuration.accounts.filter { self.standing($0).runs }.map(\.name)
        var plan = WavePlan(
            self.configuration.rollout.waves,
            steps: self.configuration.rollout.gates.cutover.steps,
            accounts: names
        )
        var promote = ChangeRequest(.promote)
        promote.isForced = request.isForced
        promote.reason = request.reason
        promote.timeoutMilliseconds = 60_000
        var results: [String: ChangeReport.Account] = [:]
        var state = ""
        while !self.isStopping {
            let time = self.services.stream.environment.time.uptime()
            let accounts = await self.waveAccounts(names, isForced: request.isForced)
            let step = plan.tick(accounts, now: time)
            if plan.state(now: time) != state {
                state = plan.state(now: time)
                self.logger.info("promotion in waves", metadata: ["state": "\(state)"])
            }
            switch step {
            case .promote(let wave):
                let report = await self.perform(promote, on: wave, by: caller, progress: progress)
                for account in report.accounts {
                    results[account.name] = account
                    if account.outcome != .done, account.outcome != .unchanged {
                        plan.promotionFailed(account.name, reason: account.text)
                    }
                }
            case .rollBack(let wave, let reason):
                var back = ChangeRequest(.rollback)
                back.reason = "promote --waves: \(reason)"
                let report = await self.perform(back, on: wave, by: caller, progress: progress)
                for account in report.accounts {
                    var failed = account
                    failed.outcome = .failed
                    failed.text = reason
                    results[account.name] = failed
                }
                return ChangeReport(
                    accounts: names.compactMap { results[$0] },
                    text: "the wave was rolled back: \(reason)"
                )
            case .stopped(let reason):
                let refused = names.first.map {
                    results[$0] ?? ChangeReport.Account(name: $0, outcome: .refused, from: "", to: "", text: reason)
                }
                var accounts = names.compactMap { results[$0] }
                if accounts.allSatisfy({ $0.outcome == .done }), var stopped = refused {
                    stopped.outcome = .refused
                    stopped.text = reason
                    accounts.removeAll { $0.name == stopped.name }
                    accounts.append(stopped)
                }
                return ChangeReport(accounts: accounts, text: "stopped: \(reason)")
            case .finished:
                return ChangeReport(accounts: names.compactMap { results[$0] }, text: "all waves are through")
            case nil:
                break
            }
            if ContinuousClock.now >= deadline { break }
            do { try await Task.sleep(for: Self.waveInterval) } catch { break }
        }
        return ChangeReport(
            accounts: names.compactMap { results[$0] }
                + [ChangeReport.Account(name: names.first ?? "", outcome: .timedOut, from: "", to: "", text: state)],
            text: state
        )
    }

    private func waveAccounts(_ names: [String], isForced: Bool) async -> [String: WavePlan.Account] {
        var accounts: [String: WavePlan.Account] = [:]
        for name in names {
            guard let account = self.account(name), self.standing(account).runs, let member = self.members[name] else {
                continue
            }
            let health = await self.health(member)
            let verdict = await self.judgement(member).verdict
            accounts[name] = WavePlan.Account(
                health: health == .healthy ? .healthy : .unhealthy,
                stage: member.supervisor.stage,
                verdict: isForced && verdict == .open ? .holds : verdict
            )
        }
        return accounts
    }

    // MARK: What accounts say

    func judgement(_ member: Member) async -> RolloutJudge.Judgement {
        await self.ask(member, otherwise: RolloutJudge.Judgement(gates: [], verdict: .open, changed: [])) {
            $0.monitor.judgement
        }
    }

    func health(_ member: Member) async -> StatusReport.Health {
        await self.ask(member, otherwise: .degraded) {
            $0.report(includePositions: false, lastFrames: [:]).health
        }
    }

    func state(_ member: Member) async -> (state: AccountMachine.State, reason: String)? {
        await self.ask(member, otherwise: nil) {
            $0.stream?.snapshot(includePositions: false).reasonedState
        }
    }

    private func ask<Answer: Sendable>(
        _ member: Member,
        otherwise: Answer,
        _ body: @escaping @Sendable (AccountSupervisor) -> Answer
    ) async -> Answer {
        do {
            return try await member.loop.eventLoop.submit { body(member.supervisor) }.get()
        } catch {
            self.logger.warning("an event loop could not be asked", metadata: ["reason": "\(error)"])
            return otherwise
        }
    }

    /// Accounts in the order in which they are taken back: whose trouble is greatest first, then who holds most.
    func worstFirst(_ names: [String]) async -> [String] {
        var marks: [String: (health: StatusReport.Health, open: Int)] = [:]
        for name in names {
            guard let member = self.members[name] else { continue }
            marks[name] = await self.ask(member, otherwise: (.degraded, 0)) { supervisor in
                (
                    supervisor.report(includePositions: false, lastFrames: [:]).health,
                    supervisor.stream?.tracker.book.openCount ?? 0
                )
            }
        }
        return names.sorted { left, right in
            let (first, second) = (marks[left], marks[right])
            let healths = (first?.health ?? .healthy, second?.health ?? .healthy)
            if healths.0 != healths.1 { return healths.0 > healths.1 }
            if first?.open != second?.open { return first?.open ?? 0 > second?.open ?? 0 }
            return left < right
        }
    }

    // MARK: Triggers

    /// An account's stream cannot be trusted any more.
    func triggered(_ name: String, _ trigger: RollbackTriggers.Trigger) async {
        guard self.configuration.rollout.isAutoRollback else { return }
        // What drives may be silent in all directions: REST is waited for until it answers.
        while !self.isStopping {
            guard let report = await self.rollBackAutomatically(name, reason: trigger.text) else { return }
            if report.outcome == .done { return }
            self.logger.error(
                "an account that should go back to rest cannot yet; it is tried again",
                metadata: ["account": "\(name)", "reason": "\(report.text)"]
            )
            do { try await Task.sleep(for: .seconds(5)) } catch { return }
        }
    }
}

extension HybridStream.Snapshot {
    fileprivate var reasonedState: (state: AccountMachine.State, reason: String) { (self.state, self.reason) }
}

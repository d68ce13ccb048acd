import HybridStream
import Logging
import NIOCore

/// Every account of the instance: which of them run, in which mode, and every change of that.
///
/// Changes of one account come one after another; what is asked for by several people at once is done in the order of
/// asking. What an account is to be stands in the store before it is so, so that a process that is killed goes on with the
/// one or the other, and never with something in between.
actor Fleet {
    /// An account that runs, or is on its way out.
    struct Member {
        let supervisor: AccountSupervisor
        let loop: FleetLoop
        /// Where it is on its way from REST to the hybrid stream. The supervisor's own is its loop's.
        var stage: RolloutStage
        /// It tells nothing new any more.
        var isLeaving = false
        /// How often it has gone back to `rest`: what was found before has been answered.
        var returns = 0
    }

    /// What is done to an account that begins, by whoever else is to know of it. Called on its loop.
    typealias Introduction = @Sendable (AccountSupervisor) -> Void

    /// How long a new source may take until it is known to be good; see `rollout.md`.
    static let switchLimit = Duration.seconds(30)
    /// So many changes of different accounts are under way at a time.
    static let width = 16

    let services: FleetServices
    let store: Store
    let sinks: EventSinks
    let options: OrchestratorOptions
    let logger: Logger
    private let introduce: Introduction
    let sinksEnded: @Sendable ([EventQueue]) -> Void
    var configuration: Configuration
    var overrides: [String: StoredOverride] = [:]
    /// Of the last change of anything.
    var revision = 0
    var members: [String: Member] = [:]
    /// What a drain waits for, while it does.
    var blockers: [String: [String]] = [:]
    /// What gates had measured when the process before this one ended.
    var memories: [String: RolloutMemory] = [:]
    var isStopping = false
    private var turns = Turns()
    private var waiting: [Turns.Ticket: CheckedContinuation<Bool, Never>] = [:]
    /// `promote --waves` is under way.
    var rise: Rise?
    /// Files that were applied.
    var applications = 0
    /// What has become of the accounts of files that are being applied, by the file's number.
    var outcomes: [Int: [String: ChangeReport.Account]] = [:]
    /// What an account is by a change that could not be written down yet.
    var unwritten: [String: Unwritten] = [:]
    /// Accounts that were started and have not reached a first settled state yet.
    var unsettled: Set<String> = []
    private var startsUnderWay = 0
    private var whenNothingStarts: [CheckedContinuation<Void, Never>] = []
    /// The fleet has been started as the file and the overrides say; before that nothing can be changed.
    var hasBegun = false
    /// Accounts that should run and cannot, with the reason.
    var problems: [String: String] = [:]
    private var nextLoop = 0
    private var pollInterval: Duration?

    init(
        _ configuration: Configuration,
        options: OrchestratorOptions,
        services: FleetServices,
        store: Store,
        sinks: EventSinks,
        logger: Logger,
        introduce: @escaping Introduction,
        sinksEnded: @escaping @Sendable ([EventQueue]) -> Void
    ) {
        self.sinksEnded = sinksEnded
        self.configuration = configuration
        self.options = options
        self.services = services
        self.store = store
        self.sinks = sinks
        self.logger = logger
        self.introduce = introduce
    }

    // MARK: What is

    func account(_ name: String) -> AccountConfiguration? { self.configuration.accounts.first { $0.name == name } }

    /// What an account is to be: the file, what an operator has set over it, and the command line's cap.
    func standing(_ account: AccountConfiguration) -> EffectiveAccount {
        var effective = EffectiveAccount(
            account,
            override: self.overrides[account.name]?.override,
            modeCap: self.options.modeCap,
            steps: self.configuration.rollout.gates.cutover.steps
        )
        if !self.isChosen(account.name) { effective.isEnabled = false }
        return effective
    }

    /// False for accounts that `start --account` leaves out.
    func isChosen(_ name: String) -> Bool { self.options.accounts.isEmpty || self.options.accounts.contains(name) }

    // MARK: Turns

    /// Waits until no other change of the same is under way.
    func turn(_ keys: Set<Turns.Key>, isUrgent: Bool = false) async -> Turns.Ticket {
        let ticket = self.turns.ask(keys, isUrgent: isUrgent)
        _ = await self.wait(for: ticket)
        return ticket
    }

    /// The same, but no longer than until `deadline`: nil then.
    func turn(
        _ keys: Set<Turns.Key>,
        isUrgent: Bool = false,
        until deadline: ContinuousClock.Instant
    ) async -> Turns.Ticket? {
        let ticket = self.turns.ask(keys, isUrgent: isUrgent)
        let timer = Task {
            do { try await Task.sleep(until: deadline, clock: .continuous) } catch { return }
            self.giveUp(ticket)
        }
        let isGranted = await self.wait(for: ticket)
        timer.cancel()
        return isGranted ? ticket : nil
    }

    private func wait(for ticket: Turns.Ticket) async -> Bool {
        await withCheckedContinuation { continuation in
            self.waiting[ticket] = continuation
            self.beginTurns()
        }
    }

    private func giveUp(_ ticket: Turns.Ticket) {
        guard let continuation = self.waiting.removeValue(forKey: ticket) else { return }
        self.turns.end(ticket)
        continuation.resume(returning: false)
        self.beginTurns()
    }

    func end(_ ticket: Turns.Ticket) {
        self.turns.end(ticket)
        self.beginTurns()
    }

    /// Each of the keys of a turn can end by itself from now on.
    func split(_ ticket: Turns.Ticket) -> [Turns.Key: Turns.Ticket] { self.turns.split(ticket) }

    private func beginTurns() {
        for ticket in self.turns.begin() { self.waiting.removeValue(forKey: ticket)?.resume(returning: true) }
    }

    // MARK: Start

    /// Brings up accounts that do not run. Those that cannot be started are in the result, with the reason.
    /// - Parameter floors: by account, a number that was used; its next one is greater.
    @discardableResult
    func start(
        _ accounts: [AccountConfiguration],
        floors: [String: Int64] = [:]
    ) async -> [String: OrchestratorError] {
        self.startsUnderWay += 1
        defer { self.startEnded() }
        var problems: [String: OrchestratorError] = [:]
        var plans: [StartPlan.Account] = []
        for account in accounts where self.members[account.name] == nil {
            do {
                plans.append(try StartPlan.Account(account, self.standing(account), options: self.options))
            } catch {
                problems[account.name] = error
            }
        }
        do {
            let known = try await self.store.fetchAll(plans.map(\.identity.name), above: floors)
            let written = Self.lastNumbersWritten(plans, known)
            for (plan, stored) in zip(plans, known) {
                if self.isStopping { break }
                try await self.start(plan, stored, written)
            }
        } catch {
            for plan in plans where self.members[plan.identity.name] == nil {
                problems[plan.identity.name] = OrchestratorError(.io, "\(error)")
            }
        }
        for account in accounts { self.problems[account.name] = problems[account.name]?.message }
        await self.adjustPolling()
        return problems
    }

    private func startEnded() {
        self.startsUnderWay -= 1
        guard self.startsUnderWay == 0 else { return }
        for continuation in self.whenNothingStarts { continuation.resume() }
        self.whenNothingStarts = []
    }

    private func start(
        _ plan: StartPlan.Account,
        _ stored: StoredAccount,
        _ written: [String: [String: Int64]]
    ) async throws {
        let loops = self.services.loops
        let loop = loops[self.nextLoop % loops.count]
        self.nextLoop += 1
        let queues = await self.sinks.add(account: plan, stored: stored, written: written)
        let (services, store, logger, introduce) = (self.services, self.store, self.logger, self.introduce)
        let pollInterval = self.pollInterval
        let rollout = self.configuration.rollout
        let memory = self.memories.removeValue(forKey: plan.identity.name)
        let supervisor = try await loop.eventLoop.submit {
            let supervisor = AccountSupervisor(
                account: plan,
                fleetLoop: loop,
                numbers: stored.numbers,
                queues: queues,
                store: store,
                rollout: rollout,
                logger: logger
            )
            let name = plan.identity.name
            let identity = ObjectIdentifier(supervisor)
            supervisor.onTrigger = { [weak self] trigger in
                Task { await self?.triggered(name, trigger, by: identity) }
            }
            if let memory { supervisor.restore(memory) }
            loop.add(supervisor)
            introduce(supervisor)
            if let setAside = store.setAside { supervisor.storeWasSetAside(setAside) }
            if plan.configuration.strategy.hasConsumers {
                let executor = services.executor(of: supervisor, on: loop, store: store, logger: logger)
                supervisor.act(through: executor, restoring: stored)
            }
            var settings = services.streamSettings
            if let pollInterval { settings.machine.pollInterval = pollInterval }
            let stream = HybridStream(
                account: plan.identity,
                settings: settings,
                services: services.stream,
                eventLoop: loop.eventLoop,
                drive: supervisor.stage.drive,
                hub: loop.hub,
                updates: supervisor.pipeline,
                shadowUpdates: supervisor.shadow,
                observer: supervisor,
                logger: logger
            )
            supervisor.start(stream: stream, restoring: stored.positions)
            return supervisor
        }.get()
        self.members[plan.identity.name] = Member(
            supervisor: supervisor,
            loop: loop,
            stage: RolloutStage(plan.mode, percent: plan.percent)
        )
    }

    /// By file and account: the last event that a process that was killed has written, for accounts of which there are
    /// events that it need not have written.
    private static func lastNumbersWritten(
        _ plans: [StartPlan.Account],
        _ known: [StoredAccount]
    ) -> [String: [String: Int64]] {
        var accounts: [String: Set<String>] = [:]
        for (plan, stored) in zip(plans, known) where !stored.told.isEmpty {
            for case .jsonl(let file) in plan.configuration.strategy.sinks {
                accounts[file.path, default: []].insert(stored.account)
            }
        }
        return Dictionary(
            uniqueKeysWithValues: accounts.map { path, accounts in
                (path, LastNumbers.inFile(path, of: accounts))
            }
        )
    }

    /// Returns when the account has reached a first settled state.
    func waitUntilSettled(_ name: String) async throws {
        guard let member = self.members[name] else { return }
        try await member.loop.eventLoop.flatSubmit { member.supervisor.whenSettled() }.get()
    }

    // MARK: End

    /// The process ends: drains that wait are left to it. Returns when no account is just being started.
    func stop() async {
        self.isStopping = true
        guard self.startsUnderWay > 0 else { return }
        await withCheckedContinuation { self.whenNothingStarts.append($0) }
    }

    // MARK: Polling

    /// The polling of all accounts together keeps within its share of the REST budget.
    func adjustPolling() async {
        let polled = self.members.values.filter(\.stage.isPolled).count
        let budget = PollBudget(
            budget: self.configuration.stream.restBudget,
            configured: self.configuration.stream.restPollInterval,
            accounts: polled,
            requestsPerSweep: FleetRESTLoad.requestsPerSweep(self.configuration.exchange)
        )
        guard budget.interval != self.pollInterval else { return }
        self.pollInterval = budget.interval
        if budget.isStretched {
            self.logger.notice(
                "REST is polled less often, so that all accounts keep within the budget",
                metadata: ["accounts": "\(polled)", "interval": "\(budget.interval)"]
            )
        }
        for loop in self.services.loops {
            loop.eventLoop.execute {
                for account in loop.accounts { account.stream?.setPollInterval(budget.interval) }
            }
        }
    }
}

extension FleetPlan {
    /// - Parameters:
    ///   - occasion: whether something runs.
    ///   - new: the configuration to start or apply.
    ///   - old: what runs; with ``Occasion/start`` the one that was applied last, nil if there is none or it is not known.
    ///   - overrides: what holds over `old`, by account.
    ///   - options: what the command line adds; the same holds for what runs.
    ///   - attemptsUsed: connection attempts that the budget's window has seen already.
    public init(
        _ occasion: Occasion,
        of new: Configuration,
        over old: Configuration?,
        overrides: [String: StoredOverride] = [:],
        options: OrchestratorOptions = OrchestratorOptions(),
        attemptsUsed: Int = 0
    ) {
        var planner = FleetPlanner(occasion, of: new, over: old, overrides: overrides, options: options)
        planner.planAccounts()
        let diff = planner.diff
        let load = FleetRESTLoad(
            polling: planner.polling,
            reconciling: planner.privateSockets,
            stream: new.stream,
            exchange: new.exchange
        )
        let publicSockets = planner.privateSockets > 0 ? 1 : 0
        let attempts = planner.attempts + (planner.hadTickers ? 0 : publicSockets)
        let wait = max(
            FleetConnections.wait(attempts: attempts, used: attemptsUsed, budget: new.stream.connectionBudget),
            load.time(ofSweeps: planner.sweeps)
        )
        self.schemaVersion = FleetPlan.currentSchemaVersion
        self.occasion = occasion
        self.accounts = planner.accounts
        self.drift = planner.drift
        self.endingOverrides = planner.rules.endings.map(\.description)
        self.rollout = diff?.rollout ?? []
        self.settings = diff?.fixed ?? []
        self.needsDaemonRestart = occasion == .apply && !self.settings.isEmpty
        self.connections = FleetConnections(
            privateSockets: planner.privateSockets,
            publicSockets: publicSockets,
            attempts: attempts,
            budget: new.stream.connectionBudget.connections,
            budgetMilliseconds: Int64((new.stream.connectionBudget.per / .milliseconds(1)).rounded()),
            exchangeLimit: 500,
            secondsUntilLive: Int((wait / .seconds(1)).rounded(.up))
        )
        self.rest = load
        self.openFiles = OpenFiles.needed(by: planner.running)
        self.warnings = planner.warnings + FleetPlan.warnings(of: load, running: planner.running.count)
        self.hasDifferences =
            !(diff?.isEmpty ?? true) || !self.drift.isEmpty || !self.endingOverrides.isEmpty
            || self.accounts.contains { $0.action != .none && $0.action != .staysDisabled }
    }

    private static func warnings(of load: FleetRESTLoad, running: Int) -> [String] {
        var warnings: [String] = []
        if running == 0 {
            warnings.append("no account would run: set `enabled: true` on those that should, or enable them")
        }
        if load.isStretched {
            warnings.append(
                """
                \(load.pollingAccounts) accounts are polled every \(Self.text(load.pollMilliseconds)) instead of every \
                \(Self.text(load.configuredPollMilliseconds)): more often would take more than half of rest_budget; raise it, \
                set a longer rest_poll_interval, or promote accounts to hybrid
                """
            )
        }
        if load.totalPerSecond > load.limitPerSecond {
            warnings.append(
                """
                polling and reconciling take \(load.totalPerSecond) REST requests a second and rest_budget allows \
                \(load.limitPerSecond): sweeps come late; set a longer reconcile_interval or run several instances
                """
            )
        }
        return warnings
    }

    private static func text(_ milliseconds: Int64) -> String { DurationText.text(.milliseconds(milliseconds)) }
}

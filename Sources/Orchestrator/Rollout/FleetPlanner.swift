/// Goes through the accounts of both configurations once.
struct FleetPlanner {
    let diff: ConfigurationDiff?
    let rules: OverrideRules
    private let occasion: FleetPlan.Occasion
    private let new: Configuration
    private let old: Configuration?
    private let overrides: [String: StoredOverride]
    private let options: OrchestratorOptions
    private let chosen: Set<String>

    private(set) var accounts: [FleetPlan.Account] = []
    private(set) var drift: [String] = []
    private(set) var warnings: [String] = []
    private(set) var running: [(name: String, sinks: [SinkConfiguration])] = []
    private(set) var privateSockets = 0
    private(set) var polling = 0
    /// Private connections that have to be opened.
    private(set) var attempts = 0
    /// Accounts that begin with a sweep.
    private(set) var sweeps = 0
    /// The ticker connection is there already.
    private(set) var hadTickers = false

    init(
        _ occasion: FleetPlan.Occasion,
        of new: Configuration,
        over old: Configuration?,
        overrides: [String: StoredOverride],
        options: OrchestratorOptions
    ) {
        self.occasion = occasion
        self.new = new
        self.old = old
        self.overrides = overrides
        self.options = options
        self.chosen = Set(options.accounts)
        self.diff = old.map { ConfigurationDiff(from: $0, to: new) }
        self.rules = OverrideRules(applying: new, over: old, overrides: overrides.mapValues(\.override))
    }

    mutating func planAccounts() {
        let former = Dictionary((self.old?.accounts ?? []).map { ($0.name, $0) }) { first, _ in first }
        let changes = Dictionary((self.diff?.accounts ?? []).map { ($0.name, $0) }) { first, _ in first }
        let endings = Dictionary(grouping: self.rules.endings, by: \.account)
        let known = Set(self.new.accounts.map(\.name))
        for account in self.new.accounts {
            self.plan(
                account,
                former: self.occasion == .apply ? former[account.name] : nil,
                change: changes[account.name],
                endings: endings[account.name] ?? []
            )
        }
        for account in self.old?.accounts ?? [] where !known.contains(account.name) {
            self.planGone(account)
        }
        for name in self.options.accounts where !known.contains(name) {
            self.warnings.append("there is no account \"\(name)\" in the file; nothing runs under this name")
        }
    }

    private mutating func plan(
        _ account: AccountConfiguration,
        former: AccountConfiguration?,
        change: ConfigurationDiff.Account?,
        endings: [OverrideRules.Ending]
    ) {
        let name = account.name
        let stored = self.overrides[name]
        let before = former.map { self.effective($0, stored?.override, self.old?.rollout) }
        let override = self.rules.overrides[name]
        let after = self.effective(account, override, self.new.rollout)
        var reasons =
            change.map { $0.kind == .changed ? $0.changes.map(\.description) : $0.lines.map { self.body($0, name) } }
            ?? []
        reasons += endings.map { self.body($0.description, name) }
        if let cap = self.options.modeCap, (override?.mode ?? account.mode) > cap {
            reasons.append("capped at \(cap.rawValue) on the command line")
        }
        let isLeftOut = !self.chosen.isEmpty && !self.chosen.contains(name)
        if isLeftOut { reasons.append("left out on the command line") }
        let wasRunning = !isLeftOut && before?.runs ?? false
        let runs = !isLeftOut && after.runs
        let action: FleetPlan.Action
        switch (wasRunning, runs) {
        case (false, true): action = .start
        case (true, false): action = .drain
        case (false, false): action = .staysDisabled
        case (true, true):
            action = change?.needsRestart ?? false ? .restart : before == after ? .none : .switch
        }
        let remaining = override.map { self.remaining($0, of: stored) }
        self.drift += remaining?.drift(from: account, steps: self.new.rollout.gates.cutover.steps) ?? []
        self.accounts.append(
            FleetPlan.Account(
                name: name,
                action: action,
                from: before.map { isLeftOut ? "disabled" : $0.text },
                to: isLeftOut ? "disabled" : after.text,
                reasons: reasons,
                override: remaining?.summary
            )
        )
        if wasRunning, let before { self.hadTickers = self.hadTickers || before.mode.hasStream }
        if runs { self.count(account, after, before: wasRunning ? before : nil, action) }
    }

    private mutating func planGone(_ account: AccountConfiguration) {
        guard self.occasion == .apply else { return }
        let before = self.effective(account, self.overrides[account.name]?.override, self.old?.rollout)
        let ran = before.runs && (self.chosen.isEmpty || self.chosen.contains(account.name))
        if ran { self.hadTickers = self.hadTickers || before.mode.hasStream }
        self.accounts.append(
            FleetPlan.Account(
                name: account.name,
                action: ran ? .drain : .staysDisabled,
                from: before.text,
                to: nil,
                reasons: ["gone from the file"]
            )
        )
    }

    private mutating func count(
        _ account: AccountConfiguration,
        _ after: EffectiveAccount,
        before: EffectiveAccount?,
        _ action: FleetPlan.Action
    ) {
        self.running.append((account.name, account.strategy.sinks))
        if after.mode.hasStream { self.privateSockets += 1 }
        if after.mode != .hybrid { self.polling += 1 }
        let isNew = action == .start || action == .restart
        if after.mode.hasStream, isNew || !(before?.mode.hasStream ?? false) { self.attempts += 1 }
        if isNew || action == .switch { self.sweeps += 1 }
        if self.new.exchange.environment != .simulator, account.credentials == nil,
            self.options.credentials[account.name] == nil
        {
            self.warnings.append(
                "account \(account.name) is to run and has no credentials; it cannot start without them"
            )
        }
    }

    private func effective(
        _ account: AccountConfiguration,
        _ override: AccountOverride?,
        _ rollout: RolloutConfiguration?
    ) -> EffectiveAccount {
        EffectiveAccount(
            account,
            override: override,
            modeCap: self.options.modeCap,
            steps: (rollout ?? self.new.rollout).gates.cutover.steps
        )
    }

    /// What is left of an override keeps its origins.
    private func remaining(_ override: AccountOverride, of stored: StoredOverride?) -> StoredOverride {
        StoredOverride(
            override,
            enabledBy: override.isEnabled == nil ? nil : stored?.enabledBy,
            modeBy: override.mode == nil && override.percent == nil ? nil : stored?.modeBy,
            drainedBy: override.isDrained ? stored?.drainedBy : nil
        )
    }

    /// A line without the account's name in front.
    private func body(_ line: String, _ name: String) -> String {
        line.hasPrefix(name + ": ") ? String(line.dropFirst(name.count + 2)) : line
    }
}

extension Mode {
    /// Whether the account has a private connection.
    var hasStream: Bool { self != .rest }
}

extension StoredOverride {
    /// `mode canary (revision 12, promote), drained (revision 14, drain)`.
    var summary: String {
        func part(_ text: String, _ origin: Origin?) -> String { origin.map { "\(text) (\($0))" } ?? text }
        var parts: [String] = []
        if let isEnabled = self.override.isEnabled {
            parts.append(part(isEnabled ? "enabled" : "disabled", self.enabledBy))
        }
        let mode = self.override.modeText
        if !mode.isEmpty { parts.append(part("mode \(mode)", self.modeBy)) }
        if self.override.isDrained { parts.append(part("drained", self.drainedBy)) }
        return parts.joined(separator: ", ")
    }
}

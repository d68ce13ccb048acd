public import HybridStream

/// What an operator is told: positions without a stop, and actions that fail.
extension AccountDesk {
    /// Actions in a row that fail before an operator is told.
    static let failuresBeforeAlert = 4

    /// Positions that have had no stop for longer than they may.
    public var unprotected: [PositionKey] {
        self.legs.compactMap { leg in leg.flatMap { $0.isUnprotected ? $0.opening.key : nil } }
    }

    /// Starts or stops the clock of one position.
    mutating func judgeProtection(_ slot: Int, at time: DeskTime) {
        guard let limit = self.settings.unprotectedAlertAfter, var leg = self.legs[slot] else { return }
        let isProtected =
            leg.isProtected(self.settings.trailingStop)
            || leg.acceptedStop != nil && leg.countsUntil > time.uptime && !self.settings.isDryRun
        if isProtected {
            leg.unprotectedSince = nil
            // Whoever has set it.
            self.alert(
                "\(PositionManager.name)_failed",
                .warning,
                .resolved,
                leg.opening.key,
                "the position has a stop"
            )
            if leg.isUnprotected {
                leg.isUnprotected = false
                self.alert("position_unprotected", .critical, .resolved, leg.opening.key, "it has a stop")
            }
        } else {
            let since = leg.unprotectedSince ?? time.uptime
            leg.unprotectedSince = since
            if !leg.isUnprotected, since + limit <= time.uptime {
                leg.isUnprotected = true
                let text =
                    "no stop for \(limit.milliseconds / 1_000) s"
                    + (self.settings.isDryRun ? " (dry run: none is set)" : "")
                self.alert("position_unprotected", .critical, .opened, leg.opening.key, text)
            }
        }
        self.legs[slot] = leg
    }

    mutating func judgeProtection(at time: DeskTime) {
        guard self.settings.unprotectedAlertAfter != nil else { return }
        for slot in self.legs.indices where self.legs[slot] != nil { self.judgeProtection(slot, at: time) }
    }

    var nextProtectionDeadline: Uptime? {
        guard let limit = self.settings.unprotectedAlertAfter else { return nil }
        return self.legs.lazy.compactMap { leg -> Uptime? in
            guard let leg, !leg.isUnprotected, let since = leg.unprotectedSince else { return nil }
            return since + limit
        }.min()
    }

    mutating func judgeFailures(_ action: Action, _ outcome: IntentOutcome, failures: Int) {
        let code = "\(action.seat.name)_failed"
        switch outcome {
        case .accepted where action.intent.isClosing: break
        case .accepted:
            self.alert(code, .warning, .resolved, action.opening.key, "\(action.name) is accepted again")
        case .impossible:
            let text = "\(action.name) cannot succeed; it is not tried again soon. See `bybitctl history --actions`"
            self.alert(code, .critical, .opened, action.opening.key, text)
        case .refused:
            if failures < Self.failuresBeforeAlert { return }
            let text = "\(action.name) has failed \(failures) times in a row; it is tried again"
            self.alert(code, .warning, .opened, action.opening.key, text)
        case .leftover:
            self.alert(code, .warning, .resolved, action.opening.key, "\(action.name) has closed a part")
        }
    }

    mutating func resolveAlerts(of leg: Leg) {
        let key = leg.opening.key
        for seat in self.settings.seats {
            self.alert("\(seat.name)_failed", .warning, .resolved, key, "the position is closed")
        }
        self.alert("position_unprotected", .critical, .resolved, key, "the position is closed")
        self.alert(Self.unresolvedAction, .critical, .resolved, key, "the position is closed")
        self.alert(Self.unknownInstrument, .critical, .resolved, key, "the position is closed")
    }

    /// The exchange cannot be asked what became of an action; nothing else of its kind is done meanwhile.
    mutating func judgeLookUps(_ flight: Flight, _ reason: String) {
        guard flight.looks >= Flight.looksBeforeAlert, self.slot(of: flight.action) != nil else { return }
        let text =
            "what became of \(flight.action.name) \(flight.action.id) cannot be learned, and it is not repeated before: "
            + reason
        self.alert(Self.unresolvedAction, .critical, .opened, flight.action.opening.key, text)
    }

    mutating func resolveLookUps(_ action: Action) {
        self.alert(Self.unresolvedAction, .critical, .resolved, action.opening.key, "\(action.id) is resolved")
    }

    /// The rules of a symbol could not be had, again; nothing is decided about its positions before.
    public mutating func instrumentMissing(_ symbol: String) {
        self.missingInstruments[symbol, default: 0] += 1
        guard self.tickSizes[symbol] == nil, self.missingInstruments[symbol, default: 0] >= Self.failuresBeforeAlert - 1
        else { return }
        for key in self.slots.keys.filter({ $0.symbol == symbol }) {
            let text =
                "the exchange does not tell its tick size (is it still traded?): no stop is set and nothing is closed; "
                + "it is asked for again"
            self.alert(Self.unknownInstrument, .critical, .opened, key, text)
        }
    }

    mutating func resolveInstrument(_ key: PositionKey) {
        self.alert(Self.unknownInstrument, .critical, .resolved, key, "the tick size is known")
    }

    static let unknownInstrument = "instrument_unknown"
    static let unresolvedAction = "action_unresolved"

    /// Opens an alert once, again if it has become critical, and resolves one that is open. Its readers tell it by its
    /// symbol, so two legs have one.
    private mutating func alert(
        _ code: String,
        _ severity: PipelineEvent.Alert.Severity,
        _ state: PipelineEvent.Alert.State,
        _ key: PositionKey,
        _ text: String
    ) {
        let name = "\(code) \(key.symbol)"
        var open = self.openAlerts[name] ?? [:]
        let before = open.values.contains { $0 == .critical } ? Severity.critical : open.isEmpty ? nil : .warning
        switch state {
        case .opened: if open[key.positionIndex] != .critical { open[key.positionIndex] = severity }
        case .resolved: open[key.positionIndex] = nil
        }
        self.openAlerts[name] = open.isEmpty ? nil : open
        switch state {
        case .opened:
            if before == .critical || before == severity { return }
            if before != nil { self.tellAlert(code, .warning, .resolved, key, "it has become critical") }
        case .resolved:
            if before == nil || !open.isEmpty { return }
        }
        self.tellAlert(code, before == .critical && state == .resolved ? .critical : severity, state, key, text)
    }

    private typealias Severity = PipelineEvent.Alert.Severity

    private mutating func tellAlert(
        _ code: String,
        _ severity: PipelineEvent.Alert.Severity,
        _ state: PipelineEvent.Alert.State,
        _ key: PositionKey,
        _ text: String
    ) {
        let leg = key.positionIndex == 0 ? "" : " (leg \(key.positionIndex))"
        self.effects.append(
            .tell(
                .alert(
                    PipelineEvent.Alert(
                        code: code,
                        severity: severity,
                        state: state,
                        symbol: key.symbol,
                        text: "\(key.symbol)\(leg): \(text)"
                    )
                )
            )
        )
    }
}

public import HybridStream

/// What happens to an action between the decision and the exchange's certain word.
extension AccountDesk {
    /// The action is in the journal, on disk.
    public mutating func journalled(_ id: String, at time: DeskTime) {
        guard var flight = self.flights[id], flight.phase == .journalling else { return }
        self.effects.append(.tell(flight.action.event(.journalled, code: nil, text: "")))
        guard let slot = self.slot(of: flight.action) else {
            return self.conclude(flight, .rejected, "not sent: the position was closed meanwhile", nil, time)
        }
        // A stop that was accepted and is not shown yet may be better than the one that was decided without it.
        let isInDoubt = !flight.action.intent.isClosing && self.legs[slot]?.unconfirmed.isEmpty == false
        if self.isListening, !isInDoubt {
            self.send(&flight)
        } else {
            self.verify(&flight, time)
        }
    }

    /// The action could not be written into the journal: it is not carried out.
    public mutating func journalFailed(_ id: String, reason: String, at time: DeskTime) {
        guard let flight = self.flights[id], flight.phase == .journalling else { return }
        self.conclude(
            flight,
            .rejected,
            "not sent: the journal cannot be written: \(reason)",
            .refused(isRateLimit: false),
            time
        )
    }

    /// The exchange has answered, or nothing more is to be expected of it.
    public mutating func answered(_ id: String, _ answer: ActionAnswer, at time: DeskTime) {
        guard var flight = self.flights[id], flight.phase == .sent else { return }
        flight.code = answer.code
        flight.text = answer.text
        flight.wasAnswered = true
        flight.isRateLimited = false
        switch answer.kind {
        case .accepted:
            self.accepted(&flight, time)
        case .unchanged:
            self.lookUp(&flight)
        case .duplicate:
            flight.isKnown = true
            self.lookUp(&flight)
        case .flat:
            self.effects.append(.sweep)
            guard flight.action.intent.isClosing else {
                return self.conclude(flight, .rejected, "there is no position", .refused(isRateLimit: false), time)
            }
            guard self.slot(of: flight.action) != nil else {
                return self.conclude(flight, .done, "there was nothing left to close", nil, time)
            }
            // The row that tells of the close is on its way, or the exchange is wrong.
            flight.phase = .ended(.zero)
            flight.deadline = time.uptime + Flight.flatPatience
            self.flights[id] = flight
        case .ambiguous(let wasAnswered, let isRateLimit):
            flight.wasAnswered = wasAnswered
            flight.isRateLimited = isRateLimit
            self.doubt(&flight)
            self.lookUp(&flight)
        case .refused where flight.wasDoubted && flight.action.intent.isClosing,
            .impossible where flight.wasDoubted && flight.action.intent.isClosing:
            // That is said of this sending; a former one may have acted.
            self.lookUp(&flight)
        case .refused(let isRateLimit):
            self.conclude(flight, .rejected, answer.text, .refused(isRateLimit: isRateLimit), time)
        case .impossible:
            self.conclude(flight, .rejected, answer.text, .impossible, time)
        }
    }

    /// A look at the exchange has found something, or failed.
    public mutating func found(_ id: String, _ finding: ActionFinding, at time: DeskTime) {
        guard var flight = self.flights[id] else { return }
        if flight.phase == .verifying { return self.verified(flight, finding, time) }
        guard flight.phase == .lookingUp else { return }
        switch finding {
        case .failed(let text):
            flight.text = text
            self.judgeLookUps(flight, text)
            self.lookLater(&flight, time)
        case .orderIsOpen:
            self.markAccepted(&flight, time)
            self.lookLater(&flight, time)
        case .orderEnded(let executed, let reason):
            self.markAccepted(&flight, time)
            self.orderEnded(flight, executed, reason, time)
        case .noOrder:
            self.orderMissing(flight, time)
        case .position(let row):
            self.rowFound(flight, row, time)
        }
    }

    /// Time has passed. To be called when ``nextDeadline`` is reached.
    public mutating func timeReached(at time: DeskTime) {
        let due = self.flights.values.filter { $0.deadline.map { $0 <= time.uptime } ?? false }
        for var flight in due.sorted(by: { $0.action.id < $1.action.id }) {
            flight.deadline = nil
            switch flight.phase {
            case .beforeLookUp, .accepted:
                self.lookUp(&flight)
            case .beforeResend:
                if self.slot(of: flight.action) == nil {
                    self.conclude(flight, .rejected, "not sent again: the position is closed", nil, time)
                } else {
                    self.verify(&flight, time)
                }
            case .ended(let executed):
                self.leftOver(flight, executed, time)
            case .journalling, .sent, .lookingUp, .verifying:
                self.flights[flight.action.id] = flight
            }
        }
        self.expireStops(at: time)
        self.judgeProtection(at: time)
    }

    /// When ``timeReached(at:)`` is to be called; nil if nothing waits.
    public var nextDeadline: Uptime? {
        let flights = self.flights.values.compactMap(\.deadline).min()
        return [flights, self.nextProtectionDeadline, self.nextStopExpiry].compactMap(\.self).min()
    }

    // MARK: Steps

    /// Where the action's holding is; nil once it is over.
    func slot(of action: Action) -> Int? {
        guard let slot = self.slots[action.opening.key], self.legs[slot]?.opening == action.opening else { return nil }
        return slot
    }

    private mutating func send(_ flight: inout Flight) {
        flight.phase = .sent
        flight.sendings += 1
        flight.deadline = nil
        self.flights[flight.action.id] = flight
        self.effects.append(.send(flight.action))
    }

    private mutating func lookUp(_ flight: inout Flight) {
        flight.phase = .lookingUp
        flight.looks += 1
        flight.deadline = nil
        self.flights[flight.action.id] = flight
        self.effects.append(flight.action.intent.isClosing ? .findOrder(flight.action) : .findPosition(flight.action))
    }

    private mutating func lookLater(_ flight: inout Flight, _ time: DeskTime) {
        flight.phase = .beforeLookUp
        flight.deadline = time.uptime + Flight.pause(flight.looks)
        self.flights[flight.action.id] = flight
    }

    private mutating func resendLater(_ flight: Flight, _ time: DeskTime) {
        var flight = flight
        flight.phase = .beforeResend
        flight.deadline = time.uptime + Flight.pause(max(flight.sendings, flight.verifications))
        self.flights[flight.action.id] = flight
    }

    private mutating func verify(_ flight: inout Flight, _ time: DeskTime) {
        flight.phase = .verifying
        flight.verifications += 1
        flight.verifying = time.uptime
        flight.deadline = nil
        self.flights[flight.action.id] = flight
        self.effects.append(.findPosition(flight.action))
    }

    /// Tells once that nobody knows.
    private mutating func doubt(_ flight: inout Flight) {
        if flight.wasDoubted { return }
        flight.wasDoubted = true
        self.report(flight.action, .unknown, code: flight.code, text: flight.text)
    }

    private mutating func report(
        _ action: Action,
        _ outcome: PipelineEvent.Action.Outcome,
        code: Int?,
        text: String,
        refusal: PipelineEvent.Action.Refusal? = nil
    ) {
        self.effects.append(.note(action, outcome, code: code, text: text))
        self.effects.append(.tell(action.event(outcome, code: code, text: text, refusal: refusal)))
    }

    /// The end of an action.
    mutating func conclude(
        _ flight: Flight,
        _ outcome: PipelineEvent.Action.Outcome,
        _ text: String,
        _ told: IntentOutcome?,
        _ time: DeskTime
    ) {
        let action = flight.action
        self.flights[action.id] = nil
        self.resolveLookUps(action)
        let refusal = outcome == .rejected ? told.flatMap { PipelineEvent.Action.Refusal($0) } : nil
        self.report(action, outcome, code: flight.code, text: text, refusal: refusal)
        guard let slot = self.slot(of: action) else { return }
        if self.legs[slot]?.closeFlight == action.id { self.legs[slot]?.closeFlight = nil }
        if self.legs[slot]?.stopFlight == action.id { self.legs[slot]?.stopFlight = nil }
        // Of a close that was accepted the consumer knows already.
        if let told, told != .accepted || flight.accepted == nil { self.settle(action, told, slot, time) }
        self.wake(slot)
    }

    /// The client may have heard nothing for a while: a request must not meet another position than the one it was meant for.
    private mutating func verified(_ flight: Flight, _ finding: ActionFinding, _ time: DeskTime) {
        var flight = flight
        guard case .position(let row) = finding, time.uptime - flight.verifying < Flight.verificationPatience else {
            if flight.verifications < Flight.mostVerifications { return self.resendLater(flight, time) }
            let reason = if case .failed(let text) = finding { text } else { "its answers are late" }
            let text = "not sent: the exchange does not show whether the position is still the same: \(reason)"
            return self.conclude(flight, .rejected, text, .refused(isRateLimit: false), time)
        }
        if flight.action.isShown(by: row) { return self.stopAccepted(flight, time) }
        guard flight.action.opening.covers(row), self.slot(of: flight.action) != nil else {
            self.effects.append(.sweep)
            let text = "not sent: the position is closed"
            return self.conclude(flight, .rejected, text, .refused(isRateLimit: false), time)
        }
        if flight.action.isSuperseded(by: row) {
            self.effects.append(.sweep)
            let text = "not sent: another stop stands by now"
            return self.conclude(flight, .rejected, text, .refused(isRateLimit: false), time)
        }
        flight.verifications = 0
        self.send(&flight)
    }

    // MARK: Closing

    private mutating func accepted(_ flight: inout Flight, _ time: DeskTime) {
        guard flight.action.intent.isClosing else { return self.stopAccepted(flight, time) }
        self.markAccepted(&flight, time)
        flight.phase = .accepted
        flight.deadline = time.uptime + Flight.patience
        self.flights[flight.action.id] = flight
        if self.slot(of: flight.action) == nil { self.lookUp(&flight) }
    }

    mutating func markAccepted(_ flight: inout Flight, _ time: DeskTime) {
        guard flight.accepted == nil else { return }
        flight.accepted = time.uptime
        self.report(flight.action, .accepted, code: flight.wasAnswered ? flight.code : nil, text: "")
        if let slot = self.slot(of: flight.action) { self.settle(flight.action, .accepted, slot, time) }
    }

    private mutating func orderEnded(_ flight: Flight, _ executed: FixedPoint, _ reason: String, _ time: DeskTime) {
        var flight = flight
        guard self.slot(of: flight.action) != nil else {
            if executed.isZero {
                return self.conclude(flight, .rejected, "closed nothing (\(reason)): the position was gone", nil, time)
            }
            return self.conclude(flight, .done, "\(executed) closed", nil, time)
        }
        // The row follows the fill, mostly at once. A sweep finds what the stream does not tell.
        self.effects.append(.sweep)
        flight.phase = .ended(executed)
        flight.text = reason
        let isWhole = executed >= flight.action.size
        flight.deadline = time.uptime + (isWhole ? Flight.rowPatience : Flight.pause(2))
        self.flights[flight.action.id] = flight
    }

    /// The order is at its end, and the position is still there.
    private mutating func leftOver(_ flight: Flight, _ executed: FixedPoint, _ time: DeskTime) {
        guard executed.isZero else {
            return self.conclude(flight, .done, "\(executed) closed, something is left", .leftover, time)
        }
        let text = flight.text.isEmpty ? "it closed nothing" : "it closed nothing: \(flight.text)"
        // A limit order may find no taker. When a market order finds none, or the exchange sees no position where there is
        // one, something is wrong, and the consumer has to slow down.
        let isLimit = if case .closePosition(.limit) = flight.action.intent { true } else { false }
        var flight = flight
        flight.accepted = nil
        self.conclude(flight, .rejected, text, isLimit ? .leftover : .refused(isRateLimit: false), time)
    }

    private mutating func orderMissing(_ flight: Flight, _ time: DeskTime) {
        var flight = flight
        if let until = flight.inheritedUntil {
            if time.uptime < until {
                flight.phase = .beforeLookUp
                flight.deadline = until
                self.flights[flight.action.id] = flight
                return
            }
            return self.conclude(
                flight,
                .rejected,
                "not sent before the process ended",
                .refused(isRateLimit: false),
                time
            )
        }
        if self.slot(of: flight.action) == nil {
            return self.conclude(flight, .rejected, "the exchange has no such order; the position is closed", nil, time)
        }
        if flight.isRateLimited, flight.wasAnswered {
            return self.conclude(flight, .rejected, flight.text, .refused(isRateLimit: true), time)
        }
        if flight.accepted != nil || flight.isKnown {
            // It is there: the exchange's listings lag behind.
            if flight.looks < 2 * Flight.mostSendings { return self.lookLater(&flight, time) }
            return self.conclude(flight, .unknown, "the exchange does not show the order", .leftover, time)
        }
        if flight.sendings < Flight.mostSendings { return self.resendLater(flight, time) }
        self.conclude(
            flight,
            .rejected,
            "has not reached the exchange in \(flight.sendings) attempts: \(flight.text)",
            .refused(isRateLimit: false),
            time
        )
    }

    // MARK: Stops

    mutating func stopAccepted(_ flight: Flight, _ time: DeskTime) {
        let action = flight.action
        self.flights[action.id] = nil
        self.resolveLookUps(action)
        self.report(action, .accepted, code: flight.code, text: flight.text)
        guard let slot = self.slot(of: action) else {
            self.effects.append(.note(action, .done, code: flight.code, text: "the position is closed"))
            return
        }
        if self.legs[slot]?.stopFlight == action.id { self.legs[slot]?.stopFlight = nil }
        self.legs[slot]?.unconfirmed.append(action)
        self.settle(action, .accepted, slot, time)
        self.confirmStops(slot, at: time)
        self.judgeProtection(slot, at: time)
    }

    private mutating func rowFound(_ flight: Flight, _ row: Position, _ time: DeskTime) {
        let action = flight.action
        guard action.opening.covers(row) else {
            if self.slot(of: action) != nil { self.effects.append(.sweep) }
            return self.conclude(flight, .rejected, "the position is closed", .refused(isRateLimit: false), time)
        }
        if action.isShown(by: row) { return self.stopAccepted(flight, time) }
        if flight.inheritedUntil != nil {
            return self.conclude(
                flight,
                .rejected,
                "the stop was not set before the process ended",
                .refused(isRateLimit: false),
                time
            )
        }
        if flight.wasAnswered {
            let text = flight.text.isEmpty ? "the row does not show it" : flight.text
            return self.conclude(flight, .rejected, text, .refused(isRateLimit: flight.isRateLimited), time)
        }
        if flight.sendings < Flight.mostSendings, self.slot(of: action) != nil {
            return self.resendLater(flight, time)
        }
        self.conclude(
            flight,
            .rejected,
            "has not reached the exchange in \(flight.sendings) attempts: \(flight.text)",
            .refused(isRateLimit: false),
            time
        )
    }

    /// A row may show that accepted stops stand, or that they do not.
    mutating func confirmStops(_ slot: Int, at time: DeskTime) {
        guard var leg = self.legs[slot], !self.settings.isDryRun else { return }
        if let accepted = leg.acceptedStop {
            let shown = Leg.price(leg.position.stopLoss)
            if shown == accepted || self.clock > leg.acceptedUntil { leg.acceptedStop = nil }
        }
        guard !leg.unconfirmed.isEmpty else {
            self.legs[slot] = leg
            return
        }
        let position = leg.position
        // What came before the one that is shown has been replaced by it.
        if let index = leg.unconfirmed.lastIndex(where: { $0.isShown(by: position) }) {
            for action in leg.unconfirmed[...index] {
                let isShown = action.isShown(by: position)
                self.report(action, .done, code: nil, text: isShown ? "" : "replaced by a later stop")
            }
            leg.unconfirmed.removeSubrange(...index)
        }
        self.legs[slot] = leg
    }

    /// The position is closed: what is still under way goes on alone, to its true end.
    mutating func endFlights(of leg: Leg, at time: DeskTime) {
        let own = self.flights.values.filter { $0.action.opening == leg.opening }
        for var flight in own.sorted(by: { $0.action.id < $1.action.id }) {
            switch flight.phase {
            case .journalling, .sent, .lookingUp, .beforeLookUp, .verifying: break
            case .accepted: self.lookUp(&flight)
            case .ended(let executed):
                let text = executed.isZero ? "there was nothing left to close" : "\(executed) closed"
                self.conclude(flight, .done, text, nil, time)
            case .beforeResend: self.conclude(flight, .rejected, "not sent again: the position is closed", nil, time)
            }
        }
    }
}

extension AccountDesk {
    /// Looks for stops that were accepted so long ago that a row should show them.
    mutating func expireStops(at time: DeskTime) {
        guard !self.settings.isDryRun else { return }
        for slot in self.legs.indices {
            guard let leg = self.legs[slot], leg.acceptedStop != nil, leg.countsUntil > .distantPast,
                leg.countsUntil <= time.uptime
            else { continue }
            self.legs[slot]?.countsUntil = .distantPast
            self.effects.append(.sweep)
        }
    }

    var nextStopExpiry: Uptime? {
        guard !self.settings.isDryRun else { return nil }
        return self.legs.lazy.compactMap { leg -> Uptime? in
            guard let leg, leg.acceptedStop != nil, leg.countsUntil > .distantPast else { return nil }
            return leg.countsUntil
        }.min()
    }
}

extension Action {
    /// Whether a stop stands that this one must not replace: a better one, or for whoever only wants that there is one, any.
    func isSuperseded(by row: Position) -> Bool {
        guard case .setStop(let price, _) = self.intent, let standing = Leg.price(row.stopLoss) else { return false }
        if self.seat == .positionManager { return true }
        return self.opening.side == .buy ? standing >= price : standing <= price
    }

    /// Whether the stop that was asked for stands.
    func isShown(by row: Position) -> Bool {
        switch self.intent {
        case .setStop(let price, _): Leg.price(row.stopLoss) == price
        case .setTrailingStop(let distance, _, _): Leg.price(row.trailingStop) == distance
        case .closePosition: false
        }
    }
}

import HybridStream

/// What a recording tells of the actions of a live run takes the place of the journal and the exchange.
extension AccountDesk {
    /// Takes over what became of an action.
    /// - Parameter refusal: of a rejected one: when its consumer may ask again.
    mutating func follow(
        _ id: String,
        _ outcome: PipelineEvent.Action.Outcome,
        _ refusal: PipelineEvent.Action.Refusal?,
        at time: DeskTime
    ) {
        guard var flight = self.flights[id] else { return }
        let wasAccepted = flight.accepted != nil
        switch outcome {
        case .journalled:
            self.journalled(id, at: time)
        case .accepted where flight.action.intent.isClosing:
            self.markAccepted(&flight, time)
            flight.phase = .accepted
            self.flights[id] = flight
        case .accepted:
            self.stopAccepted(flight, time)
        case .done:
            self.conclude(flight, .done, "", wasAccepted ? .leftover : .accepted, time)
        case .rejected:
            // Of an accepted order that closed nothing a refusal is told only if it was a market order.
            flight.accepted = nil
            let told = refusal?.outcome ?? (wasAccepted ? .leftover : .refused(isRateLimit: false))
            self.conclude(flight, .rejected, "", told, time)
        case .unknown where wasAccepted || flight.wasDoubted:
            self.conclude(flight, .unknown, "", .leftover, time)
        case .unknown:
            flight.wasDoubted = true
            self.flights[id] = flight
        }
    }

    /// The desk of the process that comes after the one that ended here, knowing what the store would.
    /// - Parameters:
    ///   - failures: gets what could not be taken over, and begins anew.
    ///   - lost: actions that were decided last and had not come into the journal.
    ///   - unfinished: those in the journal whose end it does not have.
    func restarted(
        isDryRun: Bool,
        at time: DeskTime,
        failures: inout [String],
        lost: [Action],
        unfinished: [Action]
    ) -> AccountDesk {
        var before = self
        for action in lost {
            if let slot = self.slot(of: action) { before.legs[slot]?.attempts[action.seat] -= 1 }
        }
        var settings = self.settings
        settings.isDryRun = isDryRun
        var desk = AccountDesk(settings)
        desk.restored = self.restored
        do {
            let held = Set(self.slots.keys).union(self.restored.keys)
            try desk.restore(before.allStates, held: held, unfinished: unfinished, at: time)
        } catch {
            failures.append("\(error)")
        }
        return desk
    }

    /// What the store would have of the holdings there are.
    private var allStates: [RememberedState] {
        self.legs.flatMap { leg in
            leg.map { leg in self.settings.seats.compactMap { self.state(of: $0, leg) } } ?? []
        }
    }

    /// Actions that were decided and of which nobody knows whether they came into the journal.
    var actionsBeingWritten: [Action] { self.flights.values.filter { $0.phase == .journalling }.map(\.action) }
}

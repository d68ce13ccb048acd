public import HybridStream

/// What the store remembers of one holding.
public struct RestoredLeg: Sendable {
    public var opening: Opening
    var managed: PositionManager.Memory?
    var trailing: TrailingStop.Memory?
    var aged: AgedMonitor.Memory?
    var attempts = PerSeat(0)

    public init(_ opening: Opening) { self.opening = opening }

    mutating func remember(_ state: RememberedState) throws {
        switch state.seat {
        case .positionManager: self.managed = try StateText.decode(state.state)
        case .trailingStop: self.trailing = try StateText.decode(state.state)
        case .agedMonitor:
            self.aged = try StateText.decode(state.state)
            // What was impossible for the former process may be possible by now; the operator has been told, and acted.
            self.aged?.isGivenUp = false
        }
    }

    func leg(_ position: Position) -> Leg {
        var leg = Leg(opening: self.opening, position: position)
        leg.managed = self.managed
        leg.trailing = self.trailing
        leg.aged = self.aged
        leg.attempts = self.attempts
        return leg
    }
}

/// What one consumer remembers of one holding, as the store keeps it.
public struct RememberedState: Sendable, Equatable {
    public var opening: Opening
    public var seat: ConsumerSeat
    /// JSON.
    public var state: String
    public var attempts: Int
    /// What it remembers as done was never done.
    public var isDryRun: Bool

    public init(opening: Opening, seat: ConsumerSeat, state: String, attempts: Int, isDryRun: Bool) {
        self.opening = opening
        self.seat = seat
        self.state = state
        self.attempts = attempts
        self.isDryRun = isDryRun
    }
}

extension AccountDesk {
    /// Takes over what a former process has left. To be called before the first event.
    /// - Parameters:
    ///   - states: what its consumers remembered.
    ///   - held: the legs that were open when it ended. What is remembered of others belongs to a holding that has ended.
    ///   - unfinished: actions whose end is not known. They are looked up before anything else.
    /// - Throws: ``ConsumerError`` for a state that cannot be read; the others are taken over all the same.
    public mutating func restore(
        _ states: [RememberedState],
        held: Set<PositionKey>,
        unfinished: [Action],
        at time: DeskTime
    ) throws(ConsumerError) {
        var unreadable: [String] = []
        for state in states {
            guard held.contains(state.opening.key) else {
                self.effects.append(.forget(state.opening))
                continue
            }
            var leg = self.restored[state.opening.key] ?? RestoredLeg(state.opening)
            if leg.opening != state.opening { leg = RestoredLeg(state.opening) }
            leg.attempts[state.seat] = state.attempts
            do {
                // What a dry run remembers as done was never done: only the holding is the same.
                if state.isDryRun == self.settings.isDryRun { try leg.remember(state) }
            } catch {
                unreadable.append("\(state.seat.name) at \(state.opening.key): \(error)")
            }
            self.restored[state.opening.key] = leg
        }
        for action in unfinished {
            var flight = Flight(action, phase: .lookingUp)
            flight.looks = 1
            flight.inheritedUntil = time.uptime + Flight.inheritance
            flight.text = "left by a process that ended"
            self.flights[action.id] = flight
            // Its id must not be given to another one.
            var leg = self.restored[action.opening.key] ?? RestoredLeg(action.opening)
            if leg.opening == action.opening {
                leg.attempts[action.seat] = max(leg.attempts[action.seat], action.attempt)
                self.restored[action.opening.key] = leg
            }
            self.effects.append(action.intent.isClosing ? .findOrder(action) : .findPosition(action))
        }
        if !unreadable.isEmpty {
            throw ConsumerError(
                "states in the store cannot be read, and begin anew: \(unreadable.joined(separator: "; "))"
            )
        }
    }

    /// What the store has to know of the holding of an action, together with it.
    public func states(for action: Action) -> [RememberedState] {
        guard let slot = self.slot(of: action), let leg = self.legs[slot] else { return [] }
        return self.settings.seats.compactMap { self.state(of: $0, leg) }
    }

    var owesStates: Bool { self.legs.contains { $0?.isDirty == true } }

    /// What has changed since the last call and is worth keeping: peaks and phases.
    public mutating func takeDirtyStates() -> [RememberedState] {
        var states: [RememberedState] = []
        for slot in self.legs.indices {
            guard let leg = self.legs[slot], leg.isDirty else { continue }
            self.legs[slot]?.isDirty = false
            states += self.settings.seats.compactMap { self.state(of: $0, leg) }
        }
        return states
    }

    /// Nil for a consumer that remembers nothing of it.
    func state(of seat: ConsumerSeat, _ leg: Leg) -> RememberedState? {
        let text: String?
        switch seat {
        case .positionManager: text = leg.managed.map { StateText.encode($0) }
        case .trailingStop: text = leg.trailing.map { StateText.encode($0) }
        case .agedMonitor: text = leg.aged.map { StateText.encode($0) }
        }
        guard let text else { return nil }
        return RememberedState(
            opening: leg.opening,
            seat: seat,
            state: text,
            attempts: leg.attempts[seat],
            isDryRun: self.settings.isDryRun
        )
    }
}

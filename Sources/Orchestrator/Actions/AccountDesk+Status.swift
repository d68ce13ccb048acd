public import HybridStream

/// What `status` shows of a position's consumers.
public struct DeskReport: Sendable, Equatable {
    public var opening: Opening
    /// It has had no stop for longer than it may; nil if nobody watches that.
    public var isUnprotected: Bool?
    public var trailing: Trailing?
    public var aged: Aged?

    public struct Trailing: Sendable, Equatable {
        /// `waiting`, `active` or `triggered`.
        public var state: String
        public var peak: FixedPoint?
        public var stop: FixedPoint?
    }

    public struct Aged: Sendable, Equatable {
        /// `fresh`, `grace` or `progressive`.
        public var phase: String
        public var ageMilliseconds: Int64
    }
}

extension AccountDesk {
    /// What the consumers make of a position; nil if they have not seen it.
    public func report(_ key: PositionKey, at time: DeskTime) -> DeskReport? {
        guard let slot = self.slots[key], let leg = self.legs[slot] else { return nil }
        var report = DeskReport(
            opening: leg.opening,
            isUnprotected: self.settings.positionManager == nil ? nil : leg.isUnprotected
        )
        if let trailing = leg.trailing {
            report.trailing = DeskReport.Trailing(
                state: trailing.state.rawValue,
                peak: trailing.peak,
                stop: leg.standingStop
            )
        }
        if let monitor = self.settings.agedMonitor {
            let now = self.clock + max(0, (time.uptime - self.clockUptime).milliseconds)
            let age = max(0, now - leg.opening.began)
            report.aged = DeskReport.Aged(phase: monitor.phase(age: age).rawValue, ageMilliseconds: age)
        }
        return report
    }

    /// An answer of the journal or of the exchange is awaited.
    var awaitsAnswers: Bool {
        self.flights.values.contains { flight in
            switch flight.phase {
            case .journalling, .sent, .lookingUp, .verifying: true
            case .beforeLookUp, .beforeResend, .accepted, .ended: false
            }
        }
    }

    /// Actions under way: what a drain has to wait for.
    public var actionsUnderWay: [Action] {
        self.flights.values.map(\.action).sorted { $0.id < $1.id }
    }
}

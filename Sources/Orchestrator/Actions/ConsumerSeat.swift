/// The place of a built-in consumer in the pipeline of an account; they are called in this order.
public enum ConsumerSeat: Int, Sendable, CaseIterable {
    case positionManager, trailingStop, agedMonitor

    /// As in the configuration, the events and the journal.
    public var name: String {
        switch self {
        case .positionManager: PositionManager.name
        case .trailingStop: TrailingStop.name
        case .agedMonitor: AgedMonitor.name
        }
    }

    public init?(name: String) {
        guard let seat = ConsumerSeat.allCases.first(where: { $0.name == name }) else { return nil }
        self = seat
    }

    /// Stands for the consumer in an `orderLinkId`.
    var letter: Character {
        switch self {
        case .positionManager: "p"
        case .trailingStop: "t"
        case .agedMonitor: "a"
        }
    }
}

/// One value for each seat.
struct PerSeat<Value> {
    var positionManager: Value
    var trailingStop: Value
    var agedMonitor: Value

    init(_ value: Value) {
        self.positionManager = value
        self.trailingStop = value
        self.agedMonitor = value
    }

    @inline(__always)
    subscript(seat: ConsumerSeat) -> Value {
        get {
            switch seat {
            case .positionManager: self.positionManager
            case .trailingStop: self.trailingStop
            case .agedMonitor: self.agedMonitor
            }
        }
        _modify {
            switch seat {
            case .positionManager: yield &self.positionManager
            case .trailingStop: yield &self.trailingStop
            case .agedMonitor: yield &self.agedMonitor
            }
        }
    }
}

extension PerSeat: Sendable where Value: Sendable {}
extension PerSeat: Equatable where Value: Equatable {}

public import HybridStream

/// What the ``AccountDesk`` wants done.
public enum DeskEffect: Sendable {
    /// Writes the action and the state of its consumer into the journal, durably, and then says
    /// ``AccountDesk/journalled(_:at:)``; nothing is sent before.
    case journal(Action)
    /// Notes in the journal what became of an action.
    case note(Action, PipelineEvent.Action.Outcome, code: Int?, text: String)
    /// Sends the action to the exchange.
    case send(Action)
    /// Asks the exchange for the order of this action.
    case findOrder(Action)
    /// Asks the exchange for the row of this action's position.
    case findPosition(Action)
    case tell(PipelineEvent)
    /// Something does not fit: a sweep shall tell what the account holds.
    case sweep
    /// The instrument's rules are needed.
    case needInstrument(String)
    /// The holding is over: what was remembered of it goes.
    case forget(Opening)
    /// In a dry run: the position would be closed by now, at the stop that would stand, or (nil) at the mark.
    case virtualExit(Opening, price: FixedPoint?, seat: ConsumerSeat)
}

/// Now, by both clocks.
public struct DeskTime: Sendable, Equatable {
    /// Milliseconds since 1970 by the exchange's clock, as far as this host knows it. Bounds what events say; nothing is
    /// decided by it.
    public var wall: Int64
    /// What waits by.
    public var uptime: Uptime

    public init(wall: Int64, uptime: Uptime) {
        self.wall = wall
        self.uptime = uptime
    }
}

public import HybridStream

/// A consumer built into the account's pipeline. Called on the account's loop, for every event, in order.
public protocol PositionConsumer: AnyObject {
    /// As in the configuration: `trailing_stop` …
    var name: String { get }

    /// Takes an event. `n` is its number. An error is reported and counted; the other consumers still get the event.
    func handle(_ update: PositionUpdate, n: Int64) throws
}

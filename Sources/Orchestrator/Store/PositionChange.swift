public import HybridStream

/// A change of the stored position book.
public enum PositionChange: Sendable {
    /// The position as it is now.
    case upsert(Position)
    /// The position is gone.
    case close(PositionKey)

    public var key: PositionKey {
        switch self {
        case .upsert(let position): position.key
        case .close(let key): key
        }
    }
}

/// Where changes of the position book go: the store, or what stands in for it in a simulation.
package protocol PositionRecorder: AnyObject, Sendable {
    /// Notes changes of an account's positions, together with the event that tells of them, without blocking. To be called
    /// before the event is handed to anybody.
    func record(account: String, changes: [PositionChange], told event: ToldEvent?)
}

extension Store: PositionRecorder {}

/// A lifecycle event that readers get. The store keeps it until it stands in every file, so that a process that dies in
/// between can still deliver it.
public struct ToldEvent: Sendable, Equatable {
    public let n: Int64
    /// The line as readers get it, with its end.
    public let line: [UInt8]

    public init(n: Int64, line: [UInt8]) {
        self.n = n
        self.line = line
    }
}

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
    /// Notes changes of an account's positions without blocking.
    func record(account: String, changes: [PositionChange])
}

extension Store: PositionRecorder {}

/// What the store knows of an account.
public struct StoredAccount: Sendable {
    public let account: String
    /// The open positions, in the order of their keys.
    public let positions: [Position]
    /// The numbers to go on with. Never used before, also not before a crash.
    public let numbers: NumberLease

    /// The first number to use.
    public var nextN: Int64 { self.numbers.first }

    public init(account: String, positions: [Position], numbers: NumberLease) {
        self.account = account
        self.positions = positions
        self.numbers = numbers
    }
}

public import HybridStream

/// What the store knows of an account.
public struct StoredAccount: Sendable {
    public let account: String
    /// The open positions, in the order of their keys.
    public let positions: [Position]
    /// The numbers to go on with. Never used before, also not before a crash.
    public let numbers: NumberLease
    /// Events from before a crash that need not have reached every file.
    public let told: [ToldEvent]
    /// What the consumers remember, in the order of their keys.
    public let states: [ConsumerStateRecord]
    /// Actions whose end is not known, in the order in which they were journalled.
    public let unfinished: [ActionRecord]

    /// The first number to use.
    public var nextN: Int64 { self.numbers.first }

    public init(
        account: String,
        positions: [Position],
        numbers: NumberLease,
        told: [ToldEvent] = [],
        states: [ConsumerStateRecord] = [],
        unfinished: [ActionRecord] = []
    ) {
        self.account = account
        self.positions = positions
        self.numbers = numbers
        self.told = told
        self.states = states
        self.unfinished = unfinished
    }
}

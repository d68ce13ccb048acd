/// Which revisions somebody wants to see.
public struct RevisionsRequest: Sendable, Equatable {
    /// Only those that concern one of these accounts; empty means all.
    public var accounts: [String]
    /// Only those made at or after this instant, in milliseconds since 1970.
    public var sinceMilliseconds: Int64?
    /// At most so many of the newest.
    public var limit: Int
    /// Only this one.
    public var number: Int?

    public init(accounts: [String] = [], sinceMilliseconds: Int64? = nil, limit: Int, number: Int? = nil) {
        self.accounts = accounts
        self.sinceMilliseconds = sinceMilliseconds
        self.limit = limit
        self.number = number
    }
}

/// One change of what runs: an applied file, or an override. Kept in the store for ever.
public struct Revision: Sendable, Equatable, Codable {
    public enum Kind: String, Sendable, Codable, CaseIterable {
        /// `start` with a file that differs from the last one applied, or the very first start.
        case start
        case apply
        case enable, disable, promote, rollback, drain, resume
        /// The daemon itself took an account back to `rest`.
        case automaticRollback = "auto-rollback"
    }

    /// Counts up from 1 without holes.
    public var number: Int
    /// Milliseconds since 1970.
    public var time: Int64
    public var kind: Kind
    public var caller: Caller
    /// Of the caller (`--reason`), or why the daemon did it. May be empty.
    public var reason: String
    /// What it was about; of a file only those that it changed.
    public var accounts: [String]
    /// One line per changed key, without secrets: `sub-001: mode: rest -> canary`.
    public var diff: [String]
    /// The file it came from, absolute; nil for an override.
    public var file: String?

    public init(
        number: Int,
        time: Int64,
        kind: Kind,
        caller: Caller,
        reason: String,
        accounts: [String],
        diff: [String],
        file: String?
    ) {
        self.number = number
        self.time = time
        self.kind = kind
        self.caller = caller
        self.reason = reason
        self.accounts = accounts
        self.diff = diff
        self.file = file
    }
}

/// A change that is to become a ``Revision``, with the overrides that it leaves behind.
public struct RevisionDraft: Sendable, Equatable {
    public var kind: Revision.Kind
    public var caller: Caller
    /// May be empty.
    public var reason: String
    /// Milliseconds since 1970.
    public var time: Int64
    /// What it is about.
    public var accounts: [String]
    /// One line per changed key, without secrets.
    public var diff: [String]
    /// The file it comes from, absolute; nil for an override.
    public var file: String?
    /// Of a file: all that it was read from, without secrets.
    public var sources: ConfigurationSources?
    /// By account, the override as it is from now on; nil ends it. Accounts that are not named keep theirs.
    public var overrides: [String: AccountOverride?]

    public init(
        kind: Revision.Kind,
        caller: Caller,
        reason: String,
        time: Int64,
        accounts: [String],
        diff: [String],
        file: String? = nil,
        sources: ConfigurationSources? = nil,
        overrides: [String: AccountOverride?] = [:]
    ) {
        self.kind = kind
        self.caller = caller
        self.reason = reason
        self.time = time
        self.accounts = accounts
        self.diff = diff
        self.file = file
        self.sources = sources
        self.overrides = overrides
    }
}

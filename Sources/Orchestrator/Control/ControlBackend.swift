public import NIOCore

/// What the control socket asks the running fleet.
public protocol ControlBackend: Sendable {
    /// A report of the moment. Accounts carry their own health; the server rolls the fleet's up and sorts.
    /// - Parameters:
    ///   - includePositions: false leaves positions out and fills `positionCounts`, which is all a table needs.
    ///   - accounts: only these; empty means all. Names that do not exist are left out.
    func statusReport(includePositions: Bool, accounts: [String]) async -> StatusReport

    /// Joins the merged event stream. The server cancels the subscription when the follower is gone.
    func follow(_ filter: FollowRequest) async -> any EventSubscription

    /// Every account of the file, disabled ones too.
    func accountNames() async -> [String]

    /// What consumers have asked for, from the journal.
    /// - Throws: why the journal cannot be read.
    func actions(_ request: ActionsRequest) async throws -> ActionHistory

    /// Changes what runs. Returns when all is done, or when the request's time is over: then what is still under way goes
    /// on. A time of 0 means: begin, and do not wait.
    /// - Parameters:
    ///   - request: one that has no ``ChangeRequest/problem``, and names only accounts that exist.
    ///   - caller: by the kernel's word.
    ///   - progress: called for each account when it has come through, from anywhere; the report has them all again.
    /// - Throws: why nothing was changed; a ``CodedError`` keeps its exit code on the way to the client.
    func change(
        _ request: ChangeRequest,
        by caller: Caller,
        progress: @escaping @Sendable (ChangeReport.Account) -> Void
    ) async throws -> ChangeReport

    /// What an `apply` of a file would do.
    /// - Parameter file: absolute; nil means the file that the instance was started with.
    /// - Throws: why there is no plan; ``InvalidConfiguration`` if the file cannot run.
    func plan(file: String?) async throws -> PlanDocument

    /// What was changed, when, by whom and why; in any order.
    /// - Throws: why the history cannot be read.
    func revisions(_ request: RevisionsRequest) async throws -> [Revision]
}

extension ControlBackend {
    public func accountNames() async -> [String] {
        await self.statusReport(includePositions: false, accounts: []).accounts.map(\.name)
    }
}

/// One follower's share of the event stream. What it has not read yet is bounded by the backend.
public protocol EventSubscription: Sendable {
    /// Some whole lines of JSON, each with its line feed; nil when the stream has ended or was cancelled.
    func next() async -> ByteBuffer?

    /// No more events are wanted: ``next()`` gives what waits, and then nil.
    func finish()

    /// Ends the stream: a waiting ``next()`` returns nil. May be called from anywhere, and more than once.
    func cancel()
}

/// Which events a follower wants. Empty lists mean all.
public struct FollowRequest: Sendable, Equatable {
    public var accounts: [String]
    public var symbols: [String]
    public var causes: [String]
    /// Also events of the hybrid stream that no consumer sees (mode `canary`).
    public var shadow: Bool
    /// Begin with the recorded events from this instant (milliseconds since 1970) on.
    public var sinceMilliseconds: Int64?
    /// Begin with so many recent recorded events.
    public var tail: Int?

    public init(
        accounts: [String] = [],
        symbols: [String] = [],
        causes: [String] = [],
        shadow: Bool = false,
        sinceMilliseconds: Int64? = nil,
        tail: Int? = nil
    ) {
        self.accounts = accounts
        self.symbols = symbols
        self.causes = causes
        self.shadow = shadow
        self.sinceMilliseconds = sinceMilliseconds
        self.tail = tail
    }
}

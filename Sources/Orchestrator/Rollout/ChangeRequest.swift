/// A command that changes what runs, as it goes over the control socket.
public struct ChangeRequest: Sendable, Equatable, Codable {
    public enum Command: String, Sendable, Codable, CaseIterable {
        case enable, disable, promote, rollback, drain, resume, apply
    }

    public var command: Command
    /// Names; empty with ``isForAll``, with a whole file, and with waves.
    public var accounts: [String] = []
    public var isForAll = false
    /// `rollback --to`, a mode.
    public var mode: Mode?
    /// `rollback --revision`: the whole file as it was.
    public var revision: Int?
    /// `promote --waves`.
    public var isInWaves = false
    /// `promote --force`: also past gates that do not hold.
    public var isForced = false
    public var reason = ""
    /// `apply`: absolute; nil means the file that the instance was started with.
    public var file: String?
    /// How long the answer may take; after it whatever is still under way goes on without the caller.
    public var timeoutMilliseconds: Int64 = 30_000

    public init(_ command: Command) {
        self.command = command
    }

    /// What it is about, for the log.
    var subject: String {
        if self.isInWaves { return "waves" }
        if let revision = self.revision { return "revision \(revision)" }
        if self.command == .apply { return self.file ?? "the file of the start" }
        return self.isForAll ? "all" : self.accounts.joined(separator: ",")
    }
}

/// What became of a ``ChangeRequest``.
public struct ChangeReport: Sendable, Equatable, Codable {
    public enum Outcome: String, Sendable, Codable {
        case done
        /// It was so already.
        case unchanged
        /// A gate does not hold, or the account is in no state for it.
        case refused
        /// It was tried and could not be: a mode that could not be changed is as it was before; what should run or be drained
        /// still should.
        case failed
        /// Still under way when the time was over.
        case timedOut = "timed_out"
    }

    public struct Account: Sendable, Equatable, Codable {
        public var name: String
        public var outcome: Outcome
        /// What it was: a mode, with its percent in `cutover` (`cutover 50`), or `disabled`, `drained`.
        public var from: String
        /// What it is now.
        public var to: String
        /// The revision that tells of it; nil if nothing was changed.
        public var revision: Int?
        /// Why, and what can be done; may be empty.
        public var text: String
        /// Of a `promote`: what was judged.
        public var gates: [Gate]
        /// What is still pending, with ``Outcome/timedOut``.
        public var blockers: [String]

        public init(
            name: String,
            outcome: Outcome,
            from: String,
            to: String,
            revision: Int? = nil,
            text: String = "",
            gates: [Gate] = [],
            blockers: [String] = []
        ) {
            self.name = name
            self.outcome = outcome
            self.from = from
            self.to = to
            self.revision = revision
            self.text = text
            self.gates = gates
            self.blockers = blockers
        }
    }

    public var accounts: [Account]
    /// Of a whole file.
    public var revision: Int?
    /// About the whole, for people; may be empty.
    public var text: String
    /// Of the whole, where that is not told by the accounts: of a promotion in waves, of a file whose turn has not come.
    public var outcome: Outcome?

    public init(accounts: [Account], revision: Int? = nil, text: String = "", outcome: Outcome? = nil) {
        self.accounts = accounts
        self.revision = revision
        self.text = text
        self.outcome = outcome
    }

    /// As in the table of exit codes: 124 if something is still under way, 1 if something was refused or failed, else 0.
    public var exitCode: Int32 {
        let outcomes = self.accounts.map(\.outcome) + (self.outcome.map { [$0] } ?? [])
        if outcomes.contains(.timedOut) { return 124 }
        return outcomes.contains { $0 == .refused || $0 == .failed } ? 1 : 0
    }
}

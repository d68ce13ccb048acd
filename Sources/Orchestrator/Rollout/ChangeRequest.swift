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
    /// `apply`: absolute; nil means the file that runs.
    public var file: String?
    /// How long the answer may take; after it whatever is still under way goes on without the caller.
    public var timeoutMilliseconds: Int64 = 30_000

    public init(_ command: Command) {
        self.command = command
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
        /// It was tried and could not be; the account is as it was before.
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

    public init(accounts: [Account], revision: Int? = nil, text: String = "") {
        self.accounts = accounts
        self.revision = revision
        self.text = text
    }

    /// As in the table of exit codes: 124 if something is still under way, 1 if something was refused or failed, else 0.
    public var exitCode: Int32 {
        if self.accounts.contains(where: { $0.outcome == .timedOut }) { return 124 }
        return self.accounts.contains { $0.outcome == .refused || $0.outcome == .failed } ? 1 : 0
    }
}

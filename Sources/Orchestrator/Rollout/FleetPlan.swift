/// What a start or an `apply` of a configuration would do, account by account, and what the fleet then needs. Pure; as JSON
/// it is what `plan --output json` prints.
public struct FleetPlan: Sendable, Equatable, Codable {
    public enum Occasion: String, Sendable, Codable {
        /// Nothing runs.
        case start
        /// Something runs, and the file is applied to it.
        case apply
    }

    public enum Action: String, Sendable, Codable {
        case start
        /// Also of an account that is gone from the file.
        case drain
        /// Its mode alone: make-before-break, no connection of another account is touched.
        case `switch`
        /// Drained and started anew: something else of it has changed.
        case restart
        case none
        /// It does not run, and will not: disabled, drained, or left out on the command line.
        case staysDisabled = "stays_disabled"
    }

    public struct Account: Sendable, Equatable, Codable {
        public var name: String
        public var action: Action
        /// What it is: a mode, with its percent in `cutover` (`cutover 50`), or `disabled`, `drained`. Nil if nothing runs
        /// or the account is new.
        public var from: String?
        /// What it would be; nil if it is gone from the file.
        public var to: String?
        /// Why: changed keys, overrides that end, a cap. May be empty, as for a first start.
        public var reasons: [String]
        /// What holds over the file, with where it comes from: `mode canary (revision 12, promote)`. Nil for nothing.
        public var override: String?

        enum CodingKeys: String, CodingKey { case name, action, from, to, reasons, override }

        public init(
            name: String,
            action: Action,
            from: String?,
            to: String?,
            reasons: [String] = [],
            override: String? = nil
        ) {
            self.name = name
            self.action = action
            self.from = from
            self.to = to
            self.reasons = reasons
            self.override = override
        }

        /// With `null` for what is not there: readers find every key.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(self.name, forKey: .name)
            try container.encode(self.action, forKey: .action)
            try container.encode(self.from, forKey: .from)
            try container.encode(self.to, forKey: .to)
            try container.encode(self.reasons, forKey: .reasons)
            try container.encode(self.override, forKey: .override)
        }
    }

    public static let currentSchemaVersion = 1

    public var schemaVersion: Int
    public var occasion: Occasion
    /// Something would be done, or the fleet is not as the file says: `plan` exits with 1.
    public var hasDifferences: Bool
    /// In the order of the file, then those that are gone from it.
    public var accounts: [Account]
    /// Where the fleet would differ from the file by overrides, a line each.
    public var drift: [String]
    /// Overrides that would end, a line each.
    public var endingOverrides: [String]
    /// Keys of `rollout` that have changed; they are taken at once.
    public var rollout: [ConfigurationChange]
    /// Keys of `instance`, `exchange`, `runtime` and `stream` that have changed.
    public var settings: [ConfigurationChange]
    /// ``settings`` have changed and something runs: `apply` is refused, the daemon must be restarted.
    public var needsDaemonRestart: Bool
    public var connections: FleetConnections
    public var rest: FleetRESTLoad
    /// Descriptors that the process should be allowed to have open.
    public var openFiles: Int
    /// What an operator should read before going on.
    public var warnings: [String]

    enum CodingKeys: String, CodingKey {
        case schemaVersion = "schema_version"
        case occasion
        case hasDifferences = "has_differences"
        case accounts
        case drift
        case endingOverrides = "ending_overrides"
        case rollout
        case settings
        case needsDaemonRestart = "needs_daemon_restart"
        case connections
        case rest
        case openFiles = "open_files"
        case warnings
    }

    /// How many accounts each action is for; 0 for an action that is for none.
    public func count(of action: Action) -> Int { self.accounts.count { $0.action == action } }
}

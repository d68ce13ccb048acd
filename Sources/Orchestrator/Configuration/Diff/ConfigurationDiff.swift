/// What is different between two configurations, key by key and without secrets. Pure.
public struct ConfigurationDiff: Sendable, Equatable {
    /// What a running account needs so that it is as the new configuration says, if nothing overrides either.
    public enum Effort: String, Sendable, Codable {
        /// It does not run, or what changed is only a name.
        case nothing
        case enable, disable
        /// Of mode alone: it goes on, with another driver.
        case switchMode = "switch_mode"
        /// It is drained and started anew.
        case restart
    }

    public struct Account: Sendable, Equatable {
        public enum Kind: String, Sendable, Codable {
            case added, removed, changed
        }

        public var name: String
        public var kind: Kind
        /// Of a changed account; never empty then.
        public var changes: [ConfigurationChange]
        /// Something has changed that a running account cannot take: anything but its mode, whether it is enabled, and
        /// what its strategy is called.
        public var needsRestart: Bool
        public var effort: Effort
        /// Of an added or removed account, for people: what it is, or was.
        var summary: String

        /// As in a ``Revision/diff``.
        public var lines: [String] {
            switch self.kind {
            case .added, .removed: ["\(self.name): \(self.kind.rawValue) (\(self.summary))"]
            case .changed: self.changes.map { "\(self.name): \($0)" }
            }
        }
    }

    /// Accounts that differ: in the order of the new configuration, then those that are gone.
    public var accounts: [Account]
    /// Keys of `rollout`, which a running daemon takes.
    public var rollout: [ConfigurationChange]
    /// Keys of `instance`, `exchange`, `runtime` and `stream`, which hold from a start to its end: with any of them the
    /// daemon must be restarted.
    public var fixed: [ConfigurationChange]

    public init(from old: Configuration, to new: Configuration) {
        self.rollout =
            old.rollout == new.rollout
            ? [] : ConfigurationChange.between(old.rolloutKeys, new.rolloutKeys)
        self.fixed = ConfigurationChange.between(old.fixedKeys, new.fixedKeys)
        self.accounts = []
        let before = Dictionary(old.accounts.map { ($0.name, $0) }) { first, _ in first }
        var gone = Set(before.keys)
        for account in new.accounts {
            gone.remove(account.name)
            if let former = before[account.name] {
                if former != account { self.accounts.append(Account(from: former, to: account)) }
            } else {
                self.accounts.append(Account(account, .added, effort: account.isEnabled ? .enable : .nothing))
            }
        }
        for account in old.accounts where gone.contains(account.name) {
            self.accounts.append(Account(account, .removed, effort: account.isEnabled ? .disable : .nothing))
        }
    }

    /// Against nothing: what a first start applies.
    public init(of new: Configuration) {
        self.rollout = []
        self.fixed = []
        self.accounts = new.accounts.map { Account($0, .added, effort: $0.isEnabled ? .enable : .nothing) }
    }

    public var isEmpty: Bool { self.accounts.isEmpty && self.rollout.isEmpty && self.fixed.isEmpty }

    /// For a ``Revision/diff``: one line per changed key.
    public var lines: [String] {
        self.fixed.map(\.description) + self.rollout.map(\.description) + self.accounts.flatMap(\.lines)
    }
}

extension ConfigurationDiff.Account {
    init(_ account: AccountConfiguration, _ kind: Kind, effort: ConfigurationDiff.Effort) {
        self.init(
            name: account.name,
            kind: kind,
            changes: [],
            needsRestart: false,
            effort: effort,
            summary: "\(account.isEnabled ? "enabled" : "disabled"), mode \(account.mode.rawValue)"
                + (account.strategyName.map { ", strategy \($0)" } ?? "") + (account.isDryRun ? ", dry run" : "")
        )
    }

    /// - Parameter new: another configuration of the same account.
    init(from old: AccountConfiguration, to new: AccountConfiguration) {
        var changes: [ConfigurationChange] = []
        func add(_ key: String, _ from: String?, _ to: String?) {
            if from != to { changes.append(ConfigurationChange(key: key, from: from, to: to)) }
        }
        add("enabled", "\(old.isEnabled)", "\(new.isEnabled)")
        add("mode", old.mode.rawValue, new.mode.rawValue)
        add("strategy", old.strategyName, new.strategyName)
        let isLight = old.isDryRun == new.isDryRun && old.strategy == new.strategy && old.credentials == new.credentials
        add("dry_run", "\(old.isDryRun)", "\(new.isDryRun)")
        if old.credentials != new.credentials {
            changes.append(ConfigurationChange(key: "credentials", from: nil, to: nil))
        }
        if old.strategy != new.strategy { changes += Strategy.changes(from: old.strategy, to: new.strategy) }
        let effort: ConfigurationDiff.Effort
        switch (old.isEnabled, new.isEnabled) {
        case (false, false): effort = .nothing
        case (false, true): effort = .enable
        case (true, false): effort = .disable
        case (true, true): effort = !isLight ? .restart : old.mode != new.mode ? .switchMode : .nothing
        }
        self.init(
            name: new.name,
            kind: .changed,
            changes: changes,
            needsRestart: !isLight,
            effort: effort,
            summary: ""
        )
    }
}

extension Strategy {
    /// What differs, never nothing.
    fileprivate static func changes(from old: Strategy, to new: Strategy) -> [ConfigurationChange] {
        var (before, after): ([FlatKey], [FlatKey]) = ([], [])
        // Sinks have no names by which two lists could be compared key by key.
        var (oldRest, newRest) = (old, new)
        (oldRest.sinks, newRest.sinks) = ([], [])
        Grammar.overrides.flatten(oldRest, under: "strategy", into: &before)
        Grammar.overrides.flatten(newRest, under: "strategy", into: &after)
        var changes = ConfigurationChange.between(before, after)
        if old.sinks != new.sinks { changes += SinkConfiguration.changes(from: old.sinks, to: new.sinks) }
        return changes
    }
}

extension SinkConfiguration {
    /// What only one of the lists has, each against its counterpart; never nothing for lists that differ.
    fileprivate static func changes(from old: [SinkConfiguration], to new: [SinkConfiguration]) -> [ConfigurationChange]
    {
        // A list has 32 sinks at most.
        var gone = old
        var come: [SinkConfiguration] = []
        for sink in new {
            if let index = gone.firstIndex(of: sink) { gone.remove(at: index) } else { come.append(sink) }
        }
        if gone.isEmpty, come.isEmpty {
            return [ConfigurationChange(key: "sinks", from: "one order", to: "another order")]
        }
        return (0..<max(gone.count, come.count)).map { index in
            let from = index < gone.count ? gone[index].text : nil
            var to = index < come.count ? come[index].text : nil
            if let text = to, text == from { to = text + " (other arguments)" }
            return ConfigurationChange(key: "sinks", from: from, to: to)
        }
    }

    /// In a line, without what may be a secret.
    private var text: String {
        var keys: [FlatKey] = []
        switch self {
        case .jsonl(let file): Grammar.jsonl.flatten(file, under: "", into: &keys)
        case .exec(let program): Grammar.exec.flatten(program, under: "", into: &keys)
        case .socket(let socket): Grammar.socket.flatten(socket, under: "", into: &keys)
        }
        let members = keys.map { "\($0.key): \($0.text)" }.joined(separator: ", ")
        let kind =
            switch self {
            case .jsonl: "jsonl"
            case .exec: "exec"
            case .socket: "socket"
            }
        return SecretText.masked("\(kind) { \(members) }")
    }
}

extension Configuration {
    fileprivate var rolloutKeys: [FlatKey] {
        var keys: [FlatKey] = []
        Grammar.rollout.flatten(self.rollout, under: "rollout", into: &keys)
        return keys
    }

    fileprivate var fixedKeys: [FlatKey] {
        var keys = [FlatKey(key: "instance", text: self.instance)]
        Grammar.exchange.flatten(ExchangeDraft(self.exchange), under: "exchange", into: &keys)
        Grammar.runtime(self.runtime).flatten(self.runtime, under: "runtime", into: &keys)
        Grammar.stream.flatten(self.stream, under: "stream", into: &keys)
        return keys
    }
}

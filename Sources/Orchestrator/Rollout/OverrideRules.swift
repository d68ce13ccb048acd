/// What becomes of overrides when a file is applied. Pure.
///
/// Whoever changes a key in the file wants what it says from now on: an override of that key of that account ends. One of a
/// key that the file says as before stays. What is drained stays so until `resume`.
public struct OverrideRules: Sendable, Equatable {
    /// One override, or a part of one, that ends.
    public struct Ending: Sendable, Equatable, Codable, CustomStringConvertible {
        public var account: String
        /// `enabled`, `mode` or `drained`.
        public var key: String
        /// What it said: `true`, `cutover 50`.
        public var value: String
        /// The account is gone from the file.
        public var isGone: Bool

        /// As in a ``Revision/diff``.
        public var description: String {
            let why = self.isGone ? "the account is gone" : "the file says otherwise now"
            return "\(self.account): override \(self.key) \(self.value) ends: \(why)"
        }
    }

    /// What holds afterwards, by account.
    public private(set) var overrides: [String: AccountOverride] = [:]
    /// What has changed, as ``RevisionDraft/overrides`` wants it: nil ends an override.
    public private(set) var changes: [String: AccountOverride?] = [:]
    /// In the order of the accounts' names.
    public private(set) var endings: [Ending] = []

    /// - Parameters:
    ///   - old: the configuration that was applied last; nil if it is not known, which ends no override but those of
    ///     accounts that are gone.
    ///   - overrides: what holds over it, by account.
    public init(applying new: Configuration, over old: Configuration?, overrides: [String: AccountOverride]) {
        if overrides.isEmpty { return }
        let before = Dictionary((old?.accounts ?? []).map { ($0.name, $0) }) { first, _ in first }
        let after = Dictionary(new.accounts.map { ($0.name, $0) }) { first, _ in first }
        for (name, override) in overrides.sorted(by: { $0.key < $1.key }) {
            var rest = override
            let account = after[name]
            let former = before[name]
            let isGone = account == nil
            if let isEnabled = override.isEnabled, isGone || self.differ(former?.isEnabled, account?.isEnabled) {
                rest.isEnabled = nil
                self.end(name, "enabled", "\(isEnabled)", isGone)
            }
            if override.mode != nil || override.percent != nil, isGone || self.differ(former?.mode, account?.mode) {
                rest.mode = nil
                rest.percent = nil
                self.end(name, "mode", override.modeText, isGone)
            }
            if override.isDrained, isGone {
                rest.isDrained = false
                self.end(name, "drained", "true", isGone)
            }
            if !rest.isEmpty { self.overrides[name] = rest }
            if rest != override { self.changes.updateValue(rest.isEmpty ? nil : rest, forKey: name) }
        }
    }

    /// What was not known before has not changed.
    private func differ<Value: Equatable>(_ former: Value?, _ now: Value?) -> Bool { former != nil && former != now }

    private mutating func end(_ account: String, _ key: String, _ value: String, _ isGone: Bool) {
        self.endings.append(Ending(account: account, key: key, value: value, isGone: isGone))
    }
}

extension AccountOverride {
    /// `hybrid`, `cutover 50`; empty if it says nothing about the mode.
    var modeText: String {
        [self.mode?.rawValue, self.percent.map(String.init)].compactMap(\.self).joined(separator: " ")
    }
}

extension StoredOverride {
    /// Where the fleet differs from the file because of this override, a line for each key:
    /// `sub-001: mode hybrid in the file, canary by override (revision 12, promote)`.
    /// - Parameters:
    ///   - account: as the file says.
    ///   - steps: `rollout.gates.cutover.steps`.
    public func drift(from account: AccountConfiguration, steps: [Int]) -> [String] {
        var lines: [String] = []
        func add(_ inFile: String, _ byOverride: String, _ origin: Origin?) {
            let source = origin.map { " (\($0))" } ?? ""
            lines.append("\(account.name): \(inFile) in the file, \(byOverride) by override\(source)")
        }
        if let isEnabled = self.override.isEnabled, isEnabled != account.isEnabled {
            add(account.isEnabled ? "enabled" : "disabled", isEnabled ? "enabled" : "disabled", self.enabledBy)
        }
        let plain = EffectiveAccount(account, override: nil, modeCap: nil, steps: steps)
        let effective = EffectiveAccount(account, override: self.override, modeCap: nil, steps: steps)
        if plain.modeText != effective.modeText { add("mode \(plain.modeText)", effective.modeText, self.modeBy) }
        if self.override.isDrained { add("not drained", "drained", self.drainedBy) }
        return lines
    }
}

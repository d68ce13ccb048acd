/// Three answers to "may it go on?".
public enum Verdict: String, Sendable, Codable {
    case holds, broken
    /// Not enough evidence yet.
    case open
}

/// One condition of a mode, as `status` shows it.
public struct Gate: Sendable, Equatable, Codable {
    /// As in the file, where it is there: `soak`, `min_updates_per_second` ….
    public var name: String
    public var verdict: Verdict
    /// What was measured, with its unit, for people: `12m 4s`, `99.97 %`, `none yet`.
    public var value: String
    public var limit: String

    public init(name: String, verdict: Verdict, value: String, limit: String) {
        self.name = name
        self.verdict = verdict
        self.value = value
        self.limit = limit
    }
}

extension [Gate] {
    /// Broken if one is; else open if one is; else it holds, also with no gate at all.
    public var verdict: Verdict {
        if self.contains(where: { $0.verdict == .broken }) { return .broken }
        return self.contains { $0.verdict == .open } ? .open : .holds
    }
}

/// How an account should run: what the file says, what overrides it, and the cap of the command line together. Pure.
public struct EffectiveAccount: Sendable, Equatable {
    public var isEnabled: Bool
    public var isDrained: Bool
    public var mode: Mode
    /// In `cutover`: percent of the symbols that the hybrid stream drives; nil in every other mode.
    public var percent: Int?

    public init(isEnabled: Bool, isDrained: Bool, mode: Mode, percent: Int?) {
        self.isEnabled = isEnabled
        self.isDrained = isDrained
        self.mode = mode
        self.percent = percent
    }

    /// - Parameters:
    ///   - modeCap: no higher mode than this, whoever asks for it.
    ///   - steps: `rollout.gates.cutover.steps`; cutover begins with the first.
    public init(_ account: AccountConfiguration, override: AccountOverride?, modeCap: Mode?, steps: [Int]) {
        let wanted = override?.mode ?? account.mode
        let mode = modeCap.map { min($0, wanted) } ?? wanted
        self.isEnabled = override?.isEnabled ?? account.isEnabled
        self.isDrained = override?.isDrained ?? false
        self.mode = mode
        // A percent belongs to the cutover that it was set with, not to one that a cap has made of another mode.
        self.percent = mode == .cutover ? (wanted == .cutover ? override?.percent : nil) ?? steps.first ?? 100 : nil
    }

    /// Whether it is to run at all.
    public var runs: Bool { self.isEnabled && !self.isDrained }

    /// `hybrid`, `cutover 50`, `disabled`, `drained`.
    public var text: String {
        if !self.isEnabled { return "disabled" }
        return self.isDrained ? "drained" : self.modeText
    }

    /// `hybrid`, `cutover 50`, whether it runs or not.
    public var modeText: String { self.percent.map { "\(self.mode.rawValue) \($0)" } ?? self.mode.rawValue }
}

/// What an operator, or an automatic rollback, has set for one account over what the file says. Survives restarts.
public struct AccountOverride: Sendable, Equatable, Codable {
    /// By `enable` and `disable`.
    public var isEnabled: Bool?
    /// By `promote`, `rollback`, and an automatic rollback.
    public var mode: Mode?
    /// With ``mode`` `cutover`: percent of the symbols that the hybrid stream drives.
    public var percent: Int?
    /// By `drain`, until `resume`.
    public var isDrained: Bool

    public init(isEnabled: Bool? = nil, mode: Mode? = nil, percent: Int? = nil, isDrained: Bool = false) {
        self.isEnabled = isEnabled
        self.mode = mode
        self.percent = percent
        self.isDrained = isDrained
    }

    public var isEmpty: Bool { self == AccountOverride() }
}

/// How far an account has come in its mode: what its gates have measured so far. Written often and not for good: seconds
/// that are lost in a crash are measured again.
public struct RolloutMemory: Sendable, Equatable {
    public var mode: Mode
    /// In `cutover`.
    public var percent: Int?
    /// When mode and percent began, in milliseconds since 1970.
    public var since: Int64
    /// The text of a JSON object.
    public var state: String

    public init(mode: Mode, percent: Int? = nil, since: Int64, state: String) {
        self.mode = mode
        self.percent = percent
        self.since = since
        self.state = state
    }
}

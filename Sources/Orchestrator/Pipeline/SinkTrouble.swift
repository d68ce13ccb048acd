/// Why a sink cannot write at the moment. What it has not written is kept.
public struct SinkTrouble: Error, Sendable, Equatable, CustomStringConvertible {
    /// `open`, `write`, `rotate`, `sync`.
    public let step: String
    public let path: String
    /// Of the system call.
    public let errno: Int32
    /// The system's word for it.
    public let reason: String

    public init(step: String, path: String, errno: Int32, reason: String) {
        self.step = step
        self.path = path
        self.errno = errno
        self.reason = reason
    }

    public var description: String {
        "cannot \(self.step) \(self.path): \(self.reason); events are kept and it is tried again"
    }
}

/// Why a sink cannot write at the moment. What it has not written is kept.
public struct SinkTrouble: Error, Sendable, Equatable, CustomStringConvertible {
    /// `open`, `write`, `rotate`, `sync`, `start`, `listen on` …
    public let step: String
    /// Of the file or socket; a child process has its label here.
    public let path: String
    /// Of the system call; 0 where none has failed.
    public let errno: Int32
    /// The system's word for it.
    public let reason: String
    /// What it means for the events, and what happens next.
    public let consequence: String

    public init(
        step: String,
        path: String,
        errno: Int32,
        reason: String,
        consequence: String = "events are kept and it is tried again"
    ) {
        self.step = step
        self.path = path
        self.errno = errno
        self.reason = reason
        self.consequence = consequence
    }

    public var description: String { "cannot \(self.step) \(self.path): \(self.reason); \(self.consequence)" }
}

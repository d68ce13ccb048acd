/// How much may wait for a reader that acts on events: a child process, or one at a socket.
///
/// Less than for a file, since such a reader wants news, not history; more where many accounts share it, whose positions are
/// all told in one burst when the daemon starts.
struct SinkLimits: Sendable, Equatable {
    /// Above so many waiting bytes marks are conflated to the newest of each position.
    var conflating: Int
    /// More than so many bytes of events that may not be conflated are not kept.
    var hard: Int

    init(conflating: Int, hard: Int) {
        self.conflating = conflating
        self.hard = hard
    }

    /// 256 KiB and 8 MiB, and for each account 1 KiB and 64 KiB more.
    init(accounts: Int) {
        self.conflating = (256 + accounts) * 1_024
        self.hard = (8 * 1_024 + 64 * accounts) * 1_024
    }
}

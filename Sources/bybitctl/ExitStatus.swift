import Orchestrator

/// The one table of exit codes, for every command.
struct ExitStatus: RawRepresentable, Sendable, Hashable, Error {
    let rawValue: Int32

    init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    /// Done, or all enabled accounts healthy.
    static let done = ExitStatus(rawValue: 0)
    /// Failed, refused, or degraded.
    static let failed = ExitStatus(rawValue: 1)
    /// An account failed or is unprotected.
    static let critical = ExitStatus(rawValue: 2)
    static let notRunning = ExitStatus(rawValue: 3)
    /// No answer in time.
    static let unknown = ExitStatus(rawValue: 4)
    static let usage = ExitStatus(rawValue: 64)
    /// Another instance owns the state folder.
    static let busy = ExitStatus(rawValue: 75)
    static let permission = ExitStatus(rawValue: 77)
    static let configuration = ExitStatus(rawValue: 78)
    /// A wait timed out; what is still pending was printed.
    static let timedOut = ExitStatus(rawValue: 124)

    static func signal(_ number: Int32) -> ExitStatus { ExitStatus(rawValue: 128 + number) }

    init(_ health: StatusReport.Health) {
        switch health {
        case .healthy: self = .done
        case .degraded: self = .failed
        case .critical: self = .critical
        }
    }

    /// What a Nagios plugin returns: 0 OK, 1 warning, 2 critical, 3 unknown. An instance that does not run is critical,
    /// one that gives no answer is unknown, and so is a question that cannot be asked.
    var nagios: ExitStatus {
        switch self {
        case .done, .failed, .critical: self
        case .notRunning: .critical
        default: ExitStatus(rawValue: 3)
        }
    }
}

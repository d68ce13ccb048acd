import Glibc

/// How a child process ended.
enum ChildExit: Sendable, Equatable, CustomStringConvertible {
    case code(Int32)
    /// Killed by this signal.
    case signal(Int32)
    /// The system has not kept it.
    case unknown

    /// - Parameter status: as `waitpid` gives it.
    init(status: Int32) {
        let signal = status & 0x7F
        self = signal == 0 ? .code((status >> 8) & 0xFF) : .signal(signal)
    }

    var description: String {
        switch self {
        case .code(let code): "exit code \(code)"
        case .signal(let number): "signal \(number)" + (strsignal(number).map { " (\(String(cString: $0)))" } ?? "")
        case .unknown: "unknown status"
        }
    }
}

import Foundation
import Glibc

/// What the output device can do.
struct Terminal: Sendable, Equatable {
    var isInteractive: Bool
    var hasColor: Bool

    /// Colour only on a terminal, and never against `NO_COLOR`.
    init(isInteractive: Bool, environment: [String: String]) {
        self.isInteractive = isInteractive
        let refused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        self.hasColor = isInteractive && !refused && environment["TERM"] != "dumb"
    }

    static var standardOutput: Terminal {
        Terminal(isInteractive: isatty(STDOUT_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
    }

    static var standardError: Terminal {
        Terminal(isInteractive: isatty(STDERR_FILENO) == 1, environment: ProcessInfo.processInfo.environment)
    }
}

/// Colours that mean something.
enum TextStyle: Sendable, Equatable {
    case plain, good, warning, bad, faint, bold

    func applied(to text: String, _ terminal: Terminal) -> String {
        guard terminal.hasColor, self != .plain, !text.isEmpty else { return text }
        let code =
            switch self {
            case .plain: "0"
            case .good: "32"
            case .warning: "33"
            case .bad: "1;31"
            case .faint: "2"
            case .bold: "1"
            }
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}

import Logging

/// How log lines look on standard error.
enum LogFormat: String, Sendable, CaseIterable {
    /// Text on a terminal, JSON otherwise.
    case auto
    case text, json

    func handler(level: Logger.Level, terminal: Terminal) -> any LogHandler {
        switch self {
        case .text: TextLogHandler(level: level, terminal: terminal)
        case .json: JSONLogHandler(level: level)
        case .auto where terminal.isInteractive: TextLogHandler(level: level, terminal: terminal)
        case .auto: JSONLogHandler(level: level)
        }
    }
}

extension Logger.Metadata {
    /// The handler's, the provider's and the event's own, the last word counting; sorted by key.
    static func merged(
        _ base: Logger.Metadata,
        _ provider: Logger.MetadataProvider?,
        _ event: Logger.Metadata?
    ) -> [(key: String, value: Logger.MetadataValue)] {
        var all = base
        if let provided = provider?.get() { all.merge(provided) { $1 } }
        if let event { all.merge(event) { $1 } }
        return all.sorted { $0.key < $1.key }
    }
}

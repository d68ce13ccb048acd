import Logging
import Orchestrator

/// Log lines for people: `12:34:56.789 info  message  account=sub-001 reason=timeout`.
struct TextLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let terminal: Terminal
    private let write: @Sendable (String) -> Void

    init(
        level: Logger.Level,
        terminal: Terminal,
        write: @escaping @Sendable (String) -> Void = { StandardError.write($0) }
    ) {
        self.logLevel = level
        self.terminal = terminal
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.MetadataValue? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        self.write(self.line(event, at: .current))
    }

    func line(_ event: LogEvent, at time: Timestamp) -> String {
        let style: TextStyle =
            switch event.level {
            case .trace, .debug: .faint
            case .info, .notice: .plain
            case .warning: .warning
            case .error, .critical: .bad
            }
        let level = event.level.rawValue
        let padded = level + String(repeating: " ", count: max(0, 8 - level.count))
        var line = "\(time.description.dropFirst(11).dropLast()) \(style.applied(to: padded, self.terminal)) "
        line += TextLogHandler.oneLine(event.message.description)
        for (key, value) in Logger.Metadata.merged(self.metadata, self.metadataProvider, event.metadata) {
            let text = TextLogHandler.oneLine("\(value)")
            let quoted = text.contains(" ") || text.isEmpty ? "\"\(text)\"" : text
            line += " " + TextStyle.faint.applied(to: "\(key)=", self.terminal) + quoted
        }
        return line + "\n"
    }

    /// Text from outside may hold line feeds and escape sequences; one event stays one harmless line.
    static func oneLine(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.properties.generalCategory == .control:
                result += "\\u{" + String(scalar.value, radix: 16) + "}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

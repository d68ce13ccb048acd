import Foundation
import Logging
import Orchestrator

/// Log lines for programs: one JSON object per line with `time`, `level`, `logger`, `message`, then the metadata.
struct JSONLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let write: @Sendable (String) -> Void

    init(level: Logger.Level, write: @escaping @Sendable (String) -> Void = { StandardError.write($0) }) {
        self.logLevel = level
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
        var line = "{\"time\":\"\(time)\",\"level\":\"\(event.level.rawValue)\",\"source\":"
        line += JSONLogHandler.quoted(event.source) + ",\"message\":" + JSONLogHandler.quoted(event.message.description)
        for (key, value) in Logger.Metadata.merged(self.metadata, self.metadataProvider, event.metadata) {
            // Metadata never shadows the line's own keys.
            let isTaken = ["time", "level", "source", "message"].contains(key)
            line += "," + JSONLogHandler.quoted(isTaken ? "_" + key : key) + ":" + JSONLogHandler.value(value)
        }
        return line + "}\n"
    }

    private static func value(_ value: Logger.MetadataValue) -> String {
        switch value {
        case .string(let text): return self.quoted(text)
        case .stringConvertible(let item): return self.quoted(item.description)
        case .array(let items): return "[" + items.map(self.value).joined(separator: ",") + "]"
        case .dictionary(let items):
            let members = items.sorted { $0.key < $1.key }.map { self.quoted($0.key) + ":" + self.value($0.value) }
            return "{" + members.joined(separator: ",") + "}"
        }
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

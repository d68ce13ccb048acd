import Foundation
import Orchestrator

/// Events for people, line by line as they come. Columns grow with what they hold and never cut it.
struct EventTable {
    private static let titles = ["TIME", "ACCOUNT", "N", "EVENT", "SYMBOL", "SIDE", "SIZE", "MARK", "PNL", "NOTE"]
    private static let rightAligned: Set<Int> = [2, 6, 7, 8]

    let terminal: Terminal
    private var widths = [12, 12, 8, 9, 14, 4, 10, 12, 10, 0]

    init(terminal: Terminal) {
        self.terminal = terminal
    }

    mutating func heading() -> String {
        self.line(EventTable.titles, style: .bold)
    }

    /// - Parameter json: one event's line.
    /// - Returns: a row with its line feed; a line that is not an event comes back as it was.
    mutating func row(_ json: some Collection<UInt8>) -> String {
        let object: [String: Any]
        do {
            guard let parsed = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any] else {
                return String(decoding: json, as: UTF8.self) + "\n"
            }
            object = parsed
        } catch {
            return String(decoding: json, as: UTF8.self) + "\n"
        }
        func text(_ key: String) -> String {
            switch object[key] {
            case let text as String: text
            case let number as NSNumber: number.stringValue
            default: ""
            }
        }
        let kind = text("event")
        let time = Int64(text("emitted_ts")).map { Timestamp(milliseconds: $0).description.dropFirst(11).dropLast() }
        var cells = [time.map(String.init) ?? "-", text("account"), text("n")]
        guard kind == "position.update" else {
            cells += [kind, text("symbol"), "", "", "", "", EventTable.note(kind, text)]
            return self.line(cells, style: kind == "alert" ? .warning : .plain)
        }
        let cause = text("cause")
        var notes: [String] = []
        if object["stale"] as? Bool == true { notes.append("stale") }
        if text("source") == "rest" { notes.append("rest") }
        if let merged = Int(text("conflated")), merged > 0 { notes.append("\(merged) merged") }
        cells += [
            cause, text("symbol"), text("side"), text("size"), text("mark_price"), text("unrealized_pnl"),
            notes.joined(separator: ", "),
        ]
        return self.line(cells, style: cause == "mark" ? .plain : .bold)
    }

    private static func note(_ kind: String, _ text: (String) -> String) -> String {
        let keys =
            switch kind {
            case "account.state": ["old", "new", "reason"]
            case "alert": ["severity", "state", "code", "text"]
            case "recovery": ["stream", "text"]
            case "consumers": ["state", "tick_size"]
            case "action": ["consumer", "action", "outcome", "order_link_id", "text"]
            default: ["old_mode", "mode", "cause", "gate", "verdict", "text"]
            }
        return keys.map(text).filter { !$0.isEmpty }.joined(separator: " ")
    }

    private mutating func line(_ cells: [String], style: TextStyle) -> String {
        var line = ""
        var blanks = 0
        for (index, cell) in cells.enumerated() {
            self.widths[index] = max(self.widths[index], cell.count)
            let padding = self.widths[index] - cell.count
            let isRight = EventTable.rightAligned.contains(index)
            blanks += isRight ? padding : 0
            if !cell.isEmpty {
                line += String(repeating: " ", count: blanks) + cell
                blanks = 0
            }
            blanks += (isRight ? 0 : padding) + 2
        }
        return style.applied(to: line, self.terminal) + "\n"
    }
}

import Foundation

/// What somebody knows who reads one account's events and nothing else, over all the kills.
struct KillStory {
    private struct Position {
        var text: String?
        var last: EventLine
    }

    private(set) var events: [EventLine] = []
    private(set) var problems: [String] = []
    private var positions: [String: Position] = [:]

    /// `SYMBOL leg side size` of what is open at the end.
    var open: Set<String> { Set(self.positions.values.compactMap(\.text)) }

    init(_ text: String, kills: Int) {
        let decoder = JSONLines.decoder
        var broken = 0
        var last: Int64 = 0
        for line in text.split(separator: "\n") {
            // A kill may have hit a write in its middle; the next start ends the line.
            guard let event = try? decoder.decode(EventLine.self, from: Data(line.utf8)) else {
                broken += 1
                continue
            }
            if event.n <= last { self.problems.append("n=\(event.n) comes after n=\(last)") }
            last = event.n
            self.events.append(event)
            if event.event == "position.update" { self.follow(event) }
        }
        if broken > kills { self.problems.append("\(broken) broken lines after \(kills) kills") }
    }

    private mutating func follow(_ event: EventLine) {
        let before = self.positions[event.key]
        guard event.isNews else {
            if before?.text == nil {
                self.problems.append("n=\(event.n) \(event.cause ?? "") of \(event.key) while flat")
            }
            return
        }
        let after =
            event.cause == "closed"
            ? nil : "\(event.symbol ?? "") \(event.positionIdx ?? 0) \(event.side ?? "") \(event.size ?? "")"
        if let problem = self.problem(event, before, after) {
            self.problems.append("n=\(event.n) \(event.cause ?? "") of \(event.key) \(problem)")
        }
        self.positions[event.key] = Position(text: after, last: event)
    }

    private func problem(_ event: EventLine, _ before: Position?, _ after: String?) -> String? {
        switch event.cause {
        case "opened": if before?.text != nil { return "which is open" }
        case "resync": if before?.text != after { return "which was \(before?.text ?? "flat")" }
        default: if before?.text == nil { return "which is flat" }
        }
        if let last = before?.last, event.isLifecycle, event.cause == last.cause, event.seq == last.seq,
            event.exchangeTs == last.exchangeTs
        {
            return "was told as n=\(last.n)"
        }
        return nil
    }
}

import Foundation

/// A session in a page of the documentation: files that are written, and lines for a shell with what they print.
///
/// In the page's section it is made of blocks: ```` ```yaml accounts.yaml ```` is a file, ```` ```console ```` has lines that
/// begin with `$ `, each followed by its output. What a reader waits for in between stands in a comment, which readers of the
/// rendered page do not see: `<!-- until sub-001 state=live soak=holds -->`.
struct DocumentedSession {
    enum Step {
        case file(name: String, text: String)
        case until(account: String, conditions: [String: String])
        case command(Command)
    }

    struct Command {
        /// In the page, counted from 1.
        let line: Int
        let text: String
        var output: [String] = []
    }

    private(set) var steps: [Step] = []

    /// - Throws: if there is no such section, or a line in it is not understood.
    init(page: String, section: String) throws {
        let lines = page.components(separatedBy: "\n")
        guard let start = lines.firstIndex(of: "## \(section)") else {
            throw Disappointment("there is no section \(section)")
        }
        var block: (kind: String, lines: [(number: Int, text: String)])?
        for (index, line) in lines.enumerated().dropFirst(start + 1) {
            if block == nil, line.hasPrefix("## ") { break }
            if line.hasPrefix("```") {
                if let open = block {
                    try self.add(open.kind, open.lines)
                    block = nil
                } else {
                    block = (String(line.dropFirst(3)), [])
                }
            } else if block != nil {
                block?.lines.append((index + 1, line))
            } else if line.hasPrefix("<!-- until ") {
                try self.addWait(line)
            }
        }
    }

    private mutating func add(_ kind: String, _ lines: [(number: Int, text: String)]) throws {
        let words = kind.split(separator: " ")
        if words.count == 2, words[0] == "yaml" {
            self.steps.append(.file(name: String(words[1]), text: lines.map { $0.text + "\n" }.joined()))
        }
        guard kind == "console" else { return }
        var command: Command?
        for (number, text) in lines {
            if text.hasPrefix("$ ") {
                if let command { self.steps.append(.command(command)) }
                command = Command(line: number, text: String(text.dropFirst(2)))
            } else if command == nil {
                throw Disappointment("line \(number): output before any command")
            } else {
                command?.output.append(text)
            }
        }
        if let command { self.steps.append(.command(command)) }
    }

    private mutating func addWait(_ line: String) throws {
        let words = line.dropFirst("<!-- until ".count).split(separator: " ")
        guard words.count >= 3, words.last == "-->" else { throw Disappointment("not understood: \(line)") }
        var conditions: [String: String] = [:]
        for word in words.dropFirst().dropLast() {
            let parts = word.split(separator: "=").map(String.init)
            guard parts.count == 2 else { throw Disappointment("not understood: \(word) in \(line)") }
            conditions[parts[0]] = parts[1]
        }
        self.steps.append(.until(account: String(words[0]), conditions: conditions))
    }
}

extension StatusDocument.Account {
    /// What is still missing of `state`, `verdict`, or a gate's name, each with the word that it should have.
    func missing(of conditions: [String: String]) -> [String] {
        conditions.filter { key, wanted in
            switch key {
            case "state": self.state != wanted
            case "health": self.health != wanted
            case "verdict": self.rollout?.verdict != wanted || self.rollout?.gates.isEmpty ?? true
            default: self.rollout?.gates.first { $0.name == key }?.verdict != wanted
            }
        }.map { "\($0.key)=\($0.value)" }.sorted()
    }
}

/// Output without what is different every time.
enum Steady {
    /// Accounts of one command are told as they come through.
    static func text(_ lines: [String]) -> [String] {
        var result: [String] = []
        var accounts: [String] = []
        for line in lines.map(self.text) {
            if line.hasPrefix("sub-"), line.contains(": ") {
                accounts.append(line)
            } else {
                result += accounts.sorted() + [line]
                accounts = []
            }
        }
        return result + accounts.sorted()
    }

    /// Times, process ids, ages, what was counted or measured, the price of the moment; and who runs it, and where.
    static func text(_ line: String) -> String {
        var line = line
        line.replace(#/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#, with: "TIME")
        line.replace(#/(TIME  )(\S+)( +)/#) { "\($0.1)\($0.2 == "bybitctl" ? "bybitctl" : "USER")\($0.3)" }
        line.replace(#/^who ( +)\S+ \(uid \d+\)/#) { "who \($0.1)USER" }
        line.replace(#/\bpid \d+/#, with: "pid PID")
        line.replace(#/\bup [\d.hms]+,/#, with: "up AGE,")
        line.replace(#/^(  exchange +)\w+ wss?:\/\/[^\/]+/#) { "\($0.1)EXCHANGE" }
        line.replace(#/ \/\S+\/(default\/control\.sock|accounts\.yaml)$/#) { " FOLDER/\($0.1)" }
        line.replace(#/\blast frame \S+ ago/#, with: "last frame AGE ago")
        line.replace(#/\bREST \d+\//#, with: "REST COUNT/")
        line.replace(#/"n":\d+/#, with: #""n":N"#)
        line.replace(#/"emitted_ts":\d+/#, with: #""emitted_ts":TIME"#)
        self.replaceMeasures(&line)
        // Columns are as wide as what is in them.
        let margin = line.prefix { $0 == " " }
        return String(margin) + line.dropFirst(margin.count).replacing(#/ {2,}/#, with: "  ")
    }

    private static func replaceMeasures(_ line: inout String) {
        // Accounts: EVENTS/S and LAST EVENT.
        line.replace(#/((?:dry run|sent) +\d+(?: \([^)]*\))?) +[\d.]+ +[\d.]+(?:ms|s|m\S*)$/#) { "\($0.1)  RATE  AGE" }
        // Positions: MARK, MARK AGE and PNL.
        line.replace(#/((?:Buy|Sell) +[\d.]+ +[\d.]+) +[\d.]+ +[\d.]+m?s +-?[\d.]+/#) { "\($0.1)  MARK  AGE  PNL" }
        // Gates: VALUE. The symbol is the slowest of the moment.
        line.replace(#/\b(soak +\w+)  +[\dmsh ]+?  +/#) { "\($0.1)  AGE  " }
        line.replace(#/\b(min_updates_per_second +\w+)  +[\d.]+ \(\w+\)/#) { "\($0.1)  RATE (SYMBOL)" }
        line.replace(#/\b(max_update_age +\w+)  +[\dms ]+ \(\w+\)/#) { "\($0.1)  AGE (SYMBOL)" }
        line.replace(#/ % of \d+/#, with: " % of COUNT")
    }
}

/// Renders figures: a table for people, Markdown for the documentation, JSON for programs.
enum Report {
    static let columns = ["figure", "must", "aim", "min", "median", "max", "spread", "runs", "verdict"]

    static func cells(_ figure: Figure) -> [String] {
        func bound(_ value: Double?) -> String { value.map { "\($0.short) \(figure.unit)" } ?? "" }
        guard !figure.samples.isEmpty else {
            return [figure.title, bound(figure.must), bound(figure.aim), "", "", "", "", "0", figure.note]
        }
        return [
            figure.title, bound(figure.must), bound(figure.aim), figure.minimum.short,
            "\(figure.median.short) \(figure.unit)", figure.maximum.short, figure.spread.short,
            String(figure.samples.count), figure.verdict.rawValue,
        ]
    }

    /// Columns padded with blanks.
    static func table(_ figures: [Figure]) -> String {
        let rows = [Self.columns] + figures.map { Self.cells($0) }
        let widths = Self.columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                let isText = column == 0 || column == row.count - 1
                line += (isText ? cell + padding : padding + cell) + "  "
            }
            return Self.trimmed(line) + "\n"
        }.joined()
    }

    static func markdown(_ figures: [Figure]) -> String {
        var text = "| " + Self.columns.joined(separator: " | ") + " |\n"
        text += "|---|" + String(repeating: "---:|", count: Self.columns.count - 2) + "---|\n"
        for figure in figures { text += "| " + Self.cells(figure).joined(separator: " | ") + " |\n" }
        let notes = figures.filter { !$0.note.isEmpty && !$0.samples.isEmpty }
        if !notes.isEmpty {
            text += "\nWhat is included:\n\n"
            for figure in notes { text += "- *\(figure.title)*: \(figure.note)\n" }
        }
        return text
    }

    /// The notes below a table.
    static func notes(_ figures: [Figure]) -> String {
        figures.filter { !$0.note.isEmpty && !$0.samples.isEmpty }.map { "\($0.title): \($0.note)\n" }.joined()
    }

    static func json(_ figures: [Figure], machine: String) -> String {
        var text = "{\"schema_version\":1,\"machine\":\(Self.quoted(machine)),\"figures\":["
        text += figures.map { figure in
            var members = [
                "\"name\":\(Self.quoted(figure.name))", "\"title\":\(Self.quoted(figure.title))",
                "\"unit\":\(Self.quoted(figure.unit))", "\"must\":\(Self.number(figure.must))",
                "\"aim\":\(Self.number(figure.aim))",
                "\"samples\":[\(figure.samples.map { Self.number($0) }.joined(separator: ","))]",
            ]
            if !figure.samples.isEmpty {
                members += [
                    "\"min\":\(Self.number(figure.minimum))", "\"median\":\(Self.number(figure.median))",
                    "\"max\":\(Self.number(figure.maximum))", "\"spread\":\(Self.number(figure.spread))",
                ]
            }
            members.append("\"verdict\":\(Self.quoted(figure.verdict.rawValue))")
            members.append("\"note\":\(Self.quoted(figure.note))")
            return "\n{" + members.joined(separator: ",") + "}"
        }.joined(separator: ",")
        return text + "\n]}\n"
    }

    private static func number(_ value: Double?) -> String {
        guard let value, value.isFinite else { return "null" }
        return value == value.rounded() && value.magnitude < 1e15 ? String(Int(value)) : String(value)
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case let control where control.value < 0x20: result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    private static func trimmed(_ line: String) -> String {
        var line = line
        while line.last == " " { line.removeLast() }
        return line
    }
}

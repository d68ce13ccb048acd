/// Writes diagnostics as a good compiler does.
public enum DiagnosticRenderer {
    /// Text for people: place, message, quoted line with a caret, and what would have been right.
    ///
    /// ```
    /// accounts.yaml:12:5: error: unknown key "positon_manager" in a strategy [unknown-key]
    ///    12 |     positon_manager: { stop_loss_percent: 4 }
    ///       |     ^~~~~~~~~~~~~~~
    ///       = did you mean "position_manager"?
    /// ```
    public static func text(_ diagnostics: [Diagnostic], color: Bool = false) -> String {
        var text = ""
        for diagnostic in diagnostics {
            DiagnosticRenderer.append(diagnostic, to: &text, style: color ? .terminal : .plain)
        }
        return text
    }

    /// One line that counts: `2 errors, 1 warning`. Empty if there is nothing to count.
    public static func summary(_ diagnostics: [Diagnostic]) -> String {
        let errors = diagnostics.count { $0.severity == .error }
        let warnings = diagnostics.count - errors
        var parts: [String] = []
        if errors > 0 { parts.append(errors == 1 ? "1 error" : "\(MessageText.grouped(errors)) errors") }
        if warnings > 0 { parts.append(warnings == 1 ? "1 warning" : "\(MessageText.grouped(warnings)) warnings") }
        return parts.joined(separator: ", ")
    }

    private struct Style {
        var error = ""
        var warning = ""
        var bold = ""
        var faint = ""
        var reset = ""

        static let plain = Style()
        static let terminal = Style(
            error: "\u{1B}[1;31m",
            warning: "\u{1B}[1;33m",
            bold: "\u{1B}[1m",
            faint: "\u{1B}[2m",
            reset: "\u{1B}[0m"
        )
    }

    private static func append(_ diagnostic: Diagnostic, to text: inout String, style: Style) {
        let severity = diagnostic.severity == .error ? style.error : style.warning
        let place = "\(DiagnosticRenderer.line(diagnostic.file)):\(diagnostic.line):\(diagnostic.column):"
        text += "\(style.bold)\(place)\(style.reset) \(severity)\(diagnostic.severity.rawValue):\(style.reset) "
        text += "\(diagnostic.message) \(style.faint)[\(diagnostic.code.rawValue)]\(style.reset)\n"
        var margin = "      "
        if let excerpt = diagnostic.excerpt {
            let number = String(diagnostic.line)
            let gutter = String(repeating: " ", count: max(5 - number.count, 0)) + number
            margin = String(repeating: " ", count: gutter.count + 1)
            text += "\(style.faint)\(gutter) |\(style.reset) \(excerpt.text)\n"
            text += "\(style.faint)\(margin)|\(style.reset) \(DiagnosticRenderer.padding(excerpt))"
            text += "\(severity)^\(String(repeating: "~", count: excerpt.caretLength - 1))\(style.reset)\n"
        }
        if let expected = diagnostic.expected { text += "\(margin)= expected \(expected)\n" }
        if let suggestion = diagnostic.suggestion {
            text += "\(margin)= did you mean \(MessageText.quoted(suggestion))?\n"
        }
        for note in diagnostic.notes {
            text += "\(margin)= \(note.message): \(DiagnosticRenderer.line(note.file)):\(note.line):\(note.column)\n"
        }
        if let help = diagnostic.help { text += "\(margin)= help: \(help)\n" }
    }

    /// Blanks up to the caret; tabs stay tabs, so that the caret stands below its character.
    private static func padding(_ excerpt: Diagnostic.Excerpt) -> String {
        var padding = ""
        for scalar in excerpt.text.unicodeScalars.prefix(excerpt.caretOffset) {
            padding.unicodeScalars.append(scalar == "\t" ? scalar : " ")
        }
        return padding
    }

    /// A file's name may hold anything but a slash; the output stays on its line.
    private static func line(_ path: String) -> String {
        var result = ""
        for scalar in path.unicodeScalars {
            result.unicodeScalars.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
        }
        return result
    }
}

extension DiagnosticRenderer {
    /// JSON for programs: `{"schema_version":1,"file":…,"valid":…,"errors":[…],"warnings":[…]}`, keys in stable order.
    public static func json(_ diagnostics: [Diagnostic], file: String) -> String {
        let errors = diagnostics.filter { $0.severity == .error }
        let warnings = diagnostics.filter { $0.severity == .warning }
        return JSONText.object([
            ("schema_version", .integer(1)),
            ("file", .string(file)),
            ("valid", .boolean(errors.isEmpty)),
            ("errors", .array(errors.map(DiagnosticRenderer.object))),
            ("warnings", .array(warnings.map(DiagnosticRenderer.object))),
        ]).text()
    }

    private static func object(_ diagnostic: Diagnostic) -> JSONText {
        func optional(_ text: String?) -> JSONText { text.map { .string($0) } ?? .null }
        return .object([
            ("severity", .string(diagnostic.severity.rawValue)),
            ("category", .string(diagnostic.category.rawValue)),
            ("code", .string(diagnostic.code.rawValue)),
            ("file", .string(diagnostic.file)),
            ("line", .integer(diagnostic.line)),
            ("column", .integer(diagnostic.column)),
            ("message", .string(diagnostic.message)),
            ("expected", optional(diagnostic.expected)),
            ("did_you_mean", optional(diagnostic.suggestion)),
            ("help", optional(diagnostic.help)),
            ("source", optional(diagnostic.excerpt?.text)),
            ("caret_offset", diagnostic.excerpt.map { .integer($0.caretOffset) } ?? .null),
            ("caret_length", diagnostic.excerpt.map { .integer($0.caretLength) } ?? .null),
            (
                "notes",
                .array(
                    diagnostic.notes.map { note in
                        .object([
                            ("message", .string(note.message)), ("file", .string(note.file)),
                            ("line", .integer(note.line)), ("column", .integer(note.column)),
                        ])
                    }
                )
            ),
        ])
    }
}

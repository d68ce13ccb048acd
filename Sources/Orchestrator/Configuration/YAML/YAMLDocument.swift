/// A composed YAML file: one document as a tree of nodes with their places.
struct YAMLDocument {
    /// Nil if the file is empty or could not be read; the log says why.
    let root: YAMLNode?

    /// Composes `file` and reports everything that is wrong with it as YAML.
    ///
    /// libyaml knows nothing of duplicate keys, undefined or recursive aliases and the cost of expanding them; those
    /// are found here. What cannot be recovered from (syntax, a limit) ends the file; the rest is reported and
    /// composing goes on.
    init(_ file: SourceFile, limits: YAMLLimits = YAMLLimits(), log: DiagnosticLog) {
        guard file.bytes.count <= limits.fileSize else {
            log.error(
                .fileTooLarge,
                .top(of: file),
                "the file has \(MessageText.grouped(file.bytes.count)) bytes; at most \(MessageText.grouped(limits.fileSize)) are read",
                help: "spread the accounts over several files with include:"
            )
            self.root = nil
            return
        }
        guard file.directiveCount <= limits.directives else {
            log.markBroken(file.id)
            log.error(
                .syntax,
                .top(of: file),
                "more than \(limits.directives) lines begin with \"%\", as directives of YAML do",
                help: "remove them, no directive is used here"
            )
            self.root = nil
            return
        }
        do throws(YAMLComposerError) {
            var composer = try YAMLComposer(file, limits: limits, log: log)
            self.root = try composer.document()
        } catch {
            log.markBroken(file.id)
            if case .syntax(let problem) = error { YAMLDocument.report(problem, in: file, log: log) }
            self.root = nil
        }
    }

    private static func report(_ error: YAMLSyntaxError, in file: SourceFile, log: DiagnosticLog) {
        var span = error.span
        var message = error.problem
        var notes: [DiagnosticLog.Note] = []
        if let context = error.context, let contextSpan = error.contextSpan {
            message += " " + context
            let isElsewhere = contextSpan.line != span.line || contextSpan.column != span.column
            if error.problem.contains("end of stream") || file.isBlank(from: span) {
                // The end of the file explains nothing; what was never closed does.
                span = contextSpan
            } else if isElsewhere {
                notes.append(DiagnosticLog.Note("it begins here", contextSpan))
            }
        }
        let help = YAMLDocument.help(for: error, in: file)
        log.error(.syntax, span, "not valid YAML: \(message)", help: help, notes: notes)
    }

    /// libyaml's words are exact but terse; these are the usual causes.
    private static func help(for error: YAMLSyntaxError, in file: SourceFile) -> String? {
        let problem = error.problem
        if problem.contains("cannot start any token") {
            return file.byte(at: error.span) == UInt8(ascii: "\t")
                ? "indent with spaces, YAML does not allow tabs"
                : "put the value in quotes: this character has a meaning of its own in YAML"
        }
        if problem.contains("mapping values are not allowed") {
            return "check the indentation, or put a value that contains \": \" in quotes"
        }
        if problem.contains("could not find expected ':'") {
            return "write key: value, with a space after the colon, and close every quote"
        }
        if problem.contains("did not find expected key") || problem.contains("did not find expected '-'") {
            return "check the indentation: the keys of one section begin in the same column"
        }
        if problem.contains("did not find expected ',' or") {
            if file.byte(at: error.span) == UInt8(ascii: "{") {
                return "between brackets put a text with { in quotes: \"${NAME}\", \"{account}\""
            }
            return "close the bracket, or put a comma between the items"
        }
        if problem.contains("end of stream") { return "it is never closed" }
        if problem.contains("UTF-8") { return "save the file as UTF-8" }
        if problem.contains("control characters") { return "remove the invisible character" }
        return nil
    }
}

extension SourceFile {
    /// How many lines begin with `%`.
    fileprivate var directiveCount: Int {
        guard self.bytes.contains(UInt8(ascii: "%")) else { return 0 }
        return self.lineStarts().count { $0 < self.bytes.count && self.bytes[$0] == UInt8(ascii: "%") }
    }

    /// Whether nothing but blanks comes from there on.
    fileprivate func isBlank(from span: SourceSpan) -> Bool {
        let starts = self.lineStarts()
        let line = Int(span.line) - 1
        guard starts.indices.contains(line) else { return true }
        return self.bytes[starts[line]...].allSatisfy { $0 <= 0x20 }
    }

    /// The first byte of the character at a place.
    fileprivate func byte(at span: SourceSpan) -> UInt8? {
        let starts = self.lineStarts()
        let line = Int(span.line) - 1
        guard starts.indices.contains(line) else { return nil }
        var characters = 0
        for byte in self.bytes[starts[line]...] where byte & 0xC0 != 0x80 {
            characters += 1
            if characters == Int(span.column) { return byte }
        }
        return nil
    }
}

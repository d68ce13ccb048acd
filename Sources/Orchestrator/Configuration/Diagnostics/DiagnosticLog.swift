/// Collects what is wrong while files are read and decoded. One load has one log; it is not shared between threads.
final class DiagnosticLog {
    /// A second place, still without its file's name.
    struct Note: Hashable {
        let message: String
        let span: SourceSpan

        init(_ message: String, _ span: SourceSpan) {
            self.message = message
            self.span = span
        }
    }

    private struct Entry: Hashable {
        var severity: Diagnostic.Severity
        var category: Diagnostic.Category
        var code: Diagnostic.Code
        var span: SourceSpan
        var message: String
        var expected: String?
        var suggestion: String?
        var help: String?
        var notes: [Note]
    }

    /// More than this nobody reads, and a hostile file must not make us write a book.
    static let limit = 1_000

    private(set) var errorCount = 0
    var hasErrors: Bool { self.errorCount > 0 }
    private var files: [SourceFile] = []
    private var entries: [Entry] = []
    private var seen: Set<Entry> = []
    private var omitted = 0
    private var masks: [Int32: [SourceSpan]] = [:]
    /// With thousands of known words and thousands of unknown ones it would take minutes to compare them all.
    private var comparisonsLeft = 20_000
    private var broken: Set<Int32> = []

    /// Registers a file, so that spans can refer to it. The first one is the main file.
    func add(path: String, directory: String, bytes: [UInt8], permissions: UInt32?) -> SourceFile {
        let file = SourceFile(
            id: Int32(self.files.count),
            path: path,
            directory: directory,
            bytes: bytes,
            permissions: permissions
        )
        self.files.append(file)
        return file
    }

    /// The file a span lies in.
    func file(of span: SourceSpan) -> SourceFile {
        self.files[Int(span.file)]
    }

    /// From now on the text at `span` is not quoted.
    func mask(_ span: SourceSpan) {
        self.masks[span.file, default: []].append(span)
    }

    /// The file could not be read to its end, so that not all its secrets are known: mask by the looks of the text.
    func markBroken(_ file: Int32) {
        self.broken.insert(file)
    }

    /// Whether a word may still be compared with so many others to say which was meant.
    func mayCompare(with count: Int) -> Bool {
        guard count <= self.comparisonsLeft else { return false }
        self.comparisonsLeft -= count
        return true
    }

    func error(
        _ code: Diagnostic.Code,
        category: Diagnostic.Category = .configuration,
        _ span: SourceSpan,
        _ message: String,
        expected: String? = nil,
        suggestion: String? = nil,
        help: String? = nil,
        notes: [Note] = []
    ) {
        self.errorCount += 1
        self.append(
            Entry(
                severity: .error,
                category: category,
                code: code,
                span: span,
                message: message,
                expected: expected,
                suggestion: suggestion,
                help: help,
                notes: notes
            )
        )
    }

    func warning(
        _ code: Diagnostic.Code,
        category: Diagnostic.Category = .configuration,
        _ span: SourceSpan,
        _ message: String,
        expected: String? = nil,
        suggestion: String? = nil,
        help: String? = nil,
        notes: [Note] = []
    ) {
        self.append(
            Entry(
                severity: .warning,
                category: category,
                code: code,
                span: span,
                message: message,
                expected: expected,
                suggestion: suggestion,
                help: help,
                notes: notes
            )
        )
    }

    private func append(_ entry: Entry) {
        // A node used through an alias a thousand times is wrong once.
        guard self.seen.insert(entry).inserted else { return }
        guard self.entries.count < DiagnosticLog.limit else {
            self.seen.remove(entry)
            self.omitted += 1
            return
        }
        self.entries.append(entry)
    }

    /// Everything reported so far, in the order of the files, with quoted lines.
    func finish() -> [Diagnostic] {
        let quoter = SourceQuoter(files: self.files, masks: self.masks, broken: self.broken)
        var diagnostics = self.entries.enumerated().sorted { left, right in
            let (a, b) = (left.element.span, right.element.span)
            return (a.file, a.line, a.column, left.offset) < (b.file, b.line, b.column, right.offset)
        }.map { self.diagnostic($0.element, quoter: quoter) }
        if self.omitted > 0, let main = self.files.first {
            diagnostics.append(
                Diagnostic(
                    severity: self.hasErrors ? .error : .warning,
                    category: self.entries.contains { $0.severity == .error && $0.category == .configuration }
                        ? .configuration : .permission,
                    code: .tooManyMistakes,
                    file: main.path,
                    line: 1,
                    column: 1,
                    message: "\(MessageText.grouped(self.omitted)) more mistakes are not shown",
                    expected: nil,
                    suggestion: nil,
                    help: "correct the ones above first",
                    notes: [],
                    excerpt: nil
                )
            )
        }
        return diagnostics
    }

    private func diagnostic(_ entry: Entry, quoter: SourceQuoter) -> Diagnostic {
        Diagnostic(
            severity: entry.severity,
            category: entry.category,
            code: entry.code,
            file: self.file(of: entry.span).path,
            line: Int(entry.span.line),
            column: Int(entry.span.column),
            message: entry.message,
            expected: entry.expected,
            suggestion: entry.suggestion,
            help: entry.help,
            notes: entry.notes.map { note in
                Diagnostic.Note(
                    message: note.message,
                    file: self.file(of: note.span).path,
                    line: Int(note.span.line),
                    column: Int(note.span.column)
                )
            },
            excerpt: quoter.excerpt(entry.span)
        )
    }
}

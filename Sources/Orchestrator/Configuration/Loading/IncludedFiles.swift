/// Finds, reads and composes what `include:` names.
struct IncludedFiles {
    /// A file that was read.
    struct Included {
        /// Absolute.
        var path: String
        /// Which `include:` names it, counted from 0.
        var include: Int
        var file: SourceFile
    }

    private let context: DecodingContext
    private(set) var read: [Included] = []
    /// How many `include:` came before.
    private var count = 0
    private var seen: [String: SourceSpan] = [:]
    private var size = 0

    init(context: DecodingContext) {
        self.context = context
    }

    /// The main file, which includes but is not included.
    mutating func begin(with file: SourceFile) {
        self.size = file.bytes.count
        let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
        self.seen[PathResolver.join(file.directory, name)] = .top(of: file)
    }

    /// The roots of all files that match, in the order of their names. What is wrong is reported.
    mutating func documents(_ pattern: String, span: SourceSpan) -> [YAMLNode] {
        defer { self.count += 1 }
        if let kept = self.context.kept { return self.documents(kept, span: span) }
        let base = self.context.log.file(of: span)
        guard let pattern = self.context.paths.expandHome(pattern) else {
            self.context.log.error(
                .include,
                span,
                "include: this names another user's home folder",
                expected: "~ or ~/… for your own"
            )
            return []
        }
        guard FileAccess.isPattern(pattern) else {
            let path = PathResolver.join(base.directory, pattern)
            return self.document(path, span: span, base: base).map { [$0] } ?? []
        }
        switch FileAccess.glob(pattern, in: base.directory) {
        case .success(let paths):
            if paths.isEmpty {
                self.context.log.warning(.includeEmpty, span, "include: no file matches")
            }
            return paths.compactMap { self.document($0, span: span, base: base) }
        case .failure(let problem):
            self.context.log.error(
                .include,
                category: problem.isPermission ? .permission : .configuration,
                span,
                "include: \(problem.message)"
            )
            return []
        }
    }

    private mutating func document(_ path: String, span: SourceSpan, base: SourceFile) -> YAMLNode? {
        let log = self.context.log
        let shown = IncludedFiles.shown(path, base: base)
        if let first = self.seen[path] {
            log.error(
                .include,
                span,
                "include: \(MessageText.quoted(shown)) is already part of the configuration",
                notes: [DiagnosticLog.Note("the first time", first)]
            )
            return nil
        }
        self.seen[path] = span
        switch FileAccess.read(path, limit: YAMLLimits().fileSize) {
        case .failure(let problem):
            log.error(
                .include,
                category: problem.isPermission ? .permission : .configuration,
                span,
                "include: \(MessageText.quoted(shown)) cannot be read: \(problem.message)"
            )
            return nil
        case .success(let contents):
            self.size += contents.bytes.count
            guard self.size <= ConfigurationLoader.totalSize else {
                log.error(
                    .tooManyFiles,
                    span,
                    "the files together have more than \(MessageText.grouped(ConfigurationLoader.totalSize)) bytes"
                )
                return nil
            }
            return self.root(of: shown, at: path, contents)
        }
    }

    /// What the same `include:` named when the files were kept.
    private mutating func documents(_ kept: KeptConfiguration, span: SourceSpan) -> [YAMLNode] {
        let files = kept.files(of: self.count)
        if files.isEmpty { self.context.log.warning(.includeEmpty, span, "include: no file was found at that time") }
        return files.compactMap { file in
            self.root(
                of: file.path,
                at: file.path,
                FileContents(bytes: Array(file.text.utf8), permissions: nil, owner: 0)
            )
        }
    }

    private mutating func root(of shown: String, at path: String, _ contents: FileContents) -> YAMLNode? {
        let log = self.context.log
        let file = log.add(
            path: shown,
            directory: PathResolver.parent(of: path),
            bytes: contents.bytes,
            permissions: contents.permissions
        )
        self.read.append(Included(path: path, include: self.count, file: file))
        let hadErrors = log.errorCount
        let document = YAMLDocument(file, log: log)
        if document.root?.isNull ?? (log.errorCount == hadErrors) {
            log.warning(.emptyFile, .top(of: file), "the file is empty")
            return nil
        }
        return document.root
    }

    /// As the user would call it: next to the naming file, in the words that named that one.
    private static func shown(_ path: String, base: SourceFile) -> String {
        let prefix = base.directory.hasSuffix("/") ? base.directory : base.directory + "/"
        guard path.hasPrefix(prefix) else { return path }
        let rest = String(path.dropFirst(prefix.count))
        guard base.path.utf8.contains(UInt8(ascii: "/")) else { return rest }
        return PathResolver.join(PathResolver.parent(of: base.path), rest)
    }
}

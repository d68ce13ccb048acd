/// Why a document cannot be composed any further.
enum YAMLComposerError: Error {
    case syntax(YAMLSyntaxError)
    /// A limit was hit and the log says which.
    case reported
}

/// Builds nodes from events: resolves aliases and merge keys, refuses duplicates, and counts what it all expands to.
struct YAMLComposer {
    private enum Anchor {
        case composed(YAMLNode)
        /// The node is still being read: an alias to it would contain itself.
        case open(SourceSpan)
    }

    private let reader: YAMLEventReader
    private let limits: YAMLLimits
    private let log: DiagnosticLog
    private var anchors: [String: Anchor] = [:]
    private var expanded = 0
    private var secretKeys: [String: Secrecy] = [:]

    init(_ file: SourceFile, limits: YAMLLimits, log: DiagnosticLog) throws(YAMLComposerError) {
        do {
            self.reader = try YAMLEventReader(file)
        } catch {
            throw .syntax(error)
        }
        self.limits = limits
        self.log = log
    }

    /// The only document of the stream; nil if there is none.
    mutating func document() throws(YAMLComposerError) -> YAMLNode? {
        var root: YAMLNode?
        while true {
            let event = try self.next()
            switch event.kind {
            case .streamStart, .documentEnd:
                continue
            case .documentStart:
                guard root == nil else {
                    self.log.error(
                        .multipleDocuments,
                        event.span.start,
                        "a second YAML document begins here; one file is one document",
                        help: "remove the \"---\", or move the part below it to a file of its own and include: it"
                    )
                    throw .reported
                }
                root = try self.node(try self.next(), secrecy: .open, depth: 0)
            case .streamEnd:
                return root
            default:
                // libyaml's grammar does not let any other event stand outside a document.
                continue
            }
        }
    }

    private func next() throws(YAMLComposerError) -> YAMLEvent {
        do {
            return try self.reader.next()
        } catch {
            throw .syntax(error)
        }
    }

    private mutating func node(
        _ event: YAMLEvent,
        secrecy: Secrecy,
        depth: Int
    ) throws(YAMLComposerError) -> YAMLNode {
        if let tag = event.tag, tag != "!" {
            self.log.error(
                .tag,
                event.span.start,
                "YAML tags such as \(MessageText.quoted(tag)) are not used here",
                help: "leave the tag out; put a text in quotes"
            )
        }
        switch event.kind {
        case .alias(let name):
            return try self.alias(name, at: event.span, secrecy: secrecy)
        case .scalar(let text, let isPlain, let mayExpand):
            // An alias repeats the whole of a long text.
            let count = 1 + text.utf8.count / YAMLLimits.bytesPerNode
            try self.charge(count, at: event.span)
            if secrecy != .open { self.log.mask(event.span) }
            let node = YAMLNode(
                .scalar(text),
                span: event.span,
                isPlain: isPlain,
                isSecret: secrecy != .open,
                mayExpand: mayExpand,
                count: count
            )
            if let anchor = event.anchor { self.anchors[anchor] = .composed(node) }
            return node
        case .sequenceStart, .mappingStart:
            return try self.collection(event, secrecy: secrecy, depth: depth + 1)
        default:
            return YAMLNode(.invalid, span: event.span)
        }
    }

    private mutating func collection(
        _ event: YAMLEvent,
        secrecy: Secrecy,
        depth: Int
    ) throws(YAMLComposerError) -> YAMLNode {
        guard depth <= self.limits.nesting else {
            self.log.error(
                .tooDeep,
                event.span.start,
                "more than \(self.limits.nesting) levels of nesting",
                help: "no part of the configuration is nested this deep"
            )
            throw .reported
        }
        try self.charge(1, at: event.span)
        if let anchor = event.anchor { self.anchors[anchor] = .open(event.span) }
        let before = self.expanded
        let content: YAMLNode.Content
        var end = event.span
        if case .sequenceStart = event.kind {
            var items: [YAMLNode] = []
            while true {
                let next = try self.next()
                if case .sequenceEnd = next.kind {
                    end = next.span
                    break
                }
                items.append(try self.node(next, secrecy: secrecy, depth: depth))
            }
            content = .sequence(items)
        } else {
            content = .mapping(try self.entries(secrecy: secrecy, depth: depth, end: &end))
        }
        var span = event.span
        span.endLine = end.endLine
        span.endColumn = end.endColumn
        let node = YAMLNode(
            content,
            span: span,
            isSecret: secrecy == .secret,
            count: self.expanded - before + 1
        )
        if let anchor = event.anchor { self.anchors[anchor] = .composed(node) }
        return node
    }

    private mutating func alias(
        _ name: String,
        at span: SourceSpan,
        secrecy: Secrecy
    ) throws(YAMLComposerError) -> YAMLNode {
        // `*abc` where a secret belongs is rather a secret without quotes.
        let isSecret = secrecy == .secret
        if isSecret { self.log.mask(span) }
        let shown = isSecret ? SourceQuoter.mask : MessageText.quoted("*" + name)
        switch self.anchors[name] {
        case .composed(let node):
            try self.charge(node.count, at: span)
            guard secrecy == .secret || (secrecy == .value && !node.isSecret) else { return node }
            // The text stands under a harmless key, but here it is used as a secret.
            self.log.mask(node.span)
            return YAMLNode(
                node.content,
                span: node.span,
                isPlain: node.isPlain,
                isSecret: true,
                mayExpand: node.mayExpand,
                count: node.count
            )
        case .open(let anchorSpan):
            try self.charge(1, at: span)
            self.log.error(
                .recursiveAlias,
                span,
                "alias \(shown) stands inside the node it names, which would never end",
                notes: [DiagnosticLog.Note("the anchor", anchorSpan.start)]
            )
        case nil:
            try self.charge(1, at: span)
            let mayCompare = self.log.mayCompare(with: self.anchors.count)
            let known = mayCompare ? Suggestion.nearest(to: name, among: self.anchors.keys.sorted()) : nil
            self.log.error(
                .undefinedAlias,
                span,
                "alias \(shown) has no anchor before it",
                suggestion: known.map { "*" + $0 }
            )
        }
        return YAMLNode(.invalid, span: span)
    }

    private mutating func charge(_ count: Int, at span: SourceSpan) throws(YAMLComposerError) {
        self.expanded += count
        guard self.expanded <= self.limits.nodes else {
            self.log.error(
                .tooManyNodes,
                span,
                "the file has more than \(MessageText.grouped(self.limits.nodes)) values once aliases and merge keys are expanded",
                help: "spread the accounts over several files with include:, or use fewer aliases"
            )
            throw .reported
        }
    }
}

extension YAMLComposer {
    /// Entries of one mapping up to its end, merge keys expanded: what is written out wins over what is merged, and
    /// what is merged first wins over what is merged later.
    private mutating func entries(
        secrecy: Secrecy,
        depth: Int,
        end: inout SourceSpan
    ) throws(YAMLComposerError) -> [YAMLEntry] {
        var entries: [YAMLEntry] = []
        var places = KeyPlaces()
        var merges: [(node: YAMLNode, span: SourceSpan)] = []
        var mergeKey: SourceSpan?
        while true {
            let event = try self.next()
            if case .mappingEnd = event.kind {
                end = event.span
                break
            }
            guard case .scalar(let key, let isPlain, _) = event.kind else {
                // Read past the pair, or everything after it would be out of step.
                _ = try self.node(event, secrecy: secrecy, depth: depth)
                _ = try self.node(try self.next(), secrecy: secrecy, depth: depth)
                self.log.error(
                    .keyType,
                    event.span.start,
                    "a key must be a plain word, not a list, a mapping or an alias"
                )
                continue
            }
            try self.charge(1, at: event.span)
            if secrecy.hides(key: key) { self.log.mask(event.span) }
            if isPlain, key == "<<" {
                if let mergeKey {
                    self.log.error(
                        .duplicateKey,
                        event.span,
                        "duplicate merge key \"<<\"",
                        help: "merge several with a list: <<: [*one, *two]",
                        notes: [DiagnosticLog.Note("the first one", mergeKey)]
                    )
                }
                mergeKey = event.span
                try self.merge(secrecy: secrecy, depth: depth, into: &merges)
                continue
            }
            let inner = secrecy.under(key, cache: &self.secretKeys)
            let value = try self.node(try self.next(), secrecy: inner, depth: depth)
            let entry = YAMLEntry(
                key: key,
                keySpan: event.span,
                value: value,
                isKeySecret: secrecy.hides(key: key)
            )
            if let first = places.insert(key, event.span) {
                self.log.error(
                    .duplicateKey,
                    event.span,
                    "duplicate key \(entry.shownKey)",
                    help: "remove one of the two",
                    notes: [DiagnosticLog.Note("the first one", first)]
                )
                continue
            }
            entries.append(entry)
        }
        for merge in merges {
            guard case .mapping(let merged) = merge.node.content else { continue }
            for entry in merged where places.insert(entry.key, entry.keySpan) == nil {
                try self.charge(entry.value.count + 1, at: merge.span)
                entries.append(entry)
            }
        }
        return entries
    }

    /// Reads the value of a `<<` key: a mapping (usually an alias of one) or a list of them.
    private mutating func merge(
        secrecy: Secrecy,
        depth: Int,
        into merges: inout [(node: YAMLNode, span: SourceSpan)]
    ) throws(YAMLComposerError) {
        let event = try self.next()
        let value = try self.node(event, secrecy: secrecy, depth: depth)
        let candidates: [YAMLNode]
        if case .sequence(let items) = value.content { candidates = items } else { candidates = [value] }
        for node in candidates {
            switch node.content {
            case .mapping:
                merges.append((node, event.span))
            case .invalid:
                continue
            case .scalar, .sequence:
                self.log.error(
                    .mergeKey,
                    event.span.start,
                    "\"<<\" merges mappings, this is \(node.article)",
                    expected: "an alias of a mapping, or a list of such aliases"
                )
            }
        }
    }
}

/// The keys of one mapping and where they stand. Small mappings, nearly all, do without hashing.
private struct KeyPlaces {
    private var keys: [(String, SourceSpan)] = []
    private var index: [String: SourceSpan] = [:]

    /// Notes the key; gives back where it stood before, if it did.
    mutating func insert(_ key: String, _ span: SourceSpan) -> SourceSpan? {
        if self.keys.count < 16 {
            for (known, place) in self.keys where known == key { return place }
            self.keys.append((key, span))
            return nil
        }
        if self.index.isEmpty {
            for (known, place) in self.keys { self.index[known] = place }
        }
        if let place = self.index[key] { return place }
        self.index[key] = span
        return nil
    }
}

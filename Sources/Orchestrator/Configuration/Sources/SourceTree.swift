/// One YAML document as it is written: where its scalars stand, and which of them are used as secrets. Aliases stay aliases.
struct SourceTree {
    struct Scalar {
        var text: String
        var span: SourceSpan
        var isPlain: Bool
        var isKey: Bool
    }

    private enum Node {
        /// Index of the scalar.
        case scalar(Int)
        case sequence([Int])
        /// Index of the key, node of the value.
        case mapping([(key: Int, value: Int)])
        /// The node that it stands for.
        case alias(Int)
    }

    private struct Visit: Hashable {
        var node: Int
        var secrecy: Secrecy
    }

    /// In the order of the file.
    private(set) var scalars: [Scalar] = []
    private var nodes: [Node] = []
    private var anchors: [String: Int] = [:]
    private var roots: [Int] = []

    /// - Throws: ``YAMLSyntaxError`` for a text that is no YAML.
    init(_ file: SourceFile) throws(YAMLSyntaxError) {
        let reader = try YAMLEventReader(file)
        while true {
            let event = try reader.next()
            switch event.kind {
            case .streamEnd: return
            case .scalar, .sequenceStart, .mappingStart, .alias: self.roots.append(try self.node(event, reader))
            default: continue
            }
        }
    }

    private mutating func node(_ event: YAMLEvent, _ reader: YAMLEventReader) throws(YAMLSyntaxError) -> Int {
        let index = self.nodes.count
        self.nodes.append(.sequence([]))
        if let anchor = event.anchor { self.anchors[anchor] = index }
        switch event.kind {
        case .scalar:
            self.nodes[index] = .scalar(self.scalar(event, isKey: false))
        case .alias(let name):
            // An alias of nothing stays an empty list.
            if let target = self.anchors[name] { self.nodes[index] = .alias(target) }
        case .sequenceStart:
            var items: [Int] = []
            while true {
                let next = try reader.next()
                if case .sequenceEnd = next.kind { break }
                items.append(try self.node(next, reader))
            }
            self.nodes[index] = .sequence(items)
        case .mappingStart:
            var entries: [(key: Int, value: Int)] = []
            while true {
                let next = try reader.next()
                if case .mappingEnd = next.kind { break }
                if case .scalar = next.kind {
                    let key = self.scalar(next, isKey: true)
                    entries.append((key, try self.node(try reader.next(), reader)))
                } else {
                    // No grammar has keys that are lists or mappings; whatever stands there is looked at all the same.
                    self.roots.append(try self.node(next, reader))
                    self.roots.append(try self.node(try reader.next(), reader))
                }
            }
            self.nodes[index] = .mapping(entries)
        default:
            break
        }
        return index
    }

    private mutating func scalar(_ event: YAMLEvent, isKey: Bool) -> Int {
        if case .scalar(let text, let isPlain, _) = event.kind {
            self.scalars.append(Scalar(text: text, span: event.span, isPlain: isPlain, isKey: isKey))
        }
        return self.scalars.count - 1
    }

    /// The scalars that hold a secret: by the key they stand under, by where an alias uses them, or by their looks. A
    /// reference to the environment is none.
    func secrets() -> Set<Int> {
        var secrets: Set<Int> = []
        var visited: Set<Visit> = []
        var cache: [String: Secrecy] = [:]
        var open = self.roots.map { Visit(node: $0, secrecy: .open) }
        while let visit = open.popLast() {
            guard visited.insert(visit).inserted else { continue }
            switch self.nodes[visit.node] {
            case .scalar(let index):
                if self.isSecret(self.scalars[index], visit.secrecy) { secrets.insert(index) }
            case .alias(let node):
                open.append(Visit(node: node, secrecy: visit.secrecy))
            case .sequence(let items):
                for item in items { open.append(Visit(node: item, secrecy: visit.secrecy)) }
                secrets.formUnion(self.optionValues(items))
            case .mapping(let entries):
                for (index, value) in entries {
                    let key = self.scalars[index]
                    if visit.secrecy.hides(key: key.text), !SourceWords.all.contains(key.text) {
                        secrets.insert(index)
                    }
                    let isMerge = key.isPlain && key.text == "<<"
                    let inner = isMerge ? visit.secrecy : visit.secrecy.under(key.text, cache: &cache)
                    open.append(Visit(node: value, secrecy: inner))
                }
            }
        }
        return secrets
    }

    private func isSecret(_ scalar: Scalar, _ secrecy: Secrecy) -> Bool {
        if scalar.text.isEmpty { return false }
        if secrecy == .open { return SecretText.masked(scalar.text) != scalar.text }
        return EnvironmentExpansion.isLiteral(scalar.text)
            && !(scalar.isPlain && SourceWords.all.contains(scalar.text))
    }

    /// `["--api-key", "abc"]`: what follows an option that asks for a secret.
    private func optionValues(_ items: [Int]) -> [Int] {
        var values: [Int] = []
        for (option, value) in zip(items, items.dropFirst()) {
            guard case .scalar(let name) = self.nodes[option], case .scalar(let index) = self.nodes[value] else {
                continue
            }
            let text = self.scalars[name].text
            guard text.hasPrefix("-"), Secrecy.isSecretKey(text),
                EnvironmentExpansion.isLiteral(self.scalars[index].text)
            else { continue }
            values.append(index)
        }
        return values
    }
}

/// Words of the grammar: no secret, wherever they stand.
enum SourceWords {
    static let all: Set<String> = {
        var words: Set<String> = ["true", "false", "null", "~", "off", "<<"]
        for object in ConfigurationSchema.objects {
            for field in object.fields {
                words.insert(field.key)
                if case .word(let values) = field.shape { words.formUnion(values) }
            }
        }
        return words
    }()
}

/// How one sort of value is read: the shape for schema and handbook, and the function that decodes it.
struct ValueType<Value: Sendable>: Sendable {
    let shape: ValueShape
    /// The value as YAML text, for the default in schema and handbook; nil if it cannot be written in a line.
    let describe: @Sendable (Value) -> String?
    /// The value as keys with texts, for comparing two of them: one, or one for each key below it.
    let flatten: @Sendable (Value, String, inout [FlatKey]) -> Void
    /// Decodes over the value that is there, so that what a file does not say stays what it was. False, with the
    /// value untouched or partly changed and the reason reported, if the node is wrong.
    let decode: @Sendable (YAMLNode, inout Value, DecodingContext) -> Bool

    /// - Parameter flatten: nil for a value that is one text.
    init(
        shape: ValueShape,
        describe: @escaping @Sendable (Value) -> String?,
        flatten: (@Sendable (Value, String, inout [FlatKey]) -> Void)? = nil,
        decode: @escaping @Sendable (YAMLNode, inout Value, DecodingContext) -> Bool
    ) {
        self.shape = shape
        self.describe = describe
        self.flatten =
            flatten ?? { value, key, keys in
                if let text = describe(value) { keys.append(FlatKey(key: key, text: text)) }
            }
        self.decode = decode
    }
}

/// One key of a mapping: how it is called, what it means, and where its value goes.
struct FieldDescription<Root: Sendable>: Sendable {
    let key: String
    let doc: String
    let isRequired: Bool
    let shape: ValueShape
    let describeDefault: @Sendable (Root) -> String?
    let flatten: @Sendable (Root, String, inout [FlatKey]) -> Void
    let decode: @Sendable (YAMLNode, inout Root, DecodingContext) -> Bool

    init<Value: Sendable>(
        _ key: String,
        _ path: any WritableKeyPath<Root, Value> & Sendable,
        _ type: ValueType<Value>,
        required: Bool = false,
        _ doc: String
    ) {
        self.key = key
        self.doc = doc
        self.isRequired = required
        self.shape = type.shape
        self.describeDefault = { type.describe($0[keyPath: path]) }
        self.flatten = { root, key, keys in type.flatten(root[keyPath: path], key, &keys) }
        self.decode = { node, root, context in type.decode(node, &root[keyPath: path], context) }
    }

    private init(
        key: String,
        doc: String,
        isRequired: Bool,
        shape: ValueShape,
        describeDefault: @escaping @Sendable (Root) -> String?,
        flatten: @escaping @Sendable (Root, String, inout [FlatKey]) -> Void,
        decode: @escaping @Sendable (YAMLNode, inout Root, DecodingContext) -> Bool
    ) {
        self.key = key
        self.doc = doc
        self.isRequired = isRequired
        self.shape = shape
        self.describeDefault = describeDefault
        self.flatten = flatten
        self.decode = decode
    }

    /// The same key in a larger structure.
    func within<Outer: Sendable>(
        _ path: any WritableKeyPath<Outer, Root> & Sendable
    ) -> FieldDescription<Outer> {
        let describeDefault = self.describeDefault
        let flatten = self.flatten
        let decode = self.decode
        return FieldDescription<Outer>(
            key: self.key,
            doc: self.doc,
            isRequired: self.isRequired,
            shape: self.shape,
            describeDefault: { describeDefault($0[keyPath: path]) },
            flatten: { outer, key, keys in flatten(outer[keyPath: path], key, &keys) },
            decode: { node, outer, context in decode(node, &outer[keyPath: path], context) }
        )
    }
}

/// A mapping with known keys and the structure it is decoded into.
struct ObjectDescription<Root: Sendable>: Sendable {
    let shape: ObjectShape
    private let fields: [FieldDescription<Root>]
    private let check: @Sendable (YAMLNode, Root, DecodingContext) -> Void

    /// - Parameters:
    ///   - defaults: what holds where a file says nothing; the handbook's defaults are read from it.
    ///   - check: what must hold between keys; runs when each key by itself is right.
    init(
        _ name: String,
        title: String,
        doc: String,
        defaults: Root,
        ignoredPrefix: String? = nil,
        fields: [FieldDescription<Root>],
        check: @escaping @Sendable (YAMLNode, Root, DecodingContext) -> Void = { _, _, _ in }
    ) {
        self.fields = fields
        self.check = check
        self.shape = ObjectShape(
            name: name,
            title: title,
            doc: doc,
            fields: fields.map { field in
                FieldShape(
                    key: field.key,
                    shape: field.shape,
                    isRequired: field.isRequired,
                    defaultText: field.isRequired ? nil : field.describeDefault(defaults),
                    doc: field.doc
                )
            },
            ignoredPrefix: ignoredPrefix
        )
    }

    /// Decodes a mapping over `root`. Nothing (`stream:` and no more) is an empty mapping.
    func decode(_ node: YAMLNode, into root: inout Root, context: DecodingContext) -> Bool {
        let entries: [YAMLEntry]
        switch node.content {
        case .mapping(let mapping):
            entries = mapping
        case .scalar where node.isNull:
            entries = []
        case .invalid:
            return false
        case .scalar, .sequence:
            context.wrongType(node, expected: "\(self.shape.title): a mapping of key: value")
            return false
        }
        let outerKey = context.key
        defer { context.key = outerKey }
        var isRight = true
        // A required key that is only misspelt is not also reported as missing.
        var misspelt: [String] = []
        for entry in entries {
            guard let field = self.fields.first(where: { $0.key == entry.key }) else {
                if let prefix = self.shape.ignoredPrefix, entry.key.hasPrefix(prefix) { continue }
                if let meant = self.unknownKey(entry, context: context) { misspelt.append(meant) }
                isRight = false
                continue
            }
            context.key = entry.key
            if !field.decode(entry.value, &root, context) { isRight = false }
        }
        for field in self.fields where field.isRequired && !misspelt.contains(field.key) {
            guard !entries.contains(where: { $0.key == field.key }) else { continue }
            context.log.error(
                .missingKey,
                node.span.start,
                "\(self.shape.title) needs the key \(MessageText.quoted(field.key))",
                help: field.doc
            )
            isRight = false
        }
        if isRight { self.check(node, root, context) }
        return isRight
    }

    /// Every key with its value's text, in the order of the grammar, so that two values can be compared key by key.
    /// - Parameter prefix: the key that all of them stand under; empty for none.
    func flatten(_ root: Root, under prefix: String, into keys: inout [FlatKey]) {
        for field in self.fields {
            field.flatten(root, prefix.isEmpty ? field.key : "\(prefix).\(field.key)", &keys)
        }
    }

    /// Reports it; gives back the key that was probably meant.
    private func unknownKey(_ entry: YAMLEntry, context: DecodingContext) -> String? {
        let keys = self.fields.map(\.key)
        let meant = Suggestion.nearest(to: entry.key, among: keys)
        context.log.error(
            .unknownKey,
            entry.keySpan,
            "unknown key \(entry.shownKey) in \(self.shape.title)",
            expected: "one of: " + keys.joined(separator: ", "),
            suggestion: meant
        )
        return meant
    }
}

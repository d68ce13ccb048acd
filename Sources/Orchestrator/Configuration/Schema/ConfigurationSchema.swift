internal import HybridStream

/// The grammar as JSON Schema, for editors.
public enum ConfigurationSchema {
    /// JSON Schema, draft 2020-12. Made from the descriptions that the decoder uses.
    ///
    /// What a schema cannot say (names that must be unique, strategies that must exist, files that must be there) is
    /// left to `validate`.
    public static func json() -> String {
        let root = ConfigurationSchema.root
        var builder = SchemaBuilder()
        let body = builder.object(root)
        var members: [(String, JSONText)] = [
            ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
            ("title", .string("bybitctl accounts.yaml")),
        ]
        if case .object(let inner) = body { members += inner }
        members.append(("$defs", .object(builder.definitions)))
        return JSONText.object(members).text()
    }

    /// Description of a whole file with the defaults of an ordinary user.
    static var root: ObjectShape {
        let runtime = RuntimeConfiguration(stateDirectory: RuntimeConfiguration.userStateDirectory)
        return Grammar.root(defaults: ConfigurationDraft(configuration: Configuration(runtime: runtime))).shape
    }

    /// All mappings, the file first, each once.
    static var objects: [ObjectShape] {
        var result: [ObjectShape] = []
        ConfigurationSchema.collect(ConfigurationSchema.root, into: &result)
        return result
    }

    private static func collect(_ object: ObjectShape, into result: inout [ObjectShape]) {
        guard !result.contains(where: { $0.name == object.name }) else { return }
        result.append(object)
        for field in object.fields {
            for inner in field.shape.objects { ConfigurationSchema.collect(inner, into: &result) }
        }
    }
}

extension ValueShape {
    /// The mappings a value may be or hold.
    var objects: [ObjectShape] {
        switch self {
        case .object(let object), .map(let object, _): [object]
        case .list(let inner, _), .offOr(let inner): inner.objects
        case .oneOf(let forms): forms
        case .boolean, .integer, .decimal, .duration, .size, .text, .word, .mixed: []
        }
    }
}

private struct SchemaBuilder {
    private(set) var definitions: [(String, JSONText)] = []
    private var names: Set<String> = []

    /// A value that is not a text may also come from the environment.
    private static let reference = JSONText.object([
        ("type", .string("string")), ("pattern", .string("\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}")),
    ])

    mutating func object(_ shape: ObjectShape) -> JSONText {
        var properties: [(String, JSONText)] = []
        for field in shape.fields {
            var value = self.value(field.shape)
            if case .object(var members) = value {
                members.append(("description", .string(field.doc)))
                if let text = field.defaultText, let value = SchemaBuilder.defaultValue(text, field.shape) {
                    members.append(("default", value))
                }
                value = .object(members)
            }
            properties.append((field.key, value))
        }
        let required = shape.fields.filter(\.isRequired).map { JSONText.string($0.key) }
        var members: [(String, JSONText)] = [
            // `stream:` with nothing behind it is an empty mapping.
            ("type", required.isEmpty ? .array([.string("object"), .string("null")]) : .string("object")),
            ("properties", .object(properties)),
        ]
        if let prefix = shape.ignoredPrefix {
            members.append(("patternProperties", .object([("^" + prefix, .boolean(true))])))
        }
        members.append(("additionalProperties", .boolean(false)))
        if !required.isEmpty { members.append(("required", .array(required))) }
        return .object(members)
    }

    private mutating func definition(_ shape: ObjectShape) -> JSONText {
        if self.names.insert(shape.name).inserted {
            let body = self.object(shape)
            self.definitions.append((shape.name, body))
        }
        return .object([("$ref", .string("#/$defs/\(shape.name)"))])
    }

    private mutating func value(_ shape: ValueShape) -> JSONText {
        switch shape {
        case .boolean:
            return SchemaBuilder.orReference([("type", .string("boolean"))])
        case .integer(let range):
            return SchemaBuilder.orReference([
                ("type", .string("integer")), ("minimum", .integer(range.lowerBound)),
                ("maximum", .integer(range.upperBound)),
            ])
        case .decimal(let range, let isZeroAllowed):
            let number: [(String, JSONText)] = [
                ("type", .string("number")), ("minimum", .number(range.lowerBound.description)),
                ("maximum", .number(range.upperBound.description)),
            ]
            guard isZeroAllowed else { return SchemaBuilder.orReference(number) }
            return .object([
                ("anyOf", .array([.object(number), .object([("const", .integer(0))]), SchemaBuilder.reference]))
            ])
        case .duration:
            return SchemaBuilder.orReference([
                ("type", .string("string")), ("pattern", .string("^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$")),
            ])
        case .size:
            return SchemaBuilder.orReference([
                ("type", .string("string")), ("pattern", .string("^[0-9]+(\\.[0-9]+)?(B|[kKMG]B|[KMG]iB)$")),
            ])
        case .text(_, let pattern?):
            return SchemaBuilder.orReference([("type", .string("string")), ("pattern", .string(pattern))])
        case .text(_, nil):
            return .object([("type", .string("string")), ("minLength", .integer(1))])
        case .word(let words):
            return SchemaBuilder.orReference([("enum", .array(words.map { .string($0) }))])
        case .mixed(_, let pattern):
            return .object([
                (
                    "anyOf",
                    .array([
                        .object([("type", .string("string")), ("pattern", .string(pattern))]),
                        .object([("type", .string("integer")), ("minimum", .integer(1))]), SchemaBuilder.reference,
                    ])
                )
            ])
        case .list(let inner, let count):
            return .object([
                ("type", .string("array")), ("items", self.value(inner)), ("minItems", .integer(count.lowerBound)),
                ("maxItems", .integer(count.upperBound)),
            ])
        case .object(let object):
            return self.definition(object)
        case .offOr(let inner):
            return .object([("anyOf", .array([self.value(inner), .object([("const", .string("off"))])]))])
        case .map(let object, let keyPattern):
            return .object([
                ("type", .array([.string("object"), .string("null")])),
                ("propertyNames", .object([("pattern", .string(keyPattern))])),
                ("additionalProperties", self.definition(object)),
            ])
        case .oneOf(let forms):
            return .object([("oneOf", .array(forms.map { self.definition($0) }))])
        }
    }

    private static func orReference(_ members: [(String, JSONText)]) -> JSONText {
        .object([("anyOf", .array([.object(members), SchemaBuilder.reference]))])
    }

    /// A default as the JSON value it would be in the file.
    private static func defaultValue(_ text: String, _ shape: ValueShape) -> JSONText? {
        switch shape {
        case .boolean: .boolean(text == "true")
        case .integer, .decimal: .number(text)
        case .duration, .size, .text, .word: .string(text)
        case .list(let inner, _):
            .array(
                text.dropFirst().dropLast().split(separator: ", ").compactMap {
                    SchemaBuilder.defaultValue(String($0), inner)
                }
            )
        case .mixed: .string(text.filter { $0 != "\"" })
        case .object, .offOr, .map, .oneOf: nil
        }
    }
}

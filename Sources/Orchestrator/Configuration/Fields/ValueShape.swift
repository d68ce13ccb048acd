internal import HybridStream

/// What values a key takes, described: the one description from which decoding messages, the JSON Schema and the
/// tables of the handbook are made.
indirect enum ValueShape: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case decimal(ClosedRange<FixedPoint>, isZeroAllowed: Bool)
    case duration(ClosedRange<Duration>)
    case size(ClosedRange<Int>)
    /// A text; `what` says what it stands for, `pattern` is a regular expression (ECMA 262).
    case text(what: String, pattern: String?)
    case word([String])
    /// An integer or a text, both matching the pattern.
    case mixed(what: String, pattern: String)
    case list(ValueShape, count: ClosedRange<Int>)
    case object(ObjectShape)
    /// The word `off` instead of a value.
    case offOr(ValueShape)
    /// Free names, each with an object.
    case map(ObjectShape, keyPattern: String)
    /// An object that has one of several forms.
    case oneOf([ObjectShape])
}

/// A mapping with known keys.
final class ObjectShape: Sendable {
    /// Name in the schema's `$defs`.
    let name: String
    /// What messages call it: "a strategy".
    let title: String
    let doc: String
    let fields: [FieldShape]
    /// Keys beginning with this are ignored, whatever they hold.
    let ignoredPrefix: String?

    init(name: String, title: String, doc: String, fields: [FieldShape], ignoredPrefix: String? = nil) {
        self.name = name
        self.title = title
        self.doc = doc
        self.fields = fields
        self.ignoredPrefix = ignoredPrefix
    }
}

/// One key of a mapping.
struct FieldShape: Sendable {
    let key: String
    let shape: ValueShape
    let isRequired: Bool
    /// The default as one would write it in YAML; nil if there is none.
    let defaultText: String?
    let doc: String
}

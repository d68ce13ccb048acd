/// One node of a composed document. Aliased nodes are shared, not copied.
final class YAMLNode: Sendable {
    enum Content: Sendable {
        /// The text after unquoting and unfolding.
        case scalar(String)
        case sequence([YAMLNode])
        case mapping([YAMLEntry])
        /// Stands where the composer has already reported an error, so that nobody complains a second time.
        case invalid
    }

    let content: Content
    let span: SourceSpan
    /// Of a scalar: written without quotes, so that `5` is a number and `null` is nothing.
    let isPlain: Bool
    /// A secret, or something under a key that asks for one: never quoted in a message.
    let isSecret: Bool
    /// Of a scalar: holds a `$`, so that it may name an environment variable.
    let mayExpand: Bool
    /// How many nodes this one is after expansion, itself included.
    let count: Int

    init(
        _ content: Content,
        span: SourceSpan,
        isPlain: Bool = false,
        isSecret: Bool = false,
        mayExpand: Bool = false,
        count: Int = 1
    ) {
        self.content = content
        self.span = span
        self.isPlain = isPlain
        self.isSecret = isSecret
        self.mayExpand = mayExpand
        self.count = count
    }

    /// Nothing, `~` or `null`.
    var isNull: Bool {
        guard self.isPlain, case .scalar(let text) = self.content else { return false }
        return text.isEmpty || text == "~" || text == "null" || text == "Null" || text == "NULL"
    }

    var isInvalid: Bool {
        if case .invalid = self.content { return true }
        return false
    }

    /// The plain word `off`, which turns some sections off.
    var isOff: Bool {
        guard self.isPlain, case .scalar(let text) = self.content else { return false }
        return text == "off"
    }

    /// The entry of a mapping with that key.
    func entry(_ key: String) -> YAMLEntry? {
        guard case .mapping(let entries) = self.content else { return nil }
        return entries.first { $0.key == key }
    }

    /// Where to point when a check is about one key: at its value, or at the whole if the key is not written down.
    func span(of key: String) -> SourceSpan {
        guard let value = self.entry(key)?.value else { return self.place }
        return value.place
    }

    /// The extent of a scalar, the beginning of anything else.
    var place: SourceSpan {
        switch self.content {
        case .scalar: self.span
        default: self.span.start
        }
    }
}

/// One `key: value` of a mapping.
struct YAMLEntry: Sendable {
    let key: String
    let keySpan: SourceSpan
    let value: YAMLNode
    /// The key itself may be a secret, as in `{ api_key=… }`, and is not quoted.
    var isKeySecret = false

    /// The key as a message may show it.
    var shownKey: String { self.isKeySecret ? SourceQuoter.mask : MessageText.quoted(SecretText.masked(self.key)) }
}

extension ValueType<String> {
    /// A text that is checked and perhaps changed. `accept` gives the value back, or reports and gives nil.
    static func text(
        what: String,
        pattern: String? = nil,
        accept: @escaping @Sendable (String, YAMLNode, DecodingContext) -> String?
    ) -> ValueType<String> {
        ValueType.parsed(
            shape: .text(what: what, pattern: pattern),
            what: what,
            describe: { $0.isEmpty ? nil : $0 },
            accept
        )
    }

    /// Any text without control characters.
    static func text(what: String) -> ValueType<String> {
        .text(what: what) { text, node, context in
            guard !text.isEmpty, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
                context.badValue(
                    .badValue,
                    node,
                    text.isEmpty ? "is empty" : "holds a control character",
                    expected: what
                )
                return nil
            }
            return text
        }
    }

    /// The name of an account, a strategy or an instance.
    static func name(of what: String) -> ValueType<String> {
        .text(what: what, pattern: Name.pattern) { text, node, context in
            if let problem = Name.problem(text) {
                context.badValue(.badValue, node, problem, expected: Name.rule)
                return nil
            }
            return text
        }
    }

    /// A path; relative ones are relative to the file that names them.
    static func path(what: String, placeholders: Bool = false, orDash: Bool = false) -> ValueType<String> {
        .text(what: what) { text, node, context in
            if orDash, text == "-" { return text }
            if text.isEmpty || text.utf8.contains(0) {
                context.badValue(.badValue, node, text.isEmpty ? "is empty" : "holds NUL", expected: what)
                return nil
            }
            if placeholders, !Placeholders.check(text, node, context) { return nil }
            return context.resolvePath(text, node)
        }
    }
}

extension DecodingContext {
    /// The absolute form of a path; reported and nil if there is none.
    func resolvePath(_ text: String, _ node: YAMLNode) -> String? {
        if let path = self.paths.resolve(text, relativeTo: self.log.file(of: node.span).directory) { return path }
        self.badValue(
            .badValue,
            node,
            "names another user's home folder",
            expected: "~ or ~/… for your own, or an absolute path"
        )
        return nil
    }
}

extension ValueType {
    /// A scalar that is parsed from a text. YAML numbers and truth values are no texts: they want quotes, unless no number
    /// could be right anyhow.
    static func parsed(
        shape: ValueShape,
        what: String,
        wantsQuotes: Bool = true,
        describe: @escaping @Sendable (Value) -> String?,
        _ accept: @escaping @Sendable (String, YAMLNode, DecodingContext) -> Value?
    ) -> ValueType {
        ValueType(shape: shape, describe: describe) { node, value, context in
            guard let text = context.text(of: node, expected: what) else { return false }
            if wantsQuotes, node.isPlain, !node.mayExpand, ScalarText.isNumber(text) || ScalarText.isBoolean(text) {
                context.wrongType(
                    node,
                    expected: "\(what) as a text",
                    help: "put it in quotes: \(MessageText.quoted(text))"
                )
                return false
            }
            guard let accepted = accept(text, node, context) else { return false }
            value = accepted
            return true
        }
    }

    /// One of a few words.
    static func word() -> ValueType where Value: RawRepresentable<String> & CaseIterable {
        let words = Value.allCases.map(\.rawValue)
        return ValueType(shape: .word(words), describe: { $0.rawValue }) { node, value, context in
            let expected = MessageText.alternatives(words)
            guard let text = context.text(of: node, expected: expected) else { return false }
            guard let word = Value(rawValue: text) else {
                context.badValue(
                    .unknownValue,
                    node,
                    "is not known",
                    expected: expected,
                    suggestion: Suggestion.nearest(to: text, among: words)
                )
                return false
            }
            value = word
            return true
        }
    }
}

/// Names of accounts, strategies and instances: safe in paths, labels and on a command line.
enum Name {
    static let pattern = "^[a-z0-9][a-z0-9._-]{0,62}$"
    static let rule = "1 to 63 of a-z, 0-9, \".\", \"_\" and \"-\", beginning with a letter or digit"

    /// What is wrong with it; nil if nothing is.
    static func problem(_ name: String) -> String? {
        let bytes = name.utf8
        guard let first = bytes.first else { return "is empty" }
        guard bytes.count <= 63 else { return "is too long (\(bytes.count) bytes)" }
        guard Name.isAlphanumeric(first) else { return "begins with a character that a name cannot begin with" }
        let isRight = bytes.allSatisfy { byte in
            Name.isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: "-")
        }
        return isRight ? nil : "holds a character that is not allowed in a name"
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "a") < 26 || ScalarText.isDigit(byte)
    }
}

/// `{account}` in paths and arguments stands for the account's name.
enum Placeholders {
    static let account = "{account}"

    /// Reports a word in braces that stands for nothing.
    static func check(_ text: String, _ node: YAMLNode, _ context: DecodingContext) -> Bool {
        var rest = text.utf8[...]
        while let open = rest.firstIndex(of: UInt8(ascii: "{")) {
            let inner = rest[rest.index(after: open)...]
            guard let close = inner.firstIndex(of: UInt8(ascii: "}")) else { return true }
            let word = String(inner[..<close]) ?? ""
            if word != "account" {
                context.badValue(
                    .placeholder,
                    node,
                    "holds an unknown placeholder {\(MessageText.shortened(word))}",
                    expected: "{account}, the account's name",
                    suggestion: Suggestion.nearest(to: word, among: ["account"]).map { "{\($0)}" }
                )
                return false
            }
            rest = inner[inner.index(after: close)...]
        }
        return true
    }

    /// The text with the account's name put in.
    static func fill(_ text: String, account: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "{")) else { return text }
        let pattern = Array(Placeholders.account.utf8)
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count + account.utf8.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "{"), bytes[index...].starts(with: pattern) {
                result.append(contentsOf: account.utf8)
                index += pattern.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}

/// What decoding needs to know besides the tree, and where it reports to.
final class DecodingContext {
    let log: DiagnosticLog
    let environment: [String: String]
    let paths: PathResolver
    /// What is read is not the files as they are now but what was kept of them.
    let kept: KeptConfiguration?
    /// The key whose value is being decoded, for messages.
    var key = ""

    init(
        log: DiagnosticLog,
        environment: [String: String],
        paths: PathResolver,
        kept: KeptConfiguration? = nil
    ) {
        self.log = log
        self.environment = environment
        self.paths = paths
        self.kept = kept
    }

    /// Reports that a value is of the wrong sort.
    func wrongType(_ node: YAMLNode, expected: String, help: String? = nil) {
        guard !node.isInvalid else { return }
        self.log.error(
            .wrongType,
            node.place,
            "\(self.key): this is \(node.article)",
            expected: expected,
            help: help
        )
    }

    /// Reports that a value of the right sort cannot be used.
    func badValue(
        _ code: Diagnostic.Code,
        _ node: YAMLNode,
        _ problem: String,
        expected: String? = nil,
        suggestion: String? = nil,
        help: String? = nil
    ) {
        self.log.error(
            code,
            node.place,
            "\(self.key): \(node.shown) \(problem)",
            expected: expected,
            suggestion: suggestion,
            help: help
        )
    }

    /// The text of a scalar with its environment variables put in. Nil, and reported, if that is not possible.
    func text(of node: YAMLNode, expected: String) -> String? {
        guard case .scalar(let text) = node.content, !node.isNull else {
            self.wrongType(node, expected: expected)
            return nil
        }
        if self.kept != nil, text == ConfigurationSources.secretMarker {
            self.log.error(
                .secretNotKept,
                node.place,
                "\(self.key): this was written out and looked like a secret, and the store keeps no secrets",
                help: "apply the file itself; for the next time write ${NAME} in it"
            )
            return nil
        }
        guard node.mayExpand else { return text }
        switch EnvironmentExpansion.expand(text, environment: self.environment) {
        case .success(let expanded):
            return expanded
        case .failure(let problem):
            self.log.error(.environment, node.place, "\(self.key): \(problem.message)", help: problem.help)
            return nil
        }
    }
}

extension YAMLNode {
    /// What it is, with an article, without quoting a secret.
    var article: String {
        switch self.content {
        case .mapping: return "a mapping"
        case .sequence: return "a list"
        case .invalid: return "unreadable"
        case .scalar(let text):
            if self.isNull { return "empty" }
            if self.isSecret { return "a text" }
            return self.isPlain && ScalarText.isNumber(text)
                ? "the number \(MessageText.shortened(text))"
                : "the text \(self.shown)"
        }
    }

    /// The raw text of a scalar as it stands in the file: never with the environment put in, never a secret.
    var shown: String {
        guard case .scalar(let text) = self.content, !self.isSecret else { return "the value" }
        return MessageText.quoted(SecretText.masked(text))
    }

    /// Whether a number, a duration or a truth value may be read from it. A quoted `"5"` is a text; a quoted
    /// `"${PORT}"` is how one writes a reference.
    var mayBeTyped: Bool { self.isPlain || self.mayExpand }
}

/// Tells what YAML would take a plain word for.
enum ScalarText {
    /// Whether YAML's core schema reads the word as a number.
    static func isNumber(_ text: String) -> Bool {
        var bytes = Substring(text).utf8
        guard let first = bytes.first else { return false }
        if first == UInt8(ascii: "-") || first == UInt8(ascii: "+") { bytes.removeFirst() }
        guard let start = bytes.first, ScalarText.isDigit(start) || start == UInt8(ascii: ".") else { return false }
        if bytes.starts(with: "0x".utf8) { return bytes.dropFirst(2).allSatisfy { ScalarText.isHexDigit($0) } }
        if bytes.starts(with: "0o".utf8) { return bytes.dropFirst(2).allSatisfy { ScalarText.isDigit($0) } }
        var digits = 0
        var points = 0
        while let byte = bytes.first {
            if ScalarText.isDigit(byte) {
                digits += 1
            } else if byte == UInt8(ascii: ".") {
                points += 1
            } else {
                break
            }
            bytes.removeFirst()
        }
        guard digits > 0, points <= 1 else { return false }
        guard let exponent = bytes.first else { return true }
        guard exponent == UInt8(ascii: "e") || exponent == UInt8(ascii: "E") else { return false }
        bytes.removeFirst()
        if let sign = bytes.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { bytes.removeFirst() }
        return !bytes.isEmpty && bytes.allSatisfy { ScalarText.isDigit($0) }
    }

    /// `true` and `false` as YAML writes them.
    static func isBoolean(_ text: String) -> Bool {
        ["true", "false", "True", "False", "TRUE", "FALSE"].contains(text)
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        ScalarText.isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 6
    }
}

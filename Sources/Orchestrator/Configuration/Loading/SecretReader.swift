internal import HybridStream

/// The `credentials:` of one account as they stand in the file: nodes, since whether a missing secret is an error
/// depends on whether the account is enabled.
struct CredentialsDraft: Sendable {
    var apiKey: YAMLNode?
    var apiKeyFile: YAMLNode?
    var apiKeyCredential: YAMLNode?
    var apiSecret: YAMLNode?
    var apiSecretFile: YAMLNode?
    var apiSecretCredential: YAMLNode?
    /// Where `credentials:` stands.
    var span: SourceSpan?
}

/// Gets secrets from where a file says they are. Never puts one into a message.
struct SecretReader {
    /// Larger than any key, and than any that will come.
    static let limit = 4_096

    let context: DecodingContext
    let effectiveUserID: UInt32

    /// Files whose inline secrets have been complained about: once is enough.
    private var exposed: Set<Int32> = []

    init(context: DecodingContext, effectiveUserID: UInt32) {
        self.context = context
        self.effectiveUserID = effectiveUserID
    }

    /// Whose secrets are being read.
    private var account = ""

    /// Key and secret; nil if either is not to be had, which is reported: as an error if the account is enabled, else
    /// as a warning.
    mutating func credentials(
        _ draft: CredentialsDraft,
        account: String,
        span: SourceSpan,
        isEnabled: Bool
    ) -> Credentials? {
        self.account = account
        let key = self.secret(
            "api_key",
            inline: draft.apiKey,
            file: draft.apiKeyFile,
            credential: draft.apiKeyCredential,
            span: span,
            isEnabled: isEnabled
        )
        let secret = self.secret(
            "api_secret",
            inline: draft.apiSecret,
            file: draft.apiSecretFile,
            credential: draft.apiSecretCredential,
            span: span,
            isEnabled: isEnabled
        )
        guard let key, let secret else { return nil }
        return Credentials(apiKey: key, apiSecret: secret)
    }

    private mutating func secret(
        _ name: String,
        inline: YAMLNode?,
        file: YAMLNode?,
        credential: YAMLNode?,
        span: SourceSpan,
        isEnabled: Bool
    ) -> String? {
        let forms = "\(name), \(name)_file or \(name)_credential"
        let given = [inline, file, credential].compactMap(\.self)
        guard given.count == 1 else {
            if given.isEmpty {
                self.report(
                    .secretSource,
                    span,
                    "the credentials name no \(name)",
                    isEnabled: isEnabled,
                    expected: "one of \(forms)"
                )
            } else {
                // Two sources contradict each other whether the account runs or not.
                self.context.log.error(
                    .secretSource,
                    span,
                    "the credentials name \(name) in \(given.count) ways",
                    expected: "exactly one of \(forms)",
                    notes: given.map { DiagnosticLog.Note("one of them", $0.span) }
                )
            }
            return nil
        }
        if let inline { return self.inline(name, inline, isEnabled: isEnabled) }
        if let file { return self.file(name + "_file", file, isEnabled: isEnabled) }
        if let credential { return self.credential(name + "_credential", credential, isEnabled: isEnabled) }
        return nil
    }

    private mutating func inline(_ name: String, _ node: YAMLNode, isEnabled: Bool) -> String? {
        guard let text = self.scalar(name, node) else { return nil }
        if let kept = self.context.kept, text == ConfigurationSources.secretMarker {
            return self.running(name, node, kept, isEnabled: isEnabled)
        }
        self.checkExposure(node, text: text)
        if node.isPlain, !node.mayExpand, ScalarText.isNumber(text) || ScalarText.isBoolean(text) {
            self.context.log.error(
                .wrongType,
                node.place,
                "\(name): YAML takes this for a number or a truth value",
                expected: "a text",
                help: "put it in quotes"
            )
            return nil
        }
        switch EnvironmentExpansion.expand(text, environment: self.context.environment) {
        case .success(let value):
            return self.checked(value, name, node, from: "the value", isEnabled: isEnabled)
        case .failure(let problem):
            let isMissing = problem.message.hasSuffix("is not set")
            self.report(
                isMissing ? .missingSecret : .environment,
                node.place,
                "\(name): \(problem.message)",
                isEnabled: isEnabled || !isMissing,
                help: isMissing ? "set it before starting bybitctl" : problem.help
            )
            return nil
        }
    }

    /// In the place of one that was written out and is not kept.
    private func running(_ name: String, _ node: YAMLNode, _ kept: KeptConfiguration, isEnabled: Bool) -> String? {
        if let credentials = kept.credentials[self.account] {
            return name == "api_key" ? credentials.apiKey : credentials.apiSecret
        }
        let file = self.context.log.file(of: node.span).path
        self.report(
            .secretNotKept,
            node.place,
            "\(name): account \(MessageText.quoted(self.account)) had it written out in \(file), the store keeps no secrets, "
                + "and the configuration that runs has none for this account",
            isEnabled: isEnabled,
            help: "apply a file that has it; with \(name)_file or \"${NAME}\" in the file it is found again"
        )
        return nil
    }

    func content(
        _ contents: FileContents,
        _ name: String,
        _ node: YAMLNode,
        isEnabled: Bool
    ) -> String? {
        guard contents.bytes.count <= SecretReader.limit else {
            self.report(
                .secretFile,
                node.place,
                "\(name): \(node.shown) is larger than any secret",
                isEnabled: isEnabled,
                expected: "at most \(MessageText.grouped(SecretReader.limit)) bytes"
            )
            return nil
        }
        // Editors and echo leave a line break behind.
        let bytes = contents.bytes.drop { Self.isSpace($0) }
        let end = bytes.lastIndex { !Self.isSpace($0) }.map { $0 + 1 } ?? bytes.startIndex
        guard let text = String(validating: bytes[..<end], as: UTF8.self) else {
            self.report(.secretFile, node.place, "\(name): \(node.shown) does not hold text", isEnabled: isEnabled)
            return nil
        }
        return self.checked(text, name, node, from: "the file \(node.shown)", isEnabled: isEnabled)
    }

    /// A secret goes into a header: one printable word.
    private func checked(
        _ text: String,
        _ name: String,
        _ node: YAMLNode,
        from source: String,
        isEnabled: Bool
    ) -> String? {
        if text.isEmpty {
            self.report(.missingSecret, node.place, "\(name): \(source) is empty", isEnabled: isEnabled)
            return nil
        }
        guard text.utf8.count <= SecretReader.limit, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            self.report(
                .secretFile,
                node.place,
                "\(name): \(source) is not one printable word",
                isEnabled: isEnabled,
                expected: "the key as the exchange shows it, without blanks or line breaks"
            )
            return nil
        }
        return text
    }

    private func scalar(_ name: String, _ node: YAMLNode) -> String? {
        guard case .scalar(let text) = node.content, !node.isNull else {
            self.context.key = name
            self.context.wrongType(node, expected: "a text, such as \"${NAME}\"")
            return nil
        }
        return text
    }

    private mutating func checkExposure(_ node: YAMLNode, text: String) {
        let file = self.context.log.file(of: node.span)
        guard let mode = file.permissions, mode & 0o044 != 0,
            EnvironmentExpansion.isLiteral(text),
            self.exposed.insert(node.span.file).inserted
        else { return }
        self.context.log.error(
            .exposedSecret,
            category: .permission,
            node.place,
            "a secret stands in a file that others can read (mode \(Self.octal(mode)))",
            expected: "mode 0600, or no secret in this file",
            help: "chmod 600 the file, or write \"${NAME}\", or use api_key_file and api_secret_file"
        )
    }

    func report(
        _ code: Diagnostic.Code,
        category: Diagnostic.Category = .configuration,
        _ span: SourceSpan,
        _ message: String,
        isEnabled: Bool,
        expected: String? = nil,
        help: String? = nil
    ) {
        if isEnabled {
            self.context.log.error(code, category: category, span, message, expected: expected, help: help)
        } else {
            self.context.log.warning(code, category: category, span, message, expected: expected, help: help)
        }
    }

    static func octal(_ mode: UInt32) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
}

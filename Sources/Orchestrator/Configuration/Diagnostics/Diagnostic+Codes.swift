extension Diagnostic.Code {
    init(_ name: String) {
        self.init(rawValue: name)
    }

    // Reading files
    static let fileUnreadable = Self("file-unreadable")
    static let filePermissions = Self("file-permissions")
    static let fileTooLarge = Self("file-too-large")
    static let emptyFile = Self("empty-file")
    static let include = Self("include")
    static let includeEmpty = Self("include-empty")
    static let tooManyFiles = Self("too-many-files")
    static let tooManyMistakes = Self("too-many-mistakes")

    // YAML
    static let syntax = Self("yaml-syntax")
    static let multipleDocuments = Self("yaml-multiple-documents")
    static let tag = Self("yaml-tag")
    static let tooDeep = Self("yaml-too-deep")
    static let tooManyNodes = Self("yaml-too-many-nodes")
    static let recursiveAlias = Self("yaml-recursive-alias")
    static let undefinedAlias = Self("yaml-undefined-alias")
    static let mergeKey = Self("yaml-merge-key")
    static let keyType = Self("yaml-key-type")
    static let duplicateKey = Self("duplicate-key")

    // Keys and values
    static let unknownKey = Self("unknown-key")
    static let missingKey = Self("missing-key")
    static let wrongType = Self("wrong-type")
    static let badValue = Self("bad-value")
    static let unknownValue = Self("unknown-value")
    static let outOfRange = Self("out-of-range")
    static let missingUnit = Self("missing-unit")
    static let environment = Self("environment-variable")
    static let placeholder = Self("unknown-placeholder")

    // What does not fit together
    static let version = Self("unsupported-version")
    static let duplicateName = Self("duplicate-name")
    static let duplicateAPIKey = Self("duplicate-api-key")
    static let undefinedStrategy = Self("undefined-strategy")
    static let extendsCycle = Self("extends-cycle")
    static let endpoints = Self("endpoints")
    static let conflict = Self("conflict")
    static let risky = Self("risky-value")
    static let unused = Self("unused")
    static let sharedOutput = Self("shared-output")
    static let noStrategy = Self("no-strategy")
    static let noAccounts = Self("no-accounts")
    static let tooManyAccounts = Self("too-many-accounts")

    // Secrets
    static let missingSecret = Self("missing-secret")
    static let secretSource = Self("secret-source")
    static let secretFile = Self("secret-file")
    static let secretPermissions = Self("secret-permissions")
    static let exposedSecret = Self("exposed-secret")
    static let secretNotKept = Self("secret-not-kept")
}

extension Diagnostic {
    /// Whether another process may find it otherwise: one of another user, or with another environment. The daemon has
    /// the secrets; whoever asks it to apply a file need not have them. Mistakes that are not shown may be such too.
    public var dependsOnReader: Bool {
        let codes: [Code] = [.environment, .missingSecret, .secretFile, .secretPermissions, .tooManyMistakes]
        return codes.contains(self.code)
    }
}

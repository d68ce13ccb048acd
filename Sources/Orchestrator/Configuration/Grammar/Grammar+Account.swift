/// One account as it stands in the file.
struct AccountDraft: Sendable {
    var name = ""
    var isEnabled: Bool?
    var mode: Mode?
    var strategy: String?
    var isDryRun: Bool?
    var credentials: CredentialsDraft?
    var overrides: YAMLNode?
}

/// `- include: …`
struct IncludeDraft: Sendable {
    var pattern = ""
}

extension Grammar {
    static let account = ObjectDescription(
        "account",
        title: "an account",
        doc: "One account.",
        defaults: AccountDraft(),
        fields: [
            FieldDescription(
                "name",
                \.name,
                .name(of: "a name"),
                required: true,
                "unique; what every command calls it"
            ),
            FieldDescription("enabled", \.isEnabled, ValueType<Bool>.boolean.optional(from: false), "whether it runs"),
            FieldDescription(
                "mode",
                \.mode,
                ValueType<Mode>.word().optional(from: .canary),
                "who drives the consumers"
            ),
            FieldDescription(
                "strategy",
                \.strategy,
                ValueType<String>.name(of: "the name of a strategy").optional(from: ""),
                "a name from `strategies`"
            ),
            FieldDescription(
                "dry_run",
                \.isDryRun,
                ValueType<Bool>.boolean.optional(from: true),
                "consumers decide, nothing is sent"
            ),
            FieldDescription(
                "credentials",
                \.credentials,
                ValueType.object(Grammar.credentials).optional(from: CredentialsDraft()),
                "API key and secret; may be left out only with `environment: simulator`"
            ),
            FieldDescription(
                "overrides",
                \.overrides,
                .deferred(.object(Grammar.overrides.shape)),
                "single keys of the strategy, for this account"
            ),
        ]
    )

    static let credentials = ObjectDescription(
        "credentials",
        title: "the credentials",
        doc: "Exactly one source for the key and one for the secret.",
        defaults: CredentialsDraft(),
        fields: [
            FieldDescription("api_key", \.apiKey, .secret, "the key, usually `\"${NAME}\"`"),
            FieldDescription("api_key_file", \.apiKeyFile, .deferred(Grammar.secretPath), "file that holds the key"),
            FieldDescription(
                "api_key_credential",
                \.apiKeyCredential,
                .deferred(Grammar.credentialName),
                "name of the key in `$CREDENTIALS_DIRECTORY`"
            ),
            FieldDescription("api_secret", \.apiSecret, .secret, "the secret, usually `\"${NAME}\"`"),
            FieldDescription(
                "api_secret_file",
                \.apiSecretFile,
                .deferred(Grammar.secretPath),
                "file that holds the secret"
            ),
            FieldDescription(
                "api_secret_credential",
                \.apiSecretCredential,
                .deferred(Grammar.credentialName),
                "name of the secret in `$CREDENTIALS_DIRECTORY`"
            ),
        ]
    )

    static let include = ObjectDescription(
        "include",
        title: "an include",
        doc: "Further files, each with one account or a list of accounts.",
        defaults: IncludeDraft(),
        fields: [
            FieldDescription(
                "include",
                \.pattern,
                .text(what: "a path or a pattern such as accounts.d/*.yaml"),
                required: true,
                "path or glob pattern, relative to the file that names it"
            )
        ]
    )

    private static let secretPath = ValueShape.text(what: "a path; mode 0600 or 0400, or it is refused", pattern: nil)
    private static let credentialName = ValueShape.text(what: "a name without \"/\"", pattern: "^[^/]+$")
}

extension ValueType<YAMLNode?> {
    fileprivate static var secret: ValueType<YAMLNode?> { .deferred(.text(what: "a text", pattern: nil)) }
}

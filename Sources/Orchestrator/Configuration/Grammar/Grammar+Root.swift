/// A whole file, with what needs other parts of it still undecoded.
struct ConfigurationDraft: Sendable {
    var version = 0
    var configuration: Configuration
    var defaults = AccountDefaults()
    var exchange = ExchangeDraft()
    var strategies: YAMLNode?
    var accounts: YAMLNode?
}

/// What an account does not say itself.
struct AccountDefaults: Sendable {
    var isEnabled = false
    var mode = Mode.canary
    var strategy: String?
    var strategySpan: SourceSpan?
    var isDryRun = true
}

extension Grammar {
    /// - Parameter defaults: what holds where the file says nothing; its state folder depends on the user.
    static func root(defaults: ConfigurationDraft) -> ObjectDescription<ConfigurationDraft> {
        ObjectDescription(
            "file",
            title: "the file",
            doc: "The whole file.",
            defaults: defaults,
            ignoredPrefix: "x-",
            fields: [
                FieldDescription("version", \.version, .version, required: true, "version of this grammar: 1"),
                FieldDescription(
                    "instance",
                    \.configuration.instance,
                    .name(of: "a name"),
                    "name of this daemon; several may run on one host"
                ),
                FieldDescription(
                    "exchange",
                    \.exchange,
                    .object(Grammar.exchange),
                    required: true,
                    "which exchange, and where it is"
                ),
                FieldDescription(
                    "runtime",
                    \.configuration.runtime,
                    .object(Grammar.runtime(defaults.configuration.runtime)),
                    "how the daemon itself runs"
                ),
                FieldDescription(
                    "stream",
                    \.configuration.stream,
                    .object(Grammar.stream),
                    "timing and budgets of the connections"
                ),
                FieldDescription(
                    "rollout",
                    \.configuration.rollout,
                    .object(Grammar.rollout),
                    "gates, automatic rollback and waves"
                ),
                FieldDescription(
                    "defaults",
                    \.defaults,
                    .object(Grammar.defaults),
                    "what an account does not say itself"
                ),
                FieldDescription(
                    "strategies",
                    \.strategies,
                    .deferred(.map(Grammar.strategy.shape, keyPattern: Name.pattern)),
                    "strategies by name: which consumers an account has, and their parameters"
                ),
                FieldDescription(
                    "accounts",
                    \.accounts,
                    .deferred(
                        .list(.oneOf([Grammar.account.shape, Grammar.include.shape]), count: 0...Grammar.maxAccounts)
                    ),
                    required: true,
                    "the accounts"
                ),
            ]
        )
    }

    static let defaults = ObjectDescription(
        "defaults",
        title: "the defaults",
        doc: "What an account does not say itself.",
        defaults: AccountDefaults(),
        fields: [
            FieldDescription("enabled", \.isEnabled, .boolean, "whether the account runs"),
            FieldDescription("mode", \.mode, .word(), "who drives the consumers"),
            FieldDescription(
                "strategy",
                \.strategy,
                ValueType<String>.name(of: "the name of a strategy").optional(from: ""),
                "a name from `strategies`"
            ),
            FieldDescription("dry_run", \.isDryRun, .boolean, "consumers decide, nothing is sent"),
        ]
    )
}

extension ValueType<Int> {
    /// Only the version this program reads.
    fileprivate static var version: ValueType<Int> {
        ValueType(shape: .integer(1...1), describe: { String($0) }) { node, value, context in
            guard let text = context.text(of: node, expected: "1") else { return false }
            guard node.mayBeTyped, text == "1" else {
                let isNumber = node.mayBeTyped && Int(text) != nil
                context.badValue(
                    isNumber ? .version : .wrongType,
                    node,
                    isNumber ? "is not a version this bybitctl reads" : "is not a version",
                    expected: "1"
                )
                return false
            }
            value = 1
            return true
        }
    }
}

internal import HybridStream

/// Turns the list of accounts, with everything it includes, into checked accounts.
struct AccountListBuilder {
    private let defaults: AccountDefaults
    private let environment: ExchangeEnvironment
    private let strategies: StrategyTable
    private let context: DecodingContext
    private var secrets: SecretReader
    private var accounts: [AccountConfiguration] = []
    private var names: [String: SourceSpan] = [:]
    private var apiKeys: [String: (account: String, span: SourceSpan)] = [:]
    private var includes: IncludedFiles
    private var isFull = false
    /// Bytes of what the sinks of all accounts say.
    private var sinkSize = 0
    private var outputs = SharedOutputs()
    private var withoutStrategy: (count: Int, first: SourceSpan?) = (0, nil)

    init(
        defaults: AccountDefaults,
        environment: ExchangeEnvironment,
        strategies: StrategyTable,
        secrets: SecretReader,
        context: DecodingContext
    ) {
        self.defaults = defaults
        self.environment = environment
        self.strategies = strategies
        self.secrets = secrets
        self.context = context
        self.includes = IncludedFiles(context: context)
    }

    /// The value of `accounts:` in the main file.
    mutating func add(list node: YAMLNode, mainFile: SourceFile) {
        guard case .sequence(let items) = node.content else {
            self.context.key = "accounts"
            self.context.wrongType(
                node,
                expected: "a list of accounts",
                help: "begin each account with \"- name: …\""
            )
            return
        }
        self.includes.begin(with: mainFile)
        for item in items {
            guard item.entry("include") != nil else {
                self.add(account: item)
                continue
            }
            var draft = IncludeDraft()
            guard Grammar.include.decode(item, into: &draft, context: self.context) else { continue }
            for root in self.includes.documents(draft.pattern, span: item.span(of: "include")) {
                self.add(included: root)
            }
        }
    }

    /// Root of an included file: one account or a list of them.
    private mutating func add(included root: YAMLNode) {
        let items: [YAMLNode]
        if case .sequence(let list) = root.content { items = list } else { items = [root] }
        for item in items {
            if let nested = item.entry("include") {
                self.context.log.error(
                    .include,
                    nested.keySpan,
                    "an included file cannot include others",
                    help: "put the include: into the main file"
                )
                continue
            }
            self.add(account: item)
        }
    }

    private mutating func add(account node: YAMLNode) {
        self.context.key = "accounts"
        guard self.names.count < Grammar.maxAccounts else {
            if !self.isFull {
                self.context.log.error(
                    .tooManyAccounts,
                    node.place,
                    "more than \(MessageText.grouped(Grammar.maxAccounts)) accounts",
                    help: "run several instances, each from an address of its own"
                )
            }
            self.isFull = true
            return
        }
        guard case .mapping = node.content else {
            self.context.wrongType(node, expected: "an account with a name:, or an include:")
            return
        }
        var draft = AccountDraft()
        var isRight = Grammar.account.decode(node, into: &draft, context: self.context)
        let nameSpan = node.span(of: "name")
        if !draft.name.isEmpty {
            if let first = self.names[draft.name] {
                self.context.log.error(
                    .duplicateName,
                    nameSpan,
                    "duplicate account name \(node.entry("name")?.value.shown ?? "")",
                    help: "every account has a name of its own",
                    notes: [DiagnosticLog.Note("the first one", first)]
                )
                isRight = false
            }
            self.names[draft.name] = nameSpan
        }
        let isEnabled = draft.isEnabled ?? self.defaults.isEnabled
        let strategyName = draft.strategy ?? self.defaults.strategy
        let strategy = self.strategy(draft, named: strategyName, node: node)
        let credentials = self.credentials(draft, isEnabled: isEnabled, node: node)
        guard isRight, let strategy else { return }
        if isEnabled {
            self.outputs.note(strategy, account: node.rawName, span: nameSpan)
            if strategyName == nil, draft.overrides == nil {
                self.withoutStrategy.count += 1
                self.withoutStrategy.first = self.withoutStrategy.first ?? nameSpan
            }
        }
        self.accounts.append(
            AccountConfiguration(
                name: draft.name,
                isEnabled: isEnabled,
                mode: draft.mode ?? self.defaults.mode,
                strategyName: strategyName,
                strategy: strategy,
                isDryRun: draft.isDryRun ?? self.defaults.isDryRun,
                credentials: credentials
            )
        )
    }

    /// The named strategy under the account's overrides; nil if either is wrong, which has been reported.
    private mutating func strategy(_ draft: AccountDraft, named name: String?, node: YAMLNode) -> Strategy? {
        var strategy = Strategy()
        var isRight = true
        if let name {
            if let known = self.strategies[name] {
                strategy = known
            } else {
                isRight = false
                // The name that comes from the defaults is checked where it stands.
                if draft.strategy != nil {
                    self.strategies.checkDefined(name, at: node, key: "strategy", context: self.context)
                }
            }
        }
        if let overrides = draft.overrides,
            !Grammar.overrides.decode(overrides, into: &strategy, context: self.context)
        {
            isRight = false
        }
        guard isRight, self.hasRoom(for: strategy, node: node) else { return nil }
        return strategy.filled(account: draft.name)
    }

    /// Every account gets texts of its own, so that ten thousand of them multiply what one strategy says.
    private mutating func hasRoom(for strategy: Strategy, node: YAMLNode) -> Bool {
        let limit = ConfigurationLoader.totalSize
        let wasFull = self.sinkSize > limit
        self.sinkSize += strategy.sinks.reduce(0) { $0 + $1.textSize }
        guard self.sinkSize > limit else { return true }
        if !wasFull {
            self.context.log.error(
                .outOfRange,
                node.place,
                "the sinks of all accounts up to this one have more than \(MessageText.grouped(limit)) bytes of paths and arguments",
                help: "use fewer sinks, or shorter paths and arguments"
            )
        }
        return false
    }

    private mutating func credentials(_ draft: AccountDraft, isEnabled: Bool, node: YAMLNode) -> Credentials? {
        guard let sources = draft.credentials else {
            guard self.environment != .simulator, node.entry("credentials") == nil else { return nil }
            let message = "\(node.entry("name")?.value.shown ?? "the account") has no credentials"
            let expected = "credentials: with api_key and api_secret"
            let span = node.span(of: "name")
            if isEnabled {
                self.context.log.error(.missingSecret, span, message, expected: expected)
            } else {
                self.context.log.warning(
                    .missingSecret,
                    span,
                    message + "; it cannot be enabled",
                    expected: expected
                )
            }
            return nil
        }
        let span = node.entry("credentials")?.keySpan ?? node.place
        guard
            let credentials = self.secrets.credentials(
                sources,
                account: draft.name,
                span: span,
                isEnabled: isEnabled
            )
        else { return nil }
        if let other = self.apiKeys[credentials.apiKey] {
            self.context.log.error(
                .duplicateAPIKey,
                span,
                "this account has the same API key as account \(MessageText.quoted(other.account))",
                help: "two streams of one account would act on the same positions",
                notes: [DiagnosticLog.Note("the other one", other.span)]
            )
        } else {
            self.apiKeys[credentials.apiKey] = (node.rawName, span)
        }
        return credentials
    }

    /// What was included, in the order of reading.
    var included: [IncludedFiles.Included] { self.includes.read }

    /// The accounts, after what can only be said about all of them.
    func finish(root: YAMLNode) -> [AccountConfiguration] {
        self.outputs.report(to: self.context.log)
        if let span = self.withoutStrategy.first, !self.context.log.hasErrors {
            let others = self.withoutStrategy.count - 1
            self.context.log.warning(
                .noStrategy,
                span,
                others == 0
                    ? "this account has no strategy: it is watched, and nothing protects its positions"
                    : "this account and \(MessageText.grouped(others)) more have no strategy: they are watched, and nothing protects their positions",
                help: "name one under strategy:, here or in defaults:"
            )
        }
        if self.names.isEmpty, !self.context.log.hasErrors, let entry = root.entry("accounts") {
            self.context.log.warning(.noAccounts, entry.keySpan, "there are no accounts: nothing will run")
        }
        return self.accounts
    }
}

extension YAMLNode {
    /// An account's name as it stands in the file.
    fileprivate var rawName: String {
        guard let name = self.entry("name")?.value, case .scalar(let text) = name.content else { return "" }
        return text
    }
}

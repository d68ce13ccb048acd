internal import HybridStream

/// `exchange:` as it stands in the file: endpoints still to be completed from the environment's own.
struct ExchangeDraft: Sendable {
    var environment = ExchangeEnvironment.simulator
    var category = Category.linear
    var settleCoins = ["USDT", "USDC"]
    var endpoints: EndpointsDraft?
    var tls: TLSDraft?

    init() {}

    /// As it would stand in a file that leaves nothing out.
    init(_ exchange: ExchangeConfiguration) {
        self.environment = exchange.environment
        self.category = exchange.category
        self.settleCoins = exchange.settleCoins
        self.endpoints = exchange.endpoints.map { endpoints in
            EndpointsDraft(
                publicWebSocket: endpoints.publicWebSocket,
                privateWebSocket: endpoints.privateWebSocket,
                rest: endpoints.rest
            )
        }
        self.tls = exchange.tlsCAFile.map { TLSDraft(caFile: $0) }
    }

    /// What follows from all of it.
    var resolved: ExchangeConfiguration {
        var result = ExchangeConfiguration()
        result.environment = self.environment
        result.category = self.category
        result.settleCoins = self.settleCoins
        result.tlsCAFile = self.tls?.caFile
        guard self.environment != .simulator else { return result }
        let standard = ExchangeEndpoints.standard(self.environment, category: self.category)
        if let publicWebSocket = self.endpoints?.publicWebSocket ?? standard?.publicWebSocket,
            let privateWebSocket = self.endpoints?.privateWebSocket ?? standard?.privateWebSocket,
            let rest = self.endpoints?.rest ?? standard?.rest
        {
            result.endpoints = ExchangeEndpoints(
                publicWebSocket: publicWebSocket,
                privateWebSocket: privateWebSocket,
                rest: rest
            )
        }
        return result
    }
}

struct EndpointsDraft: Sendable {
    var publicWebSocket: EndpointURL?
    var privateWebSocket: EndpointURL?
    var rest: EndpointURL?
}

struct TLSDraft: Sendable {
    var caFile: String?
}

extension Grammar {
    static let exchange = ObjectDescription(
        "exchange",
        title: "the exchange",
        doc: "Which exchange, and where it is.",
        defaults: ExchangeDraft(),
        fields: [
            FieldDescription(
                "environment",
                \.environment,
                .word(),
                required: true,
                "`simulator` is the embedded exchange; `custom` needs all three `endpoints`"
            ),
            FieldDescription("category", \.category, .word(), "kind of contracts; one daemon watches one kind"),
            FieldDescription(
                "settle_coins",
                \.settleCoins,
                .list(.coin, initial: "", count: 1...16),
                "what a position sweep covers (linear only)"
            ),
            FieldDescription(
                "endpoints",
                \.endpoints,
                ValueType.object(Grammar.endpoints).optional(from: EndpointsDraft()),
                "where to connect; what is left out is the environment's own"
            ),
            FieldDescription(
                "tls",
                \.tls,
                ValueType.object(Grammar.tls).optional(from: TLSDraft()),
                "how servers are trusted"
            ),
        ],
        check: Grammar.checkExchange
    )

    static let endpoints = ObjectDescription(
        "endpoints",
        title: "the endpoints",
        doc: "URLs. `ws://` and `http://` are accepted for loopback addresses only.",
        defaults: EndpointsDraft(),
        fields: [
            FieldDescription(
                "public_ws",
                \.publicWebSocket,
                ValueType<EndpointURL>.endpoint([.wss, .ws]).optional(from: .blank),
                "public stream; its path ends in the category"
            ),
            FieldDescription(
                "private_ws",
                \.privateWebSocket,
                ValueType<EndpointURL>.endpoint([.wss, .ws]).optional(from: .blank),
                "private stream"
            ),
            FieldDescription(
                "rest",
                \.rest,
                ValueType<EndpointURL>.endpoint([.https, .http]).optional(from: .blank),
                "base of the REST API"
            ),
        ]
    )

    static let tls = ObjectDescription(
        "tls",
        title: "tls",
        doc: "How servers are trusted.",
        defaults: TLSDraft(),
        fields: [
            FieldDescription(
                "ca_file",
                \.caFile,
                ValueType<String>.readableFile.optional(from: ""),
                "PEM file with further trust roots, besides the system's"
            )
        ]
    )

    @Sendable
    private static func checkExchange(_ node: YAMLNode, _ draft: ExchangeDraft, _ context: DecodingContext) {
        let log = context.log
        if draft.environment == .custom {
            let missing = [
                ("public_ws", draft.endpoints?.publicWebSocket), ("private_ws", draft.endpoints?.privateWebSocket),
                ("rest", draft.endpoints?.rest),
            ].filter { $0.1 == nil }.map(\.0)
            if !missing.isEmpty {
                log.error(
                    .endpoints,
                    node.span(of: "environment"),
                    "environment custom needs all three endpoints; \(missing.joined(separator: ", ")) missing",
                    expected: "public_ws, private_ws and rest under endpoints:"
                )
            }
        }
        if draft.environment == .simulator, let endpoints = node.entry("endpoints") {
            log.warning(
                .unused,
                endpoints.keySpan,
                "the embedded exchange has no endpoints; these are not used",
                help: "to connect to them write environment: custom"
            )
            return
        }
        if draft.category == .inverse, let coins = node.entry("settle_coins") {
            log.warning(.unused, coins.keySpan, "settle_coins has no meaning for inverse contracts")
        }
        guard let url = draft.endpoints?.publicWebSocket else { return }
        for other in Category.allCases where other != draft.category && url.path.hasSuffix("/\(other.rawValue)") {
            log.warning(
                .conflict,
                node.entry("endpoints")?.value.span(of: "public_ws") ?? node.place,
                "public_ws serves \(other.rawValue) contracts, the category is \(draft.category.rawValue)"
            )
        }
    }
}

extension ValueType<EndpointURL> {
    fileprivate static func endpoint(_ schemes: [EndpointURL.Scheme]) -> ValueType<EndpointURL> {
        let what = "a URL beginning with " + MessageText.alternatives(schemes.map { $0.rawValue + "://" })
        let pattern = "^(" + schemes.map(\.rawValue).joined(separator: "|") + ")://"
        return .parsed(
            shape: .text(what: what, pattern: pattern),
            what: what,
            wantsQuotes: false,
            describe: { $0.description }
        ) {
            text,
            node,
            context in
            var text = text
            // The base of the REST API; paths that follow begin with a slash.
            if schemes.contains(.https), text.hasSuffix("/") { text.removeLast() }
            switch EndpointURL.parse(text, allowed: schemes) {
            case .success(let url):
                return url
            case .failure(let problem):
                context.badValue(.endpoints, node, problem.message, expected: problem.expected, help: problem.help)
                return nil
            }
        }
    }
}

extension EndpointURL {
    /// Where decoding begins; never seen, since it is replaced or refused.
    fileprivate static let blank = EndpointURL(scheme: .wss, host: "", port: 443, path: "")
}

extension ValueType<String> {
    fileprivate static var coin: ValueType<String> {
        .text(what: "a coin such as USDT", pattern: "^[A-Z0-9]{1,20}$") { text, node, context in
            let isRight = text.utf8.allSatisfy { ScalarText.isDigit($0) || $0 &- UInt8(ascii: "A") < 26 }
            guard isRight, !text.isEmpty, text.utf8.count <= 20 else {
                context.badValue(.badValue, node, "is not a coin", expected: "capital letters and digits, such as USDT")
                return nil
            }
            return text
        }
    }

    /// A file that must be there now.
    fileprivate static var readableFile: ValueType<String> {
        .text(what: "a path") { text, node, context in
            guard !text.isEmpty else {
                context.badValue(.badValue, node, "is empty", expected: "a path")
                return nil
            }
            guard let path = context.resolvePath(text, node) else { return nil }
            guard case .failure(let problem) = FileAccess.read(path, limit: 0) else { return path }
            context.log.error(
                .fileUnreadable,
                category: problem.isPermission ? .permission : .configuration,
                node.place,
                "\(context.key): \(node.shown) cannot be read: \(problem.message)"
            )
            return nil
        }
    }
}

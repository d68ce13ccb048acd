/// The strategies of a file, each with everything it extends.
struct StrategyTable {
    private var strategies: [String: Strategy] = [:]
    /// Those that an account could name.
    private var names: [String] = []
    /// Also those that are wrong: they are reported once, where they stand, not again by each account.
    private var declared: Set<String> = []

    init(_ node: YAMLNode?, context: DecodingContext) {
        guard let node, !node.isNull else { return }
        guard case .mapping(let entries) = node.content else {
            context.key = "strategies"
            context.wrongType(node, expected: "a mapping of strategies by name")
            return
        }
        var nodes: [String: YAMLNode] = [:]
        for entry in entries {
            if let problem = Name.problem(entry.key) {
                context.log.error(
                    .badValue,
                    entry.keySpan,
                    "strategies: the name \(MessageText.quoted(entry.key)) \(problem)",
                    expected: Name.rule
                )
            } else {
                self.names.append(entry.key)
            }
            nodes[entry.key] = entry.value
            self.declared.insert(entry.key)
        }
        var failed: Set<String> = []
        for entry in entries {
            self.resolve(entry.key, nodes: nodes, failed: &failed, context: context)
        }
    }

    /// Those that are right, by name.
    var all: [String: Strategy] { self.strategies }

    func isDeclared(_ name: String) -> Bool { self.declared.contains(name) }

    /// Nil if there is none, or if it is wrong.
    subscript(_ name: String) -> Strategy? { self.strategies[name] }

    /// Reports a name that stands for nothing.
    func checkDefined(_ name: String, at node: YAMLNode, key: String, context: DecodingContext) {
        guard !self.isDeclared(name) else { return }
        // As written: the name may come from the environment.
        let shown = node.entry(key)?.value.shown ?? MessageText.quoted(name)
        context.log.error(
            .undefinedStrategy,
            node.span(of: key),
            "strategy \(shown) is not defined",
            expected: self.names.isEmpty
                ? "a name from strategies:, which defines none"
                : "one of: " + self.names.prefix(20).joined(separator: ", ") + (self.names.count > 20 ? ", …" : ""),
            suggestion: context.log.mayCompare(with: self.names.count)
                ? Suggestion.nearest(to: name, among: self.names) : nil
        )
    }

    /// Goes up to the first ancestor that is already known, then decodes on the way down.
    private mutating func resolve(
        _ name: String,
        nodes: [String: YAMLNode],
        failed: inout Set<String>,
        context: DecodingContext
    ) {
        var chain: [String] = []
        var places: [String: Int] = [:]
        var base = Strategy()
        var next: String? = name
        var isRight = true
        while let current = next, let node = nodes[current] {
            if let known = self.strategies[current] {
                base = known
                break
            }
            if failed.contains(current) {
                isRight = false
                break
            }
            if let start = places[current] {
                let names = chain[start...].prefix(8).map { MessageText.shortened($0) }
                let gap = chain.count - start > names.count ? ["…"] : []
                let circle = (names + gap + [MessageText.shortened(current)]).joined(separator: " → ")
                context.log.error(
                    .extendsCycle,
                    nodes[chain[chain.count - 1]]?.span(of: "extends") ?? node.place,
                    "strategies extend each other in a circle: \(circle)"
                )
                isRight = false
                break
            }
            places[current] = chain.count
            chain.append(current)
            next = StrategyTable.parent(of: node, environment: context.environment)
            if let parent = next, nodes[parent] == nil {
                self.checkDefined(parent, at: node, key: "extends", context: context)
                isRight = false
            }
        }
        for current in chain.reversed() {
            guard let node = nodes[current] else { continue }
            var draft = StrategyDraft(strategy: base)
            // A strategy whose parent is wrong is still looked at: all mistakes in one go.
            if !Grammar.strategy.decode(node, into: &draft, context: context) { isRight = false }
            base = draft.strategy
            if isRight { self.strategies[current] = base } else { failed.insert(current) }
        }
    }

    /// The name behind `extends:`; nil if there is none, or if it is none, which decoding will report.
    private static func parent(of node: YAMLNode, environment: [String: String]) -> String? {
        guard let value = node.entry("extends")?.value, case .scalar(let text) = value.content, !value.isNull,
            case .success(let name) = EnvironmentExpansion.expand(text, environment: environment),
            Name.problem(name) == nil
        else { return nil }
        return name
    }
}

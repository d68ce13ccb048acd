import Testing

@testable import Orchestrator

/// Files that a fuzzer came up with, or that its findings led to: what they cost and what their messages look like.
@Suite struct HostileFilesTests {
    private static func lines(_ count: Int, _ line: (Int) -> String) -> String {
        (0..<count).map { line($0) + "\n" }.joined()
    }

    /// Generous, since other tests run beside; what used to grow with the square took many times as long.
    private func load(within limit: Duration, _ text: String) -> ConfigurationResult {
        let clock = ContinuousClock()
        let start = clock.now
        let result = loadText(text)
        let took = clock.now - start
        #expect(took < limit)
        return result
    }

    private func longest(_ result: ConfigurationResult) -> Int {
        result.diagnostics.flatMap { [$0.message, $0.expected, $0.suggestion, $0.help] }
            .compactMap { $0?.utf8.count }.max() ?? 0
    }

    @Test func manyAnchorsAndManyUndefinedAliases() {
        let text = Self.lines(2_000) { "a\($0): &anchor\($0) x" } + Self.lines(2_000) { "b\($0): *archor\($0)x" }
        let result = self.load(within: .seconds(20), text)
        #expect(result.diagnostics.contains { $0.code == .undefinedAlias })
    }

    @Test func undefinedAliasesCountAsNodes() {
        let log = DiagnosticLog()
        let bytes = Array(("a: &a [" + String(repeating: "*a, *b, ", count: 50) + "]").utf8)
        let file = log.add(path: "a.yaml", directory: "/", bytes: bytes, permissions: nil)
        #expect(YAMLDocument(file, limits: YAMLLimits(nodes: 100), log: log).root == nil)
        #expect(log.finish().last?.code == .tooManyNodes)
    }

    @Test func manyStrategiesAndManyUndefinedOnes() {
        let text =
            simulatorHeader + "strategies:\n" + Self.lines(2_000) { "  known\($0): {}" } + "accounts:\n"
            + Self.lines(2_000) { "  - { name: a\($0), strategy: unknown\($0) }" }
        let result = self.load(within: .seconds(20), text)
        #expect(result.diagnostics.contains { $0.code == .undefinedStrategy })
    }

    @Test func aLongChainOfStrategies() {
        let count = 8_000
        let text =
            simulatorHeader + "strategies:\n"
            + Self.lines(count) { "  s\($0): { extends: s\(($0 + 1) % count) }" } + "accounts: []\n"
        let result = self.load(within: .seconds(20), text)
        #expect(result.diagnostics.map(\.code).contains(.extendsCycle))
        #expect(self.longest(result) < 1_000)
    }

    @Test func messagesQuoteNoMoreThanNeeded() {
        let long = String(repeating: "1", count: 10_000)
        let name = String(repeating: "x", count: 10_000)
        let text = """
            version: 1
            exchange: \(long)
            instance: \(long)
            strategies:
              ? \(name)
              : {}
              s: { extends: "${\(name)}", sinks: [socket: { path: "{\(name)\\n}" }] }
            accounts: [{ name: a, strategy: t }, { name: "${\(name)}" }]
            """
        let result = loadText(text)
        #expect(result.diagnostics.count >= 6)
        #expect(self.longest(result) < 1_000)
        #expect(result.diagnostics.allSatisfy { !$0.message.contains("\n") })
        let listed = result.diagnostics.first { $0.code == .undefinedStrategy }?.expected
        #expect(listed == "one of: s")
    }

    @Test func aLongTextCannotBeMultipliedByAliases() {
        let text = "a: &a \(String(repeating: "x", count: 1_000_000))\nb: [" + String(repeating: "*a,", count: 60) + "]"
        #expect(loadText(text).diagnostics.map(\.code) == [.tooManyNodes])
    }

    @Test func aLongPathCannotBeMultipliedByAccounts() {
        let text =
            simulatorHeader + "strategies: { s: { sinks: [{ socket: { path: \"{account}"
            + String(repeating: "x", count: 50_000) + "\" } }] } }\ndefaults: { strategy: s }\naccounts:\n"
            + Self.lines(1_500) { "  - name: a\($0)" }
        let errors = loadText(text).diagnostics.filter { $0.severity == .error }
        #expect(errors.map(\.code) == [.outOfRange])
        #expect(errors.first?.line == 1_347)
    }

    @Test func argumentsWithoutPlaceholderAreShared() {
        var sink = ExecSinkConfiguration()
        sink.command = ["./x", "y"]
        #expect(SinkConfiguration.exec(sink).filled(account: "a") == .exec(sink))
        sink.command.append("{account}")
        guard case .exec(let filled) = SinkConfiguration.exec(sink).filled(account: "a") else { return }
        #expect(filled.command == ["./x", "y", "a"])
    }

    @Test func directivesAreCountedBeforeTheyAreCompared() {
        let text = Self.lines(40_000) { "%TAG !a\($0)! x" } + "--- a\n"
        let result = self.load(within: .seconds(5), text)
        #expect(result.diagnostics.map(\.code) == [.syntax])
        #expect(result.diagnostics.first?.message.contains("100") == true)
    }

    @Test func aLongLineIsSearchedForSecretsOnce() {
        let line = String(repeating: "a:", count: 20_000)
        let result = self.load(within: .seconds(10), "version: 1\naccounts: \(line)a\n")
        #expect(result.configuration == nil)
        let dollars = String(repeating: "$ ", count: 20_000)
        let broken = self.load(within: .seconds(10), "version: 1\napi_secret: [ \(dollars) }\n")
        #expect(broken.diagnostics.map(\.code) == [.syntax])
    }

    @Test(arguments: ["#\n[\t", "a:\n  [", "a: {\n", "? [\n\n"])
    func whatIsMissingAtTheEndIsMissingInALineThatIsThere(_ text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).count
        let result = loadText(text)
        #expect(!result.diagnostics.isEmpty)
        #expect(result.diagnostics.allSatisfy { (1...lines).contains($0.line) })
    }
}

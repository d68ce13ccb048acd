import Testing

@testable import Orchestrator

@Suite struct YAMLDocumentTests {
    private func compose(_ text: String) -> (root: YAMLNode?, diagnostics: [Diagnostic]) {
        let log = DiagnosticLog()
        let file = log.add(path: "a.yaml", directory: "/", bytes: Array(text.utf8), permissions: nil)
        let document = YAMLDocument(file, log: log)
        return (document.root, log.finish())
    }

    /// `{a: 1, b: [x, y]}`, keys in order.
    private func flat(_ node: YAMLNode?) -> String {
        switch node?.content {
        case .scalar(let text): text
        case .sequence(let items): "[" + items.map { self.flat($0) }.joined(separator: ", ") + "]"
        case .mapping(let entries):
            "{" + entries.map { "\($0.key): \(self.flat($0.value))" }.joined(separator: ", ") + "}"
        case .invalid: "!"
        case nil: "nothing"
        }
    }

    @Test(arguments: [
        // What is written out wins over what is merged, wherever the merge key stands.
        ("b: &b {x: 1, y: 2}\nc: {<<: *b, y: 3}", "{b: {x: 1, y: 2}, c: {y: 3, x: 1}}"),
        ("b: &b {x: 1, y: 2}\nc: {y: 3, <<: *b}", "{b: {x: 1, y: 2}, c: {y: 3, x: 1}}"),
        // The earlier of several wins.
        ("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc: {<<: [*a, *b]}", "{a: {x: 1}, b: {x: 2, y: 2}, c: {x: 1, y: 2}}"),
        ("c: {<<: {x: 1}, y: 2}", "{c: {y: 2, x: 1}}"),
        ("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}", "{a: {x: 1}, b: {y: 2, x: 1}, c: {y: 2, x: 1}}"),
        ("a: &a [1, 2]\nb: *a", "{a: [1, 2], b: [1, 2]}"),
        // A quoted "<<" is a key like any other.
        ("\"<<\": x", "{<<: x}"),
        // An anchor may be set again; an alias means the last one before it.
        ("a: &a 1\nb: *a\nc: &a 2\nd: *a", "{a: 1, b: 1, c: 2, d: 2}"),
        ("\u{FEFF}a: 1", "{a: 1}"),
        ("a: \"x\\0y\"", "{a: x\0y}"),
        ("a: |\n  one\n  two\n", "{a: one\ntwo\n}"),
        ("a: # nothing\n", "{a: }"),
    ])
    func composes(_ text: String, _ expected: String) {
        let (root, diagnostics) = self.compose(text)
        #expect(self.flat(root) == expected)
        #expect(diagnostics.isEmpty)
    }

    @Test func marksCountFromOneInCharacters() throws {
        let root = try #require(self.compose("größe: 1\n漢字: {b: \"c\"}\n").root)
        let inner = try #require(root.entry("漢字")?.value)
        let value = try #require(inner.entry("b")?.value)
        #expect((value.span.line, value.span.column, value.span.endColumn) == (2, 9, 12))
        #expect(root.entry("größe")?.value.span.column == 8)
    }

    @Test func aByteOrderMarkDoesNotShiftColumns() throws {
        let root = try #require(self.compose("\u{FEFF}a: 1").root)
        #expect(root.entry("a")?.keySpan.column == 1)
    }

    @Test func theAliasBombIsRefused() throws {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<10 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        let clock = ContinuousClock()
        let start = clock.now
        let (root, diagnostics) = self.compose(text)
        #expect(clock.now - start < .milliseconds(500))
        #expect(root == nil)
        #expect(diagnostics.map(\.code.rawValue) == ["yaml-too-many-nodes"])
        #expect(diagnostics.first?.line == 6)
    }

    @Test func theMergeBombIsRefused() {
        var text = "a0: &a0 {x: 1}\n"
        for level in 1..<40 { text += "a\(level): &a\(level) {<<: *a\(level - 1), k\(level): *a\(level - 1)}\n" }
        let (root, diagnostics) = self.compose(text)
        #expect(root == nil)
        #expect(diagnostics.map(\.code.rawValue) == ["yaml-too-many-nodes"])
    }

    @Test func deepNestingIsRefusedAtOnce() {
        let (root, diagnostics) = self.compose("a: " + String(repeating: "[", count: 100_000))
        #expect(root == nil)
        #expect(diagnostics.map(\.code.rawValue) == ["yaml-too-deep"])
        #expect(diagnostics.first?.column == 67)
        let allowed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(self.compose(allowed).diagnostics.isEmpty)
    }

    @Test func hugeFilesAreRefused() {
        let (root, diagnostics) = self.compose("a: 1\n" + String(repeating: "#\n", count: 4_200_000))
        #expect(root == nil)
        #expect(diagnostics.map(\.code.rawValue) == ["file-too-large"])
    }

    @Test func invalidUTF8IsFoundWhereItIs() throws {
        let log = DiagnosticLog()
        let bytes = Array("a: größe\nb: ".utf8) + [0xC3, 0x28]
        let file = log.add(path: "a.yaml", directory: "/", bytes: bytes, permissions: nil)
        #expect(YAMLDocument(file, log: log).root == nil)
        let diagnostic = try #require(log.finish().first)
        #expect((diagnostic.line, diagnostic.column) == (2, 5))
        #expect(diagnostic.help == "save the file as UTF-8")
    }

    @Test func garbageNeverCrashes() {
        var state: UInt64 = 0x5EED
        let alphabet = Array("ab:- [],{}&*<!|>'\"%@`#?\n\t\\~\u{0}é$".unicodeScalars)
        for _ in 0..<3_000 {
            var text = simulatorHeader
            for _ in 0..<40 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                text.unicodeScalars.append(alphabet[Int(state >> 33) % alphabet.count])
            }
            let result = loadText(text)
            // Whatever it is, it is no configuration, and somebody is told why.
            #expect(result.configuration == nil)
            #expect(!DiagnosticRenderer.text(result.diagnostics).isEmpty, "\(text)")
        }
    }
}

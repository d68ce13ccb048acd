import Testing

@testable import Orchestrator

/// A file that is wrong, and every word that is said about it.
struct BrokenFile: Sendable, CustomTestStringConvertible {
    let name: String
    let text: String
    let rendered: String

    init(_ name: String, _ text: String, _ rendered: String) {
        self.name = name
        self.text = text
        self.rendered = rendered
    }

    var testDescription: String { self.name }
}

@Suite struct BrokenFilesTests {
    static let environment = ["PRIVATE": "hunter2 in a duration"]

    @Test(arguments: BrokenFilesYAML.all + BrokenFilesValues.all + BrokenFilesWholes.all)
    func saysExactlyWhatIsWrong(_ file: BrokenFile) {
        let result = loadText(file.text, environment: Self.environment, path: "\(file.name).yaml")
        let rendered = DiagnosticRenderer.text(result.diagnostics)
        #expect(rendered == file.rendered)
        #expect(!rendered.contains("hunter"), "a secret is shown")
        #expect(!DiagnosticRenderer.json(result.diagnostics, file: "x").contains("hunter"), "a secret is shown")
        let hasErrors = result.diagnostics.contains { $0.severity == .error }
        #expect((result.configuration == nil) == hasErrors)
        #expect(result.exitCode == (hasErrors ? 78 : 0))
    }

    @Test func theTableIsLarge() {
        #expect(BrokenFilesYAML.all.count + BrokenFilesValues.all.count + BrokenFilesWholes.all.count >= 60)
    }

    @Test func aMistakeBehindAThousandAliasesIsReportedOnce() {
        var text = simulatorHeader + "defaults: { enabled: false }\naccounts:\n"
        text += "  - { name: a, overrides: &o { trailing_stop: { callback: 1 } } }\n"
        for number in 0..<1_000 { text += "  - { name: a\(number), overrides: *o }\n" }
        let result = loadText(text)
        #expect(result.diagnostics.map(\.code.rawValue) == ["unknown-key"])
        #expect(result.diagnostics.first?.line == 5)
    }

    @Test func endlessMistakesAreCutShort() {
        let text = simulatorHeader + "accounts:\n" + String(repeating: "  - { name: a }\n", count: 3_000)
        let result = loadText(text)
        #expect(result.diagnostics.count == 1_001)
        #expect(result.diagnostics.last?.message == "1,999 more mistakes are not shown")
        #expect(result.exitCode == 78)
    }

    @Test func longLinesAreCutAroundTheCaret() throws {
        let filler = String(repeating: "x", count: 500)
        let text = simulatorHeader + "accounts: [{ name: \(filler), nmae: b, mode: \(filler) }]\n"
        let diagnostic = try #require(loadText(text).diagnostics.first { $0.code.rawValue == "unknown-key" })
        let excerpt = try #require(diagnostic.excerpt)
        #expect(excerpt.text.count <= 122)
        #expect(excerpt.text.dropFirst(excerpt.caretOffset).hasPrefix("nmae"))
    }

    @Test func secretsInBlocksOfTextAreMasked() {
        let text =
            simulatorHeader + """
                accounts:
                  - name: a
                    credentials:
                      api_key: k
                      api_secret: |
                        hunter2
                        hunter2: [
                       bad
                """
        let rendered = DiagnosticRenderer.text(loadText(text).diagnostics)
        #expect(rendered.contains("error"))
        #expect(!rendered.contains("hunter"))
    }

    /// One slip of the finger anywhere in a file that is right must not bring a secret to light.
    @Test func noTypingMistakeShowsASecret() {
        let text =
            simulatorHeader + """
                strategies: { swing: {} }
                accounts:
                  - name: one
                    credentials: { api_key: hunterA1, api_secret: hunterB2 }
                  - name: two
                    credentials:
                      api_key: "hunterC3"
                      api_secret: 'hunterD4'
                  - name: three
                    mode: hybrid
                    credentials: { api_key: "${X:-hunterE5}", api_secret: hunterF6 } # a comment
                """
        let secrets = ["hunterA1", "hunterB2", "hunterC3", "hunterD4", "hunterE5", "hunterF6"]
        let original = Array(text.unicodeScalars)
        let slips: [Unicode.Scalar?] = [nil, "x", "\n", ":", "{", "\"", "'", "*", "#"]
        for index in original.indices {
            for slip in slips {
                for replaces in [true, false] where slip != nil || replaces {
                    var scalars = original
                    if replaces { scalars.remove(at: index) }
                    if let slip { scalars.insert(slip, at: index) }
                    var mistyped = ""
                    mistyped.unicodeScalars.append(contentsOf: scalars)
                    let shown = DiagnosticRenderer.text(loadText(mistyped).diagnostics)
                    for secret in secrets where shown.contains(secret) {
                        Issue.record("\(secret) is shown for\n\(mistyped)\n\(shown)")
                    }
                }
            }
        }
    }

    @Test func aSecretBehindAHarmlessAnchorIsMasked() {
        let text =
            simulatorHeader + """
                instance: &id hunter2
                colour: *id
                accounts: [{ name: a, credentials: { api_key: *id, api_secret: *id, api_secret_file: x } }]
                """
        let rendered = DiagnosticRenderer.text(loadText(text).diagnostics)
        #expect(rendered.contains("colour: *id"))
        #expect(!rendered.contains("hunter"))
    }

    @Test func controlCharactersDoNotReachTheTerminal() {
        let text = simulatorHeader + "instance: \"\\e[31m\"\naccounts: []\n"
        let rendered = DiagnosticRenderer.text(loadText(text).diagnostics)
        #expect(rendered.contains("instance:"))
        #expect(!rendered.unicodeScalars.contains("\u{1B}"))
    }

    @Test func colourIsOnlyAroundTheText() {
        let diagnostics = loadText(simulatorHeader + "accounts: 1\n").diagnostics
        let colored = DiagnosticRenderer.text(diagnostics, color: true)
        #expect(colored.contains("\u{1B}[1;31merror:\u{1B}[0m"))
        #expect(DiagnosticRenderer.summary(diagnostics) == "1 error")
    }
}

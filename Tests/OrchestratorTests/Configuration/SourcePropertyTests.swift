import HybridStream
import Testing

@testable import Orchestrator

/// Files of every style that YAML has, from a seed: no secret stays in what is kept of them, and it loads as the file did.
@Suite(.timeLimit(.minutes(1))) struct SourcePropertyTests {
    private struct Writer {
        var random: SplitMix64
        var secrets: [String] = []
        var anchors = 0

        mutating func chance(_ percent: UInt64) -> Bool { self.random.next() % 100 < percent }

        mutating func one(_ choices: [String]) -> String { choices[Int(self.random.next() % UInt64(choices.count))] }

        mutating func secret() -> String {
            let secret =
                "hunter\(self.secrets.count)\(self.one(["x", "#y", ":z", "'", "\\", "=", "*", "&a", "<", "@"]))"
            self.secrets.append(secret)
            return secret
        }

        mutating func comment() -> String {
            guard self.chance(50) else { return "" }
            return self.one([" # ", "  #", " #\t"]) + self.one(["api_key: ", "ü 🙂 ", "\"", "it's ", ""]) + self.secret()
        }

        /// A scalar in a style that can hold the text.
        mutating func scalar(_ text: String, indent: String, isFlow: Bool) -> String {
            let anchor = self.chance(30) ? "&n\(self.anchors) " : ""
            if !anchor.isEmpty { self.anchors += 1 }
            switch self.random.next() % (isFlow ? 3 : 6) {
            case 0:
                let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
                return "\(anchor)\"\(escaped)\"\(isFlow ? "" : self.comment())"
            case 1:
                let middle = text.index(text.startIndex, offsetBy: 3)
                let escaped = { (part: Substring) in part.replacing("\\", with: "\\\\") }
                return "\(anchor)\"\(escaped(text[..<middle]))\\\n\(indent)   \(escaped(text[middle...]))\""
            case 2:
                return "\(anchor)'\(text.replacing("'", with: "''"))'\(isFlow ? "" : self.comment())"
            case 3:
                return "\(anchor)|-\(self.comment())\n\(indent)  \(text)\n\(self.chance(50) ? "\n" : "")"
            case 4:
                return "\(anchor)>-\(self.comment())\n\(indent)    \(text)"
            default:
                return "\(anchor)\(self.comment())\n\(indent)  '\(text.replacing("'", with: "''"))'"
            }
        }

        mutating func account(_ number: Int) -> String {
            let (key, secret) = (self.secret(), self.secret())
            var text = "  - name: a\(number)\(self.comment())\n"
            if self.chance(50) { text += "    # \(self.secret())\n" }
            if self.chance(30) {
                text += "    credentials: {\(self.chance(50) ? " " : "")api_key: "
                text += self.scalar(key, indent: "    ", isFlow: true) + ", \"api_secret\":"
                text += self.scalar(secret, indent: "    ", isFlow: true) + "}\(self.comment())\n"
            } else {
                text += "    credentials:\(self.comment())\n      api_key: "
                text += self.scalar(key, indent: "      ", isFlow: false) + "\n"
                if self.chance(30) { text += "\(self.comment())\n\n" }
                text += "      api_secret: " + self.scalar(secret, indent: "      ", isFlow: false) + "\n"
            }
            if self.chance(50) { text += "    mode: \(self.scalar("hybrid", indent: "    ", isFlow: false))\n" }
            if self.chance(50) { text += "    enabled: true\(self.comment())\n" }
            return text
        }
    }

    @Test(arguments: 0..<300 as Range<UInt64>)
    func noSecretStaysAndTheFileLoadsAsBefore(_ seed: UInt64) throws {
        var writer = Writer(random: SplitMix64(seed: seed))
        var text =
            "\(writer.comment())\nversion: 1\(writer.comment())\nexchange: { environment: simulator }\naccounts:\n"
        for number in 0..<4 { text += writer.account(number) }
        if writer.chance(50) { text = text.replacing("\n", with: "\r\n") }
        let result = loadText(text)
        let configuration = try #require(
            result.configuration,
            "\(DiagnosticRenderer.text(result.diagnostics))\n\(text)"
        )
        let sources = try #require(result.sources)
        let kept = sources.files[0].text
        for secret in writer.secrets {
            #expect(!kept.contains(secret.prefix(7)), "\(secret) in\n\(kept)\nfrom\n\(text)")
        }
        let again = ConfigurationLoader(environment: [:], homeDirectory: "/home/me", effectiveUserID: 1_000).load(
            sources: sources,
            credentials: Dictionary(
                uniqueKeysWithValues: configuration.accounts.compactMap { account in
                    account.credentials.map { (account.name, $0) }
                }
            )
        )
        #expect(again.configuration == configuration, "\(DiagnosticRenderer.text(again.diagnostics))\n\(kept)")
        #expect(configuration.accounts.allSatisfy { $0.credentials != nil })
    }
}

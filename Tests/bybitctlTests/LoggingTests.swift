import Foundation
import Logging
import Orchestrator
import Testing

@testable import bybitctl

@Suite struct LoggingTests {
    private let time = Timestamp(milliseconds: 1_767_323_045_678)

    private func event(_ message: String, _ metadata: Logger.Metadata = [:]) -> LogEvent {
        LogEvent(
            level: .warning,
            message: "\(message)",
            metadata: metadata,
            source: "Orchestrator",
            file: "F.swift",
            function: "f()",
            line: 1
        )
    }

    @Test func textIsOneHarmlessLine() {
        let handler = TextLogHandler(level: .info, terminal: Terminal(isInteractive: false, environment: [:]))
        let line = handler.line(
            self.event("lost\n\u{1B}[2J", ["account": "sub-001", "reason": "no route"]),
            at: self.time
        )
        #expect(line == "03:04:05.678 warning  lost\\n\\u{1b}[2J account=sub-001 reason=\"no route\"\n")
    }

    @Test func jsonCanBeRead() throws {
        var handler = JSONLogHandler(level: .info)
        handler[metadataKey: "instance"] = "default"
        let line = handler.line(
            self.event("lost \"it\"\n", ["accounts": ["a", "b"], "level": "x", "nested": ["k": "v"]]),
            at: self.time
        )
        #expect(line.hasSuffix("}\n"))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        #expect(object["time"] as? String == "2026-01-02T03:04:05.678Z")
        #expect(object["level"] as? String == "warning")
        #expect(object["_level"] as? String == "x")
        #expect(object["source"] as? String == "Orchestrator")
        #expect(object["message"] as? String == "lost \"it\"\n")
        #expect(object["instance"] as? String == "default")
        #expect(object["accounts"] as? [String] == ["a", "b"])
        #expect(object["nested"] as? [String: String] == ["k": "v"])
    }

    @Test func autoDependsOnTheTerminal() {
        let tty = Terminal(isInteractive: true, environment: [:])
        let pipe = Terminal(isInteractive: false, environment: [:])
        #expect(LogFormat.auto.handler(level: .info, terminal: tty) is TextLogHandler)
        #expect(LogFormat.auto.handler(level: .info, terminal: pipe) is JSONLogHandler)
        #expect(LogFormat.text.handler(level: .info, terminal: pipe) is TextLogHandler)
        #expect(LogFormat.json.handler(level: .info, terminal: tty) is JSONLogHandler)
    }
}

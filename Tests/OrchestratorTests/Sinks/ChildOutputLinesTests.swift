import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ChildOutputLinesTests {
    private static func at(_ milliseconds: Int64) -> Uptime { Uptime(nanoseconds: milliseconds * 1_000_000) }

    @Test func cutsLinesWhereverTheOutputIsSplit() {
        var lines = ChildOutputLines()
        #expect(lines.take("one\ntw".utf8, now: Self.at(0)) == [.line("one")])
        #expect(lines.take("o\r\n\nthr".utf8, now: Self.at(1)) == [.line("two"), .line("")])
        #expect(lines.end(now: Self.at(2)) == [.line("thr")])
        #expect(lines.end(now: Self.at(3)) == [])
    }

    @Test func boundsALine() {
        var lines = ChildOutputLines()
        #expect(lines.take(Array(repeating: UInt8(ascii: "x"), count: 1_000_000), now: Self.at(0)) == [])
        let expected = String(repeating: "x", count: ChildOutputLines.longestLine) + " …"
        #expect(lines.take("\nnext\n".utf8, now: Self.at(0)) == [.line(expected), .line("next")])
    }

    @Test func boundsTheNumberOfLinesAndSaysSo() {
        var lines = ChildOutputLines()
        let many = Array(String(repeating: "y\n", count: 1_000).utf8)
        #expect(lines.take(many, now: Self.at(0)).count == ChildOutputLines.linesPerSecond)
        #expect(lines.take(many, now: Self.at(999)) == [])
        let next = lines.take("z\n".utf8, now: Self.at(1_000))
        #expect(next == [.omitted(2_000 - ChildOutputLines.linesPerSecond), .line("z")])
        _ = lines.take(many, now: Self.at(1_500))
        #expect(lines.end(now: Self.at(1_600)) == [.omitted(1_001 - ChildOutputLines.linesPerSecond)])
    }

    @Test func takesAnyBytes() {
        var lines = ChildOutputLines()
        #expect(
            lines.take([0xFF, 0xC3, UInt8(ascii: "a"), 0, UInt8(ascii: "\n")], now: Self.at(0)) == [
                .line("\u{FFFD}\u{FFFD}a\0")
            ]
        )
    }
}

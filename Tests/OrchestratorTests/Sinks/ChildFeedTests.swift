import Testing

@testable import Orchestrator

@Suite struct ChildFeedTests {
    private static func line(_ n: Int, _ cause: String, account: String = "sub-001", padding: Int = 0) -> [UInt8] {
        let pad = String(repeating: "x", count: padding)
        return Array(
            """
            {"v":1,"event":"position.update","account":"\(account)","n":\(n),"cause":"\(cause)","symbol":"\(pad)"}\n
            """.utf8
        )
    }

    private static func numbers(_ slices: [[UInt8]]) -> [Int64] {
        Fixtures.split(slices.flatMap { $0 }).map { Fixtures.number("n", $0) }
    }

    @Test func tellsMarksFromWhatMustBeDelivered() {
        func isMark(_ line: [UInt8]) -> Bool { line.withUnsafeBytes { EventLines.isMark($0) } }
        let longest = String(repeating: "a", count: 63)
        for cause in ["mark", "stale", "fresh"] {
            #expect(isMark(Self.line(.max, cause, account: longest)))
        }
        for cause in ["opened", "increased", "reduced", "flipped", "amended", "closed", "resync", "marked"] {
            #expect(!isMark(Self.line(1, cause)), "\(cause)")
        }
        let alert =
            "{\"v\":1,\"event\":\"alert\",\"account\":\"a\",\"n\":3,\"code\":\"x\",\"text\":\"\\\"cause\\\":\\\"mark\\\"\"}\n"
        #expect(!isMark(Array(alert.utf8)))
        #expect(!isMark([]) && !isMark(Array("\"cause\":\"".utf8)) && !isMark(Array("\"cause\":\"mark".utf8)))
        #expect(
            EventLines.lifecycleCount(in: Self.line(1, "mark") + Self.line(2, "closed") + Self.line(3, "resync")) == 2
        )
    }

    @Test func cutsBetweenLinesAndKeepsTheOrder() {
        var feed = ChildFeed()
        feed.begin()
        let lines = (1...200).flatMap { Self.line($0, "mark", padding: $0) } + Self.line(201, "mark", padding: 9_000)
        #expect(feed.add(lines) == false)
        #expect(feed.newBytes == lines.count)
        let slices = feed.takeUnwritten()
        #expect(slices.count > 3)
        #expect(slices.allSatisfy { $0.last == UInt8(ascii: "\n") })
        #expect(slices.dropLast().allSatisfy { $0.count <= ChildFeed.sliceSize })
        #expect(Self.numbers(slices) == Array(1...201))
        #expect(feed.takeUnwritten() == [], "they were handed over")
        for _ in slices { feed.written() }
        #expect(feed.isEmpty && feed.newBytes == 0)
    }

    @Test func theNextChildGetsTheLifecycleLinesAgainAndWhatWasNotWritten() {
        var feed = ChildFeed()
        feed.begin()
        let first = Self.line(1, "opened") + Self.line(2, "mark") + Self.line(3, "amended", padding: 5_000)
        #expect(feed.add(first) == true)
        feed.add(Self.line(4, "mark") + Self.line(5, "closed"))
        #expect(feed.takeUnwritten().count == 3)
        feed.written()
        feed.written()
        // It dies before it has taken the last slice.
        #expect(feed.newLifecycleCount == 1)
        feed.begin()
        #expect(Self.numbers(feed.takeUnwritten()) == [1, 3, 4, 5])
        // The repeated ones are not new: another child gets the same.
        feed.written()
        feed.begin()
        #expect(Self.numbers(feed.takeUnwritten()) == [1, 3, 4, 5])
        while !feed.isEmpty { feed.written() }
        feed.begin()
        #expect(Self.numbers(feed.takeUnwritten()) == [1, 3, 5], "a mark is not repeated")
        #expect(feed.newBytes == 0)
    }

    @Test func keepsABoundedNumberOfLines() {
        var feed = ChildFeed()
        feed.begin()
        for n in 1...2_000 {
            feed.add(Self.line(n, "amended", padding: 200))
            _ = feed.takeUnwritten()
            feed.written()
        }
        feed.begin()
        let repeated = feed.takeUnwritten()
        let size = repeated.reduce(0) { $0 + $1.count }
        #expect(size <= ChildFeed.keptLimit && size > ChildFeed.keptLimit - 1_000)
        let numbers = Self.numbers(repeated)
        #expect(numbers.last == 2_000)
        #expect(numbers == Array((2_001 - Int64(numbers.count))..<2_001), "the newest, without a hole")
    }
}

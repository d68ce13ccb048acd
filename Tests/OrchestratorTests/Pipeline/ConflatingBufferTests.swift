import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ConflatingBufferTests {
    private let label = AccountLabel("a")

    private func mark(
        _ n: Int64,
        slot: Int = 0,
        cause: PositionUpdate.Cause = .mark,
        stale: Bool = false,
        conflated: Int = 0,
        price: String = "1",
        position: Position? = nil,
        label: AccountLabel? = nil
    ) throws -> ParkedMark {
        let position = try position ?? Fixtures.position(symbol: "S\(slot)")
        let update = try Fixtures.update(
            position,
            cause: cause,
            slot: slot,
            mark: price,
            stale: stale,
            conflated: conflated
        )
        return ParkedMark(label: label ?? self.label, update: update, n: n, emittedTime: 0)
    }

    private func read(_ buffer: inout ConflatingBuffer, maxBytes: Int = 1 << 20) -> [String] {
        var bytes: [UInt8] = []
        while true {
            var piece: [UInt8] = []
            switch buffer.next(into: &piece, maxBytes: maxBytes) {
            case .lines: bytes += piece
            case .marks(let marks): for mark in marks { mark.appendLine(to: &bytes) }
            case .empty: return Fixtures.split(bytes)
            }
        }
    }

    private func append(_ text: String, account: String? = nil, to buffer: inout ConflatingBuffer) {
        Array((text + "\n").utf8).withUnsafeBytes {
            if let account { buffer.append($0, account: account) } else { buffer.append($0) }
        }
    }

    @Test func keepsTheNewestMarkAndCountsTheOthers() throws {
        var buffer = ConflatingBuffer()
        buffer.park(try self.mark(5, price: "1"))
        buffer.park(try self.mark(6, price: "2", position: nil))
        buffer.park(try self.mark(7, conflated: 4, price: "3"))
        #expect(buffer.parkedCount == 1)
        let lines = self.read(&buffer)
        #expect(lines.map { Fixtures.value("mark_price", $0) } == ["3"])
        #expect(lines.map { Fixtures.number("n", $0) } == [7])
        #expect(lines.map { Fixtures.number("conflated", $0) } == [6])
        #expect(buffer.conflated == 2)
        #expect(buffer.isEmpty)
    }

    @Test func parkedMarksOfAnAccountComeBeforeItsNextLine() throws {
        var buffer = ConflatingBuffer()
        let other = AccountLabel("b")
        buffer.park(try self.mark(2, slot: 1))
        buffer.park(try self.mark(1, slot: 0))
        buffer.park(try self.mark(1, slot: 0, label: other))
        self.append("line a 3", account: "a", to: &buffer)
        #expect(buffer.parkedCount == 1)
        let lines = self.read(&buffer)
        #expect(lines.map { Fixtures.number("n", $0) } == [1, 2, -1, 1])
        #expect(lines[2] == "line a 3")
        #expect(Fixtures.value("account", lines[3]) == "b")
    }

    @Test func aBatchOfManyAccountsComesBehindAllParkedMarks() throws {
        var buffer = ConflatingBuffer()
        buffer.park(try self.mark(1))
        buffer.park(try self.mark(1, label: AccountLabel("b")))
        self.append("batch", to: &buffer)
        #expect(self.read(&buffer).last == "batch")
    }

    @Test func aSlotThatStandsForAnotherPositionIsNotMerged() throws {
        var buffer = ConflatingBuffer()
        buffer.park(try self.mark(1, position: try Fixtures.position(symbol: "OLD")))
        buffer.park(try self.mark(2, position: try Fixtures.position(symbol: "NEW")))
        let lines = self.read(&buffer)
        #expect(lines.map { Fixtures.value("symbol", $0) } == ["OLD", "NEW"])
    }

    @Test(
        arguments: [
            ([.stale], .stale, true), ([.mark, .stale], .stale, true), ([.stale, .fresh], .fresh, false),
            ([.fresh, .mark], .fresh, false), ([.fresh, .stale, .mark], .stale, true), ([.mark, .mark], .mark, false),
        ] as [([PositionUpdate.Cause], PositionUpdate.Cause, Bool)]
    )
    func theCauseOfAMergedMarkAgreesWithTheNewestFlag(
        causes: [PositionUpdate.Cause],
        expected: PositionUpdate.Cause,
        stale: Bool
    ) throws {
        var buffer = ConflatingBuffer()
        var flag = causes.first == .fresh
        for (index, cause) in causes.enumerated() {
            if cause == .stale { flag = true }
            if cause == .fresh { flag = false }
            buffer.park(try self.mark(Int64(index + 1), cause: cause, stale: flag))
        }
        let line = try #require(self.read(&buffer).first)
        #expect(Fixtures.value("cause", line) == expected.rawValue)
        #expect(Fixtures.value("stale", line) == "\(stale)")
    }

    @Test func conflatesAboveTheLimitUntilTheReaderHasCaughtUp() throws {
        var buffer = ConflatingBuffer(limit: 100)
        self.append(String(repeating: "x", count: 60), to: &buffer)
        #expect(!buffer.isConflating)
        self.append(String(repeating: "y", count: 60), to: &buffer)
        #expect(buffer.isConflating)
        buffer.park(try self.mark(1))
        var piece: [UInt8] = []
        guard case .lines = buffer.next(into: &piece, maxBytes: 1_000) else {
            Issue.record("expected lines")
            return
        }
        #expect(buffer.isConflating, "a mark is still parked")
        #expect(self.read(&buffer).count == 1)
        #expect(!buffer.isConflating)
    }

    /// Any mixture of writing and reading: nothing but marks is lost, `n` rises per account, what was merged is counted, and
    /// the last thing read of a position is its newest state.
    @Test(arguments: 1...40) func agreesWithAModel(seed: Int) throws {
        var random = SplitMix64(seed: UInt64(seed))
        var buffer = ConflatingBuffer(limit: Int.random(in: 200...4_000, using: &random))
        let labels = ["a", "b", "c"].map { AccountLabel($0) }
        let positions = try (0..<4).map { try Fixtures.position(symbol: "S\($0)") }
        var n: [Int64] = [0, 0, 0]
        var flag = [[Bool]](repeating: [false, false, false, false], count: 3)
        var newest: [String: String] = [:]
        var lifecycle: [String] = []
        var written = 0
        var seen: [String] = []
        for _ in 0..<1_500 {
            let account = Int.random(in: 0...2, using: &random)
            let slot = Int.random(in: 0...3, using: &random)
            let name = labels[account].name
            let choice = Int.random(in: 0..<100, using: &random)
            if choice < 12 {
                var piece: [UInt8] = []
                switch buffer.next(into: &piece, maxBytes: 2_000) {
                case .lines: seen += Fixtures.split(piece)
                case .marks(let marks):
                    for mark in marks { mark.appendLine(to: &piece) }
                    seen += Fixtures.split(piece)
                case .empty: break
                }
                continue
            }
            n[account] += 1
            written += 1
            let cause: PositionUpdate.Cause =
                choice < 18 ? .amended : choice < 22 ? .stale : choice < 26 ? .fresh : .mark
            if cause == .stale { flag[account][slot] = true }
            if cause == .fresh { flag[account][slot] = false }
            let update = try Fixtures.update(
                positions[slot],
                cause: cause,
                slot: slot,
                mark: "\(n[account])",
                stale: flag[account][slot]
            )
            let line = PositionLine.bytes(update, label: labels[account], n: n[account], emittedTime: 0)
            newest["\(name)/S\(slot)"] = "\(n[account])/\(flag[account][slot])"
            if cause == .amended {
                lifecycle.append("\(name)/\(n[account])")
                line.withUnsafeBytes { buffer.append($0, account: name) }
            } else if buffer.isConflating {
                buffer.park(ParkedMark(label: labels[account], update: update, n: n[account], emittedTime: 0))
            } else {
                line.withUnsafeBytes { buffer.append($0) }
            }
        }
        seen += self.read(&buffer)
        #expect(buffer.isEmpty && buffer.waitingBytes == 0 && !buffer.isConflating, "seed \(seed)")

        var last: [String: Int64] = [:]
        var state: [String: String] = [:]
        var staleByCause: [String: Bool] = [:]
        var merged = 0
        var found: [String] = []
        for line in seen {
            let account = try #require(Fixtures.value("account", line))
            let key = account + "/" + (try #require(Fixtures.value("symbol", line)))
            let number = Fixtures.number("n", line)
            #expect(number > last[account, default: 0], "seed \(seed)")
            last[account] = number
            merged += Int(Fixtures.number("conflated", line))
            let cause = try #require(Fixtures.value("cause", line))
            if cause == "amended" { found.append("\(account)/\(number)") }
            let stale = try #require(Fixtures.value("stale", line))
            if cause == "stale" || cause == "fresh" { staleByCause[key] = cause == "stale" }
            #expect("\(staleByCause[key] ?? false)" == stale, "seed \(seed): causes and flag disagree")
            state[key] = (try #require(Fixtures.value("mark_price", line))) + "/" + stale
        }
        #expect(state == newest, "seed \(seed)")
        #expect(found.sorted() == lifecycle.sorted(), "seed \(seed)")
        #expect(seen.count + merged == written, "seed \(seed)")
        #expect(Int64(merged) == buffer.conflated, "seed \(seed)")
    }
}

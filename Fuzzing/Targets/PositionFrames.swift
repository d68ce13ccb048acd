@testable import HybridStream

// Frames of the private socket, one a line, applied to a book. What stands before a frame's brace says where its rows come
// from: nothing = the socket, `=` a complete sweep, `+` one of several pages, `*` one while the socket is up, `~` an
// incomplete one, `<` the store. `>1500` lets 1.5 seconds pass and `!` is the end of the connection.
//
// What must hold: rows read as a slow reading of the same bytes says; the log of changes is legal (nothing is opened twice,
// nothing happens to what is closed) and leaves what the book holds; what changes nothing makes no event; and sweeps that
// say the same end all doubts.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPositionFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var run = PositionRun()
    for line in inputBytes(start, count).pieces(separatedBy: "\n") { run.take(line) }
    return 0
}

private struct PositionRun {
    var book = PositionBook()
    var log = ChangeLog()
    var now = Uptime(nanoseconds: 1_000_000_000_000)

    mutating func take(_ line: ArraySlice<UInt8>) {
        let frame = line.drop { $0 != UInt8(ascii: "{") }
        switch line.first {
        case UInt8(ascii: ">"):
            self.now = self.now + .milliseconds(Int64(line.dropFirst().prefix(5).text) ?? 1)
        case UInt8(ascii: "!"): self.book.connectionLost()
        case UInt8(ascii: "="): self.sweep(frame)
        case UInt8(ascii: "+"): self.sweep(frame, isOneMoment: false)
        case UInt8(ascii: "*"): self.sweep(frame, isListening: true)
        case UInt8(ascii: "~"): self.sweep(frame, coversAll: false)
        case UInt8(ascii: "<"):
            var (rows, _) = self.rows(frame)
            var keys: Set<PositionKey> = []
            rows.removeAll { self.book.slot(of: $0.key) != nil || !keys.insert($0.key).inserted }
            self.log.restore(rows)
            self.book.restore(rows)
            self.log.checkEquals(self.book)
        default: self.stream(self.rows(line).rows)
        }
    }

    private func rows(_ line: ArraySlice<UInt8>) -> (rows: [Position], time: Int64) {
        let frame = withExactCopy(line) { PrivateFrame($0, category: .linear) }
        if String(validating: line, as: UTF8.self) == nil {
            guard case .malformed = frame else { fatalError("bytes that are no text are \(frame)") }
        } else if let document = ReferenceJSON(line) {
            PrivateFrameReading(document).check(frame, category: .linear)
        }
        guard case .positions(let rows, _, let time) = frame else { return ([], 0) }
        return (rows, time)
    }

    private mutating func stream(_ rows: [Position]) {
        for row in rows {
            let before = self.book.slot(of: row.key).map { self.book.cells[$0].position }
            let outdated = self.book.outdatedRows
            self.apply(row)
            guard let slot = self.book.slot(of: row.key) else { return expect(false, "\(row.key) has no slot") }
            let after = self.book.cells[slot].position
            if let before, before.seq >= 0, after.seq >= 0 {
                expect(after.seq >= before.seq, "\(row.key) went back from \(before.seq) to \(after.seq)")
            }
            let isTaken = after === row
            let isOutdated = self.book.outdatedRows > outdated
            let isDoubted = self.book.takeDoubt()
            let answers = [isTaken, isOutdated, isDoubted].count { $0 }
            expect(answers == 1, "a row taken: \(isTaken), outdated: \(isOutdated), doubted: \(isDoubted)")
            let isTied = row.seq == after.seq && row.updatedTime == after.updatedTime
            expect(!isDoubted || row.isOpen && (!after.isOpen || isTied), "a doubt about what is known")
            expect(isTaken || after === before, "\(row.key) is now what no row said")
            // The same once more says nothing new.
            let changes = self.log.count
            self.apply(row)
            expect(self.book.takeDoubt() == isDoubted, "another doubt about the same row")
            expect(self.log.count == changes, "\(row.key): a row that changes nothing made an event")
        }
        self.log.checkEquals(self.book)
    }

    private mutating func apply(_ row: Position) {
        let book = self.book
        self.book.apply(row, from: .stream, now: self.now) {
            self.log.take($0, from: .stream)
            let isOwn: Bool
            if let known = book.slot(of: row.key) {
                isOwn = $0.slot == known
            } else {
                // A new one, or that of a leg that has been flat for long.
                isOwn = $0.slot == book.cells.count || !book.cells[$0.slot].position.isOpen
            }
            expect(isOwn, "an event with a foreign slot")
        }
        for mark in [row.rowMarkPrice, row.entryPrice, FixedPoint(1), FixedPoint(mantissa: .max, scale: 36)] {
            guard let mark, let profit = row.unrealizedPnL(at: mark) else { continue }
            expect(mark != row.entryPrice || profit.isZero, "a profit of \(profit) without a move")
            expect(FixedPoint("\(profit)") == profit, "a profit that cannot be written")
        }
    }

    private mutating func sweep(
        _ frame: ArraySlice<UInt8>,
        coversAll: Bool = true,
        isOneMoment: Bool = true,
        isListening: Bool = false
    ) {
        let (rows, time) = self.rows(frame)
        let open = self.book.openPositions.map(\.key)
        let listed = Set(rows.map(\.key))
        let start = self.now
        func listing(_ requested: Uptime) -> PositionBook.Listing {
            // The exchange's clock goes on from one reply to the next.
            let (later, overflow) = time.addingReportingOverflow((requested - start).milliseconds)
            return PositionBook.Listing(
                rows: rows,
                coversAll: coversAll,
                isOneMoment: isOneMoment,
                requested: requested,
                serverTime: time > 0 && !overflow ? later : time
            )
        }
        // What is asked for again says the same each time.
        for round in 0...5 {
            let result = self.book.reconcile(listing(self.now), isListening: isListening, now: self.now)
            for change in result.changes { self.log.take(change, from: .sweep) }
            self.log.checkEquals(self.book)
            let left = self.book.openPositions.map(\.key).filter { !listed.contains($0) }
            if coversAll {
                // A connection that has not told of a close is replaced, and the next one's sweeps decide.
                let isSettled = left.isEmpty || result.followUp != nil || result.isDeaf
                expect(isSettled, "\(left) is open, not listed, and nobody asks again")
                expect(!isListening || result.changes.allSatisfy { listed.contains($0.position.key) }, "closed unheard")
            } else {
                let isKept = open.allSatisfy { self.log.isOpen($0) || listed.contains($0) }
                expect(isKept, "absence from a part closed something")
            }
            // Rows that contradict each other may take turns.
            guard listed.count == rows.count else { return }
            expect(round < 5 || result.followUp == nil, "no end of sweeps that say the same")
            guard let pause = result.followUp else { break }
            self.now = self.now + pause
        }
        let changes = self.log.count
        let again = self.book.reconcile(listing(self.now), isListening: isListening, now: self.now)
        for change in again.changes { self.log.take(change, from: .sweep) }
        expect(self.log.count == changes, "the same sweep again made \(again.changes.count) events")
    }
}

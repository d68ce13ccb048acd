@testable import HybridStream

// Frames of the public socket, one a line, merged into a book. `!lost` is the end of the connection and `!ended` that of
// the latest symbol's subscription; `!polled 1.5 8` is what REST says of its mark and time.
//
// What must hold: a frame that is JSON reads as a slow reading of the same bytes says, on either path; the book holds
// what the list of all frames says; and a mark never goes back.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTickerFrames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var run = TickerRun()
    for line in inputBytes(start, count).pieces(separatedBy: "\n") { run.take(line) }
    return 0
}

private struct TickerRun {
    var table = SymbolTable()
    var book = TickerBook()
    var histories: [TickerHistory] = []
    var slots: [[UInt8]: Int] = [:]
    var latest = 0
    var now: Int64 = 0

    mutating func take(_ line: ArraySlice<UInt8>) {
        self.now += 1
        if line.isEqual(to: "!lost") {
            self.book.connectionLost()
            for slot in self.histories.indices { self.histories[slot].hasSnapshot = false }
        } else if line.isEqual(to: "!ended") {
            self.book.subscriptionEnded(self.latest)
            if self.latest < self.histories.count { self.histories[self.latest].hasSnapshot = false }
        } else if line.starts(with: "!polled ".utf8) {
            self.poll(line.split(separator: 0x20))
        } else {
            withExactCopy(line) { self.take(frame: $0) }
        }
    }

    private mutating func poll(_ words: [ArraySlice<UInt8>]) {
        guard words.count == 3, self.latest < self.histories.count, let price = FixedPoint(words[1].text),
            price.isPositive, let time = Int64(words[2].text)
        else { return }
        let isTaken = self.book.merge(
            polled: price,
            exchangeTime: time,
            slot: self.latest,
            wallTime: self.now,
            now: Uptime(nanoseconds: self.now)
        )
        expect(isTaken == self.histories[self.latest].merge(polled: price, time: time), "taken from REST: \(isTaken)")
        let mark = self.book.mark(self.latest)?.price.description
        expect(mark == self.histories[self.latest].mark?.price.description, "the mark is not the newest")
    }

    private mutating func take(frame bytes: UnsafeRawBufferPointer) {
        let frame = PublicFrame(bytes)
        if let document = ReferenceJSON(bytes) { PublicFrameReading(document).check(frame, bytes) }
        switch frame {
        case .ticker(let ticker): self.merge(ticker)
        case .reply(let reply): _ = SubscriptionRefusal(message: reply.message)
        case .other, .malformed: break
        }
    }

    private mutating func merge(_ frame: TickerFrame) {
        // Symbols are looked up by bytes and subscribed as text; bytes that are no text are never found.
        guard let symbol = String(validating: frame.symbol, as: UTF8.self) else {
            return expect(self.table.slot(of: frame.symbol) == nil, "found a symbol that is no text")
        }
        let known = self.slots[Array(frame.symbol)]
        expect(self.table.slot(of: frame.symbol) == known, "\(symbol) has another slot than it was given")
        let slot = known ?? self.table.insert(symbol)
        expect(self.table.slot(of: frame.symbol) == slot, "\(symbol) is not found")
        expect(known != nil || slot == self.histories.count, "\(symbol) has a slot twice given")
        if known == nil { self.histories.append(TickerHistory()) }
        self.slots[Array(frame.symbol)] = slot
        self.latest = slot

        let others = self.histories.indices.filter { $0 != slot }.map { self.book.mark($0)?.price.description }
        let before = self.book.mark(slot)
        let seen = self.book.lastFrame(slot)
        let outcome = self.book.merge(
            frame,
            slot: slot,
            wallTime: self.now,
            now: Uptime(nanoseconds: self.now)
        )
        let mark = self.book.mark(slot)
        let expected = self.histories[slot].merge(frame)
        expect(outcome == expected, "\(outcome), not \(expected)")
        expect(mark?.price.description == self.histories[slot].mark?.price.description, "the mark is not the newest")
        expect(
            others == self.histories.indices.filter { $0 != slot }.map { self.book.mark($0)?.price.description },
            "a frame changed another symbol"
        )
        if let mark, let before {
            let isLater =
                mark.exchangeTime >= before.exchangeTime || before.source != .rest && mark.cs >= before.cs
            expect(isLater, "the mark went back from \(before) to \(mark)")
        }
        if let before { expect(mark != nil, "the mark \(before) was lost") }
        if let mark { expect(mark.price.isPositive, "a mark of \(mark.price)") }
        if let seen, let now = self.book.lastFrame(slot) { expect(now >= seen, "the last frame was earlier") }
        if outcome == .newMark { expect(mark?.price != before?.price, "a new mark that is the old one") }
    }
}

/// The rules of merging, over the list of everything that was merged.
private struct TickerHistory {
    private var frames: [(cs: Int64, ts: Int64)] = []
    private var marks: [(price: FixedPoint, time: Int64, isPolled: Bool)] = []
    var hasSnapshot = false

    var mark: (price: FixedPoint, time: Int64, isPolled: Bool)? { self.marks.last }

    mutating func merge(_ frame: TickerFrame) -> TickerBook.Outcome {
        let isOlder = self.frames.last.map { frame.cs < $0.cs } ?? false
        if frame.isSnapshot {
            self.hasSnapshot = true
            if isOlder, let latest = self.frames.map(\.ts).max(), frame.ts <= latest { return .outdated }
        } else {
            guard self.hasSnapshot else { return .beforeSnapshot }
            if isOlder { return .outdated }
        }
        self.frames.append((frame.cs, frame.ts))
        guard let price = frame.markPrice, price.isPositive else { return .refreshed }
        let before = self.mark
        if let before, before.isPolled, frame.ts < before.time { return .refreshed }
        self.marks.append((price, frame.ts, false))
        return before?.price == price ? .refreshed : .newMark
    }

    mutating func merge(polled price: FixedPoint, time: Int64) -> Bool {
        if let latest = self.frames.map(\.ts).max(), time <= latest { return false }
        if let mark = self.mark, time <= mark.time { return false }
        self.marks.append((price, time, true))
        return true
    }
}

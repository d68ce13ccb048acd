import CBench
import HybridStream

/// Ticker frame → book: what the client does with the bytes of a frame, without a socket.
enum ParseFigures {
    /// Frames of one shape over 64 symbols, in one piece of memory.
    final class Frames {
        let memory: UnsafeMutableRawPointer
        private(set) var ranges: [UnsafeRawBufferPointer] = []
        static let count = 2_048

        init(_ write: (UnsafeMutablePointer<CChar>, String, UInt32, CInt, Int64, Int64) -> Int) {
            self.memory = .allocate(byteCount: Frames.count * Int(CBENCH_FRAME_ROOM), alignment: 64)
            var random = SplitMix64(seed: 7)
            var at = self.memory
            for index in 0..<Frames.count {
                let salt = UInt32(truncatingIfNeeded: random.next())
                let mark = CInt.random(in: 1_000_000..<9_000_000, using: &random)
                let symbol = ParseFigures.symbols[index % ParseFigures.symbols.count]
                // The same numbers in all, so that a frame is not older than the one merged before, pass after pass.
                let length = write(
                    at.assumingMemoryBound(to: CChar.self),
                    symbol,
                    salt,
                    mark,
                    814_547_789_569,
                    1_790_134_712_383
                )
                self.ranges.append(UnsafeRawBufferPointer(start: at, count: length))
                // As they lie in a read buffer: one behind the other, with a header between them.
                at += length + 4
            }
        }

        deinit { self.memory.deallocate() }

        var meanLength: Double { Double(self.ranges.reduce(0) { $0 + $1.count }) / Double(self.ranges.count) }
    }

    static let symbols = (0..<64).map { "SYM\(100 + $0)USDT" }
    static let iterations = 1_048_576

    static func measure(rounds: Int) throws -> [Figure] {
        let full = Frames { out, symbol, salt, mark, cs, ts in
            cbench_write_delta(out, symbol, salt, mark, cs, ts).length
        }
        let marks = Frames { out, symbol, salt, mark, cs, ts in cbench_write_mark_delta(out, symbol, salt, mark, cs, ts)
        }
        let book = Frames { out, symbol, salt, _, cs, ts in cbench_write_book_delta(out, symbol, salt, cs, ts) }
        let snapshots = Frames { out, symbol, _, mark, cs, ts in cbench_write_snapshot(out, symbol, mark, cs, ts) }
        var merged = Figure(
            "parse",
            "ticker frame → book, delta of \(full.meanLength.short) bytes",
            unit: "ns",
            must: 300,
            aim: 120,
            note: "PublicFrame, symbol lookup and TickerBook.merge, as the feed does; 64 symbols; CPU clock"
        )
        var allocations = Figure(
            "parse-allocations",
            "… allocations per frame",
            unit: "allocations",
            must: 0,
            aim: 0
        )
        var parsed = Figure("parse-fields", "… of that finding the fields (PublicFrame)", unit: "ns")
        var others = [
            Figure("parse-mark-delta", "… delta of \(marks.meanLength.short) bytes without last price", unit: "ns"),
            Figure("parse-book-delta", "… delta of \(book.meanLength.short) bytes without prices wanted", unit: "ns"),
            Figure("parse-snapshot", "… snapshot of \(snapshots.meanLength.short) bytes", unit: "ns"),
        ]
        try self.check(full, marks: true)
        try self.check(marks, marks: true)
        try self.check(book, marks: false)
        try self.check(snapshots, marks: true)
        for _ in 0..<rounds {
            parsed.samples.append(self.time { self.parse(full) })
            let reader = Reader(snapshots)
            merged.samples.append(self.time { reader.merge(full) })
            cbench_allocations_start()
            reader.merge(full)
            allocations.samples.append(Double(cbench_allocations_stop()) / Double(self.iterations))
            for (index, frames) in [marks, book, snapshots].enumerated() {
                others[index].samples.append(self.time { reader.merge(frames) })
            }
        }
        return [merged, allocations, parsed] + others
    }

    /// What is timed has to be right.
    private static func check(_ frames: Frames, marks: Bool) throws {
        for bytes in frames.ranges {
            guard case .ticker(let frame) = PublicFrame(bytes), frame.markPrice.map({ $0.isPositive }) ?? !marks else {
                throw ChildProcess.Failure(
                    description: "a frame was not understood: \(String(decoding: bytes, as: UTF8.self))"
                )
            }
        }
    }

    /// Nanoseconds per frame.
    private static func time(_ body: () -> Void) -> Double {
        let start = cbench_cpu_clock()
        body()
        return Double(cbench_cpu_clock() - start) / Double(self.iterations)
    }

    @inline(never)
    private static func parse(_ frames: Frames) {
        var sum: Int64 = 0
        var left = self.iterations
        frames.ranges.withUnsafeBufferPointer { ranges in
            while left > 0 {
                for bytes in ranges {
                    guard case .ticker(let frame) = PublicFrame(bytes) else { continue }
                    sum &+= frame.cs &+ frame.ts
                    if let mark = frame.markPrice { sum &+= Int64(truncatingIfNeeded: mark.mantissa) }
                }
                left -= ranges.count
            }
        }
        Sink.take(sum)
    }

    /// The book and symbols of a feed that has its snapshots.
    private final class Reader {
        var symbols = SymbolTable()
        var book = TickerBook()

        init(_ snapshots: Frames) {
            for symbol in ParseFigures.symbols { _ = self.symbols.insert(symbol) }
            for bytes in snapshots.ranges { self.merge(bytes, now: Uptime(nanoseconds: 1)) }
        }

        @discardableResult
        private func merge(_ bytes: UnsafeRawBufferPointer, now: Uptime) -> Bool {
            guard case .ticker(let frame) = PublicFrame(bytes), let slot = self.symbols.slot(of: frame.symbol) else {
                return false
            }
            let outcome = self.book.merge(frame, slot: slot, wallTime: 1_790_134_712_383, now: now)
            return outcome == .newMark
        }

        @inline(never)
        func merge(_ frames: Frames) {
            var changes: Int64 = 0
            var left = ParseFigures.iterations
            frames.ranges.withUnsafeBufferPointer { ranges in
                while left > 0 {
                    for bytes in ranges where self.merge(bytes, now: Uptime(nanoseconds: Int64(left))) { changes += 1 }
                    left -= ranges.count
                }
            }
            Sink.take(changes)
        }
    }
}

/// Keeps the optimiser from leaving out what is measured.
enum Sink {
    @inline(never)
    static func take(_ value: Int64) {
        if value == .min { print("") }
    }
}

import Testing

@testable import HybridStream

@Suite("PositionBook against the truth")
struct PositionBookPropertyTests {
    /// One leg's true history: rows in order, with rising stamps.
    struct Truth {
        var rows: [Position] = []
        var current: Position { self.rows[self.rows.count - 1] }

        init(_ key: Int, length: Int, random: inout SplitMix64) {
            var amount = 0.0
            var seq: Int64 = 100
            var time: Int64 = 1_000_000
            var opened: Int64 = 0
            var stop = ""
            for _ in 0..<length {
                time += Int64(1 + random.below(900))
                let before = amount
                if random.chance(4), amount != 0 {
                    // A setting: the sequence stays.
                    stop = String(80 + random.below(20))
                } else {
                    seq += Int64(1 + random.below(5))
                    amount = random.pick([0, 0, 0.5, 1, 2, -0.5, -1])
                    if amount == 0 { stop = "" }
                    if (before == 0) != (amount == 0) || (before > 0) != (amount > 0) {
                        opened = amount == 0 ? 0 : time
                    }
                }
                self.rows.append(
                    row(
                        amount,
                        symbol: "S\(key / 2)",
                        leg: 1 + key % 2,
                        stop: stop,
                        seq: seq,
                        time: time,
                        open: opened,
                        created: 1
                    )
                )
            }
        }
    }

    /// What a log of causes leaves, if it is legal.
    static func replay(_ log: [PositionBook.Change]) -> [PositionKey: Position] {
        var open: [PositionKey: Position] = [:]
        for change in log {
            let key = change.position.key
            let before = open[key]
            switch change.cause {
            case .opened: #expect(before == nil && change.position.isOpen, "opened twice: \(change.text)")
            case .closed: #expect(before != nil && !change.position.isOpen, "closed what was not open: \(change.text)")
            case .increased:
                #expect(before.map { $0.side == change.position.side && $0.size < change.position.size } == true)
            case .reduced:
                #expect(before.map { $0.side == change.position.side && $0.size > change.position.size } == true)
                #expect(change.position.isOpen)
            case .flipped: #expect(before.map { $0.side != change.position.side } == true && change.position.isOpen)
            case .amended:
                #expect(before.map { $0.side == change.position.side && $0.size == change.position.size } == true)
            case .resync, .mark, .stale, .fresh: Issue.record("unexpected \(change.text)")
            }
            open[key] = change.position.isOpen ? change.position : nil
        }
        return open
    }

    static func expectTruth(_ book: PositionBook, _ truths: [Truth], _ log: [PositionBook.Change]) {
        let expected = truths.map(\.current).filter(\.isOpen).map { facts($0) }.sorted { $0[0] < $1[0] }
        #expect(book.openPositions.map { facts($0) }.sorted { $0[0] < $1[0] } == expected)
        let replayed = Self.replay(log)
        #expect(Set(replayed.keys) == Set(truths.map(\.current).filter(\.isOpen).map(\.key)))
        for (key, position) in replayed {
            let truth = truths.map(\.current).first { $0.key == key }
            #expect(truth?.amount == position.amount && truth?.stopLoss == position.stopLoss, "\(key)")
        }
    }

    @Test("rows shuffled and doubled: the newest wins, the log is legal", arguments: 1...60)
    func shuffled(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let truths = (0..<6).map { Truth($0, length: 1 + random.below(12), random: &random) }
        var rows = truths.flatMap(\.rows)
        rows += rows.filter { _ in random.chance(3) }
        rows.shuffle(using: &random)
        var book = PositionBook()
        var log: [PositionBook.Change] = []
        for row in rows { book.apply(row, from: .stream, now: .seconds(1)) { log.append($0) } }
        Self.expectTruth(book, truths, log)
    }

    @Test(
        "rows in order deliver every change of the history exactly once, however often each is repeated",
        arguments: 1...30
    )
    func inOrder(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let truth = Truth(0, length: 30, random: &random)
        func log(repeating: Bool) -> [String] {
            var book = PositionBook()
            var log: [String] = []
            for (index, row) in truth.rows.enumerated() {
                for _ in 0...(repeating ? index % 3 : 0) {
                    book.apply(row, from: .stream, now: .seconds(1)) { log.append($0.text) }
                }
                if repeating, index > 0 {
                    book.apply(truth.rows[index - 1], from: .stream, now: .seconds(1)) { log.append($0.text) }
                }
            }
            return log
        }
        #expect(log(repeating: true) == log(repeating: false))
    }

    /// The exchange lives on while the stream drops, delays and doubles rows and sweeps of all kinds come in.
    @Test("streams with losses and sweeps with delays: legal at all times, and true in the end", arguments: 1...80)
    func interleaved(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let truths = (0..<6).map { Truth($0, length: 40, random: &random) }
        var cursor = Array(repeating: -1, count: truths.count)
        var book = PositionBook()
        var log: [PositionBook.Change] = []
        var now = Uptime.seconds(1000)
        var late: [(at: Uptime, row: Position)] = []
        var sweep: (requested: Uptime, answered: Uptime, rows: [Position], isComplete: Bool)?

        /// Where the exchange stood when: a listing may lag behind the stream.
        var past: [(at: Uptime, cursor: [Int])] = []
        func listing(_ cursor: [Int]) -> [Position] {
            zip(truths, cursor).compactMap { truth, at in at >= 0 && truth.rows[at].isOpen ? truth.rows[at] : nil }
        }
        func absorb(_ rows: [Position], complete: Bool, requested: Uptime) -> Bool {
            let listing = PositionBook.Listing(rows: rows, coversAll: complete, requested: requested)
            let result = book.reconcile(listing, now: now)
            log += result.changes
            return result.followUp != nil
        }
        while cursor != truths.map({ $0.rows.count - 1 }) {
            now = now + .milliseconds(Int64(1 + random.below(700)))
            let leg = random.below(truths.count)
            if cursor[leg] + 1 < truths[leg].rows.count {
                cursor[leg] += 1
                let row = truths[leg].rows[cursor[leg]]
                if !random.chance(5) {
                    // In order per leg unless it is doubled later.
                    book.apply(row, from: .stream, now: now) { log.append($0) }
                    if random.chance(6) { late.append((now + .milliseconds(Int64(random.below(4000))), row)) }
                }
            }
            past.append((now, cursor))
            for entry in late where entry.at <= now {
                book.apply(entry.row, from: .stream, now: now) { log.append($0) }
            }
            late.removeAll { $0.at <= now }
            if let due = sweep, due.answered <= now {
                _ = absorb(due.rows, complete: due.isComplete, requested: due.requested)
                sweep = nil
            } else if sweep == nil, random.chance(6) {
                // The listing is made at the request, from a replica that is up to four seconds behind.
                let lag = Int64(random.below(4000)) * 1_000_000
                let seen = past.last { $0.at.nanoseconds <= now.nanoseconds - lag }?.cursor ?? cursor
                let rows = listing(seen)
                let isComplete = !random.chance(3)
                sweep = (
                    now, now + .milliseconds(Int64(random.below(4000))),
                    isComplete ? rows : rows.filter { _ in random.chance(2) }, isComplete
                )
            }
            _ = Self.replay(log)
        }
        for entry in late { book.apply(entry.row, from: .stream, now: now) { log.append($0) } }
        // Quiet: sweeps until none is asked for.
        var sweeps = 0
        var again = true
        while again, sweeps < 5 {
            now = now + PositionBook.absenceGrace
            again = absorb(listing(cursor), complete: true, requested: now)
            sweeps += 1
        }
        #expect(!again && sweeps <= 3)
        Self.expectTruth(book, truths, log)
    }
}

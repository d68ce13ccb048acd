import Foundation

/// Compares what one account's reader was told with the exchange's record of truth, and says every difference.
///
/// Written from the contract of the events alone; it shares no code with the client. Expects that the account was live
/// and flat before the first of `rows`.
struct TruthCheck {
    let account: String
    let events: [EventLine]
    /// Position rows of the account.
    let rows: [Fact]
    /// Published marks of the events' category, in order.
    let marks: [String: [Fact]]
    private let isInterrupted: Bool
    private(set) var problems: [String] = []
    private(set) var lifecycleCount = 0
    private(set) var markCount = 0

    /// - Parameter isInterrupted: connections broke meanwhile: nobody counts the marks that were missed, and a close that
    ///   a sweep found has no row of its own, so it carries the stamps of the row before.
    init(
        account: String,
        category: String,
        events: [EventLine],
        rows: [Fact],
        marks: [Fact],
        isInterrupted: Bool = false
    ) {
        self.isInterrupted = isInterrupted
        self.account = account
        self.events = events
        self.rows = rows.filter { $0.account == account && $0.category == category }
        self.marks = Dictionary(grouping: marks.filter { $0.category == category }) { $0.symbol ?? "" }
        self.checkNumbers()
        self.checkLifecycle()
        self.checkMarks()
        for event in events where event.event == "position.update" { self.checkProfit(event) }
    }

    private mutating func complain(_ event: EventLine?, _ text: String) {
        let place = event.map { "\($0.account) n=\($0.n) \($0.cause ?? $0.event) \($0.key)" } ?? self.account
        if self.problems.count < 20 { self.problems.append("\(place): \(text)") }
    }

    private mutating func checkNumbers() {
        var last: Int64?
        for event in self.events {
            if event.v != 1 || event.account != self.account { self.complain(event, "v or account is wrong") }
            if let last, event.n != last + 1 { self.complain(event, "follows n=\(last)") }
            last = event.n
        }
    }

    // MARK: Opened … closed

    /// What each row of the exchange should have become, in order.
    static func expected(_ rows: [Fact]) -> [(cause: String, row: Fact)] {
        var before: [String: Fact] = [:]
        var result: [(String, Fact)] = []
        for row in rows {
            let key = "\(row.symbol ?? "") \(row.positionIdx ?? 0)"
            let old = before.updateValue(row, forKey: key)
            if let cause = Self.cause(old, row) { result.append((cause, row)) }
        }
        return result
    }

    private static func cause(_ old: Fact?, _ row: Fact) -> String? {
        let was = old?.size.flatMap { Decimal(string: $0) } ?? 0
        let size = row.size.flatMap { Decimal(string: $0) } ?? 0
        if was == 0 { return size == 0 ? nil : "opened" }
        if size == 0 { return "closed" }
        if old?.side != row.side { return "flipped" }
        if size != was { return size > was ? "increased" : "reduced" }
        let isSame =
            old?.entryPrice == row.entryPrice && old?.stopLoss == row.stopLoss && old?.takeProfit == row.takeProfit
            && old?.trailingStop == row.trailingStop && old?.leverage == row.leverage
        return isSame ? nil : "amended"
    }

    private mutating func checkLifecycle() {
        let told = self.events.filter { $0.event == "position.update" && $0.isLifecycle }
        let expected = Self.expected(self.rows)
        self.lifecycleCount = told.count
        for (event, (cause, row)) in zip(told, expected) {
            let isSwept = self.isInterrupted && cause == "closed" && (event.seq ?? .max) < (row.seq ?? 0)
            let fits =
                event.cause == cause && event.symbol == row.symbol && event.positionIdx == row.positionIdx
                && (isSwept || event.seq == row.seq && event.exchangeTs == row.updatedTime)
            guard fits else {
                self.complain(event, "the exchange did: \(cause) \(row.symbol ?? "") at seq \(row.seq ?? 0)")
                return
            }
            self.compare(event, row)
        }
        if told.count != expected.count {
            self.complain(nil, "\(told.count) lifecycle events for \(expected.count) changes of the exchange")
        }
        var open: Set<String> = []
        for event in self.events where event.event == "position.update" {
            if event.cause == "opened" {
                if !open.insert(event.key).inserted { self.complain(event, "opened twice") }
            } else if !open.contains(event.key) {
                self.complain(event, "comes while nothing is open")
            } else if event.cause == "closed" {
                open.remove(event.key)
            }
        }
    }

    /// Texts are the exchange's own; stops are compared as numbers, since the record writes them without zeros at the end.
    private mutating func compare(_ event: EventLine, _ row: Fact) {
        let isFlat = row.size == "0"
        if event.size != row.size { self.complain(event, "size \(event.size ?? "") is not \(row.size ?? "")") }
        if event.side != (isFlat ? "" : row.side) { self.complain(event, "side \(event.side ?? "")") }
        let amount = isFlat ? "0" : (row.side == "Sell" ? "-" : "") + (row.size ?? "")
        if event.positionAmt != amount {
            self.complain(event, "position_amt \(event.positionAmt ?? "") is not \(amount)")
        }
        let entry = isFlat ? "" : row.entryPrice
        if event.entryPrice != entry { self.complain(event, "entry \(event.entryPrice ?? "") is not \(entry ?? "")") }
        if isFlat { return }
        if event.leverage != row.leverage { self.complain(event, "leverage \(event.leverage ?? "")") }
        let stops = [
            ("stop_loss", event.stopLoss, row.stopLoss), ("take_profit", event.takeProfit, row.takeProfit),
            ("trailing_stop", event.trailingStop, row.trailingStop),
        ]
        for (name, told, truth) in stops {
            let isSet = truth != "0"
            let fits = isSet ? Decimal(string: told ?? "") == Decimal(string: truth ?? "") : told == ""
            if !fits { self.complain(event, "\(name) \(told ?? "nil") is not \(truth ?? "nil")") }
        }
    }

    // MARK: Marks

    private mutating func checkMarks() {
        struct Last {
            var cs: Int64
            var price: String
            var isStale: Bool
            var wasMark: Bool
        }
        var last: [String: Last] = [:]
        for event in self.events where event.event == "position.update" {
            guard ["mark", "fresh"].contains(event.cause ?? ""), event.source == "hybrid" else {
                if event.cause == "closed" {
                    last[event.key] = nil
                } else if let price = event.markPrice {
                    let cs = last[event.key]?.cs ?? .min
                    last[event.key] = Last(cs: cs, price: price, isStale: event.stale ?? true, wasMark: false)
                }
                continue
            }
            self.markCount += 1
            guard let symbol = event.symbol, let cs = event.seq, let price = event.markPrice else {
                self.complain(event, "a mark without symbol, seq or price")
                continue
            }
            let published = self.marks[symbol] ?? []
            let place = published.partitioningIndex { ($0.cs ?? 0) > cs }
            guard place > 0 else {
                self.complain(event, "no mark was published up to cs \(cs)")
                continue
            }
            // A snapshot, or a frame that repeats the mark, shows the newest one under a later cs.
            let truth = published[place - 1]
            if truth.mark != price {
                self.complain(event, "mark \(price) at \(cs); the exchange said \(truth.mark ?? "")")
            }
            if let old = last[event.key] {
                // The first may be a snapshot, which has a time of its own.
                if !self.isInterrupted, old.wasMark, truth.cs == cs, truth.ts != event.exchangeTs {
                    self.complain(event, "exchange_ts is not the ticker's")
                }
                if cs <= old.cs { self.complain(event, "cs \(cs) comes after \(old.cs)") }
                if price == old.price, !old.isStale { self.complain(event, "repeats the mark \(price)") }
                if !self.isInterrupted, old.wasMark, event.cause == "mark" {
                    self.checkGap(event, published, after: old.cs, old.price, upTo: place - 1)
                }
            }
            if event.stale != false { self.complain(event, "a mark that is stale") }
            last[event.key] = Last(cs: cs, price: price, isStale: false, wasMark: true)
        }
    }

    /// Marks that nobody was told of must be counted in `conflated`. (One that went there and back leaves no trace.)
    private mutating func checkGap(
        _ event: EventLine,
        _ published: [Fact],
        after cs: Int64,
        _ price: String,
        upTo end: Int
    ) {
        let start = published.partitioningIndex { ($0.cs ?? 0) > cs }
        guard start <= end else { return }
        let skipped = published[start..<end]
        guard !skipped.contains(where: { $0.mark == price }), event.conflated != skipped.count else { return }
        self.complain(event, "\(skipped.count) marks were skipped, conflated says \(event.conflated ?? -1)")
    }

    // MARK: Profit

    private mutating func checkProfit(_ event: EventLine) {
        guard let truth = Profit.text(of: event) else { return }
        if event.unrealizedPnl != truth {
            self.complain(event, "unrealized_pnl \(event.unrealizedPnl ?? "nil") is not \(truth)")
        }
    }
}

/// The profit of a line once more, by Foundation's decimals.
enum Profit {
    /// Nil if a number is missing.
    static func text(of event: EventLine) -> String? {
        self.text(
            category: event.category ?? "",
            side: event.side ?? "",
            size: event.size ?? "",
            entry: event.entryPrice ?? "",
            mark: event.markPrice ?? ""
        )
    }

    static func text(category: String, side: String, size: String, entry: String, mark: String) -> String? {
        guard let size = Decimal(string: size), let entry = Decimal(string: entry), let mark = Decimal(string: mark),
            entry > 0, mark > 0
        else { return nil }
        let move = side == "Sell" ? entry - mark : mark - entry
        guard category == "inverse" else { return "\(move * size)" }
        var quotient = move * size / (entry * mark)
        var rounded = Decimal()
        NSDecimalRound(&rounded, &quotient, 8, .bankers)
        return "\(rounded)"
    }
}

extension Array {
    /// First place from which on the condition holds.
    func partitioningIndex(_ condition: (Element) -> Bool) -> Int {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low + high) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

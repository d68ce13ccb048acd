/// What the record of truth notes.
enum RecordKind: UInt8, CaseIterable {
    case connected, disconnected, refused, authenticated, authFailed, subscribed, unsubscribed, rejected, ping
    case position, mark, order, execution, rest, fault, control

    var text: String {
        switch self {
        case .connected: "connected"
        case .disconnected: "disconnected"
        case .refused: "refused"
        case .authenticated: "authenticated"
        case .authFailed: "auth_failed"
        case .subscribed: "subscribed"
        case .unsubscribed: "unsubscribed"
        case .rejected: "rejected"
        case .ping: "ping"
        case .position: "position"
        case .mark: "mark"
        case .order: "order"
        case .execution: "execution"
        case .rest: "rest"
        case .fault: "fault"
        case .control: "control"
        }
    }
}

/// One fact. Cheap to store; rendered only when asked for.
struct RecordEntry {
    var index = 0
    var time: Int64 = 0
    var kind: RecordKind
    var account: Account?
    var connection = 0
    var text = ""
    /// Position rows and orders carry their numbers in here.
    var detail: Detail = .none

    enum Detail {
        case none
        case code(Int)
        case row(Position, PositionState, RowCause, mark: Int64)
        case order(Order, Order.Status, filled: Int64)
        case execution(Order, price: Int64, quantity: Int64, sequence: Int64)
        case rest(retCode: Int, status: Int)
    }
}

/// A published mark, in a ring of its own so that it cannot push out what is rare.
struct MarkEntry {
    let index: Int
    let time: Int64
    let market: Market
    let mark: Int64
    let sequence: Int64
    let stamp: Int64
}

/// A bounded ring that forgets the oldest.
struct Ring<Element> {
    private var storage: [Element] = []
    private var start = 0
    let capacity: Int

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { self.storage.count }

    subscript(_ position: Int) -> Element {
        self.storage[(self.start + position) % self.storage.count]
    }

    mutating func append(_ element: Element) {
        if self.storage.count < self.capacity {
            self.storage.append(element)
        } else {
            self.storage[self.start] = element
            self.start = (self.start + 1) % self.capacity
        }
    }

    /// First position whose index is at least `index`; the indices rise.
    func lowerBound(_ index: Int, by key: (Element) -> Int) -> Int {
        var low = 0
        var high = self.count
        while low < high {
            let middle = (low + high) / 2
            if key(self[middle]) < index { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Everything that happened on the exchange, in order, with a running index: what a test compares its client with.
struct Record {
    private(set) var next = 0
    private var entries: Ring<RecordEntry>
    private var marks: Ring<MarkEntry>

    init(capacity: Int) {
        self.entries = Ring(capacity: capacity)
        self.marks = Ring(capacity: capacity)
    }

    mutating func append(_ entry: RecordEntry, now: Int64) {
        var entry = entry
        entry.index = self.next
        entry.time = now
        self.next += 1
        self.entries.append(entry)
    }

    mutating func appendMark(_ market: Market, stamp: Int64, now: Int64) {
        self.marks.append(
            MarkEntry(
                index: self.next,
                time: now,
                market: market,
                mark: market.mark,
                sequence: market.sequence,
                stamp: stamp
            )
        )
        self.next += 1
    }

    /// The facts from index `since` on, without the marks.
    func facts(since: Int) -> [RecordEntry] {
        let first = self.entries.lowerBound(since) { $0.index }
        return (first..<self.entries.count).map { self.entries[$0] }
    }

    /// JSON Lines of up to `limit` facts from index `since` on.
    func lines(since: Int, kinds: Set<String>, account: String?, limit: Int) -> [UInt8] {
        var json = JSONWriter(capacity: 4096)
        var left = limit
        var entry = self.entries.lowerBound(since) { $0.index }
        let wantsMarks = account == nil && (kinds.isEmpty || kinds.contains(RecordKind.mark.text))
        var mark = wantsMarks ? self.marks.lowerBound(since) { $0.index } : self.marks.count
        while left > 0, entry < self.entries.count || mark < self.marks.count {
            let takesMark =
                mark < self.marks.count
                && (entry >= self.entries.count || self.marks[mark].index < self.entries[entry].index)
            if takesMark {
                self.marks[mark].write(into: &json)
                mark += 1
                left -= 1
                continue
            }
            let fact = self.entries[entry]
            entry += 1
            guard kinds.isEmpty || kinds.contains(fact.kind.text) else { continue }
            if let account, fact.account?.name != account { continue }
            fact.write(into: &json)
            left -= 1
        }
        return json.bytes
    }
}

extension MarkEntry {
    fileprivate func write(into json: inout JSONWriter) {
        json.raw("{\"index\":")
        json.integer(self.index)
        json.raw(",\"time\":")
        json.integer(self.time)
        json.text(",\"kind\":\"mark\",\"category\":\"", self.market.instrument.category.rawValue)
        json.text("\"symbol\":\"", self.market.instrument.symbol)
        json.price("\"mark\":\"", self.mark, self.market.instrument.priceDecimals)
        json.raw("\"cs\":")
        json.integer(self.sequence)
        json.raw(",\"ts\":")
        json.integer(self.stamp)
        json.raw("}\n")
    }
}

extension RecordEntry {
    fileprivate func write(into json: inout JSONWriter) {
        json.raw("{\"index\":")
        json.integer(self.index)
        json.raw(",\"time\":")
        json.integer(self.time)
        json.text(",\"kind\":\"", self.kind.text)
        if let account = self.account {
            json.raw("\"account\":")
            json.quoted(account.name)
            json.raw(",")
        }
        if self.connection > 0 {
            json.raw("\"connection\":")
            json.integer(self.connection)
            json.raw(",")
        }
        if !self.text.isEmpty {
            json.raw("\"text\":")
            json.quoted(self.text)
            json.raw(",")
        }
        self.writeDetail(into: &json)
        json.dropComma()
        json.raw("}\n")
    }

    private func writeDetail(into json: inout JSONWriter) {
        switch self.detail {
        case .none: break
        case .code(let code):
            json.raw("\"code\":")
            json.integer(code)
        case .row(let position, let state, let cause, let mark):
            json.text("\"cause\":\"", cause.text)
            json.text("\"category\":\"", position.instrument.category.rawValue)
            json.text("\"symbol\":\"", position.instrument.symbol)
            json.raw("\"position_idx\":")
            json.integer(position.index)
            json.text(",\"side\":\"", state.side.rawValue)
            json.amount("\"size\":\"", state.size)
            json.amount("\"entry_price\":\"", state.entry)
            json.amount("\"stop_loss\":\"", state.stopLoss)
            json.amount("\"take_profit\":\"", state.takeProfit)
            json.amount("\"trailing_stop\":\"", state.trailing)
            json.number("\"leverage\":\"", state.leverage)
            json.price("\"mark\":\"", mark, position.instrument.priceDecimals)
            json.raw("\"seq\":")
            json.integer(state.sequence)
            json.raw(",\"updated_time\":")
            json.integer(state.updatedTime)
            json.raw(",\"open_time\":")
            json.integer(state.openTime)
        case .order(let order, let status, let filled):
            json.text("\"symbol\":\"", order.market.instrument.symbol)
            json.text("\"order_id\":\"", order.id)
            json.text("\"order_link_id\":\"", order.link)
            json.text("\"side\":\"", order.side.rawValue)
            json.raw("\"position_idx\":")
            json.integer(order.position.index)
            json.text(",\"status\":\"", status.rawValue)
            json.amount("\"qty\":\"", order.quantity)
            json.amount("\"filled\":\"", filled)
            json.raw("\"reduce_only\":")
            json.bool(order.reduceOnly)
            json.text(",\"stop_order_type\":\"", order.stopKind?.rawValue ?? "")
        case .execution(let order, let price, let quantity, let sequence):
            json.text("\"symbol\":\"", order.market.instrument.symbol)
            json.text("\"order_id\":\"", order.id)
            json.text("\"side\":\"", order.side.rawValue)
            json.amount("\"price\":\"", price)
            json.amount("\"qty\":\"", quantity)
            json.raw("\"seq\":")
            json.integer(sequence)
        case .rest(let retCode, let status):
            json.raw("\"ret_code\":")
            json.integer(retCode)
            json.raw(",\"status\":")
            json.integer(status)
        }
    }
}

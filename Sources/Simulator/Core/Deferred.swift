/// Frames of one topic for one account, ready to be given to whoever subscribed it.
struct Delivery {
    let kind: PrivateTopic.Kind
    let account: Account
    let category: Category?
    let rows: [[UInt8]]
    let id: String
    let created: Int64
}

/// Something the exchange will do later.
enum Deferred {
    case frame(connection: Int, bytes: [UInt8], isData: Bool)
    case snapshots(connection: Int, markets: [Int])
    case deliver(Delivery)
    case flushHeld(Account)
    case execute(Order)
    case authenticate(connection: Int, outcome: AuthOutcome, requestID: String?)
    case step
    case activity
    case housekeeping
}

/// A binary heap of deferred actions, first by time, then by order of entry.
struct Schedule {
    private struct Item {
        let due: Int64
        let ticket: Int
        let action: Deferred
    }

    private var heap: [Item] = []
    private var tickets = 0

    var nextDeadline: Int64? { self.heap.first?.due }
    var count: Int { self.heap.count }

    mutating func add(_ action: Deferred, due: Int64) {
        self.tickets += 1
        self.heap.append(Item(due: due, ticket: self.tickets, action: action))
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.precedes(self.heap[child], self.heap[parent]) else { break }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    mutating func pop(due now: Int64) -> (action: Deferred, due: Int64)? {
        guard let first = self.heap.first, first.due <= now else { return nil }
        let last = self.heap.removeLast()
        if !self.heap.isEmpty {
            self.heap[0] = last
            self.sink()
        }
        return (first.action, first.due)
    }

    private mutating func sink() {
        var parent = 0
        while true {
            var smallest = parent
            for child in [parent * 2 + 1, parent * 2 + 2]
            where child < self.heap.count && Self.precedes(self.heap[child], self.heap[smallest]) {
                smallest = child
            }
            guard smallest != parent else { return }
            self.heap.swapAt(parent, smallest)
            parent = smallest
        }
    }

    private static func precedes(_ left: Item, _ right: Item) -> Bool {
        (left.due, left.ticket) < (right.due, right.ticket)
    }
}

/// How a connection ends.
enum CloseManner: Equatable {
    /// TCP reset, no close frame.
    case reset
    /// TCP end without a close frame: what a client calls 1006.
    case drop
    /// A close frame with this code, then TCP end.
    case close(Int)
}

/// What the shell has to carry out.
enum Output {
    case frame(connection: Int, bytes: [UInt8], isData: Bool)
    case broadcast(bytes: [UInt8], connections: [Int])
    case close(connection: Int, CloseManner)
    case shutdown
}

/// Who may change which accounts now: changes of one account come one after another, in the order in which they were asked
/// for; those of different accounts do not wait for each other. A value without tasks; ``Fleet`` keeps those who wait.
struct Turns {
    /// What a change is about.
    enum Scope: Equatable {
        case account(String)
        /// A whole file: everything else waits, and it waits for everything.
        case all
    }

    struct Ticket: Hashable {
        fileprivate let number: UInt64
    }

    private var next: UInt64 = 0
    /// In the order of asking; those that run are among them.
    private var queue: [(ticket: Ticket, scope: Scope, runs: Bool)] = []

    /// Asks for a turn.
    mutating func ask(_ scope: Scope) -> Ticket {
        self.next += 1
        let ticket = Ticket(number: self.next)
        self.queue.append((ticket, scope, false))
        return ticket
    }

    /// Those whose turn has come since the last call.
    mutating func begin() -> [Ticket] {
        var begun: [Ticket] = []
        var held: Set<String> = []
        var isAllHeld = false
        for place in self.queue.indices {
            let isFree: Bool
            switch self.queue[place].scope {
            case .all:
                isFree = held.isEmpty && !isAllHeld
                isAllHeld = true
            case .account(let name):
                isFree = held.insert(name).inserted && !isAllHeld
            }
            guard isFree, !self.queue[place].runs else { continue }
            self.queue[place].runs = true
            begun.append(self.queue[place].ticket)
        }
        return begun
    }

    /// The change is over.
    mutating func end(_ ticket: Ticket) {
        self.queue.removeAll { $0.ticket == ticket }
    }

    var isIdle: Bool { self.queue.isEmpty }
}

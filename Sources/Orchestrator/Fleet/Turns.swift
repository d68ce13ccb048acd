/// Who may change what now: changes of one account come one after another, in the order in which they were asked for; those
/// of different accounts do not wait for each other. A value without tasks; ``Fleet`` keeps those who wait.
struct Turns {
    /// What only one change at a time may be about.
    enum Key: Hashable {
        case account(String)
        /// Which file runs.
        case file
    }

    struct Ticket: Hashable {
        fileprivate let number: UInt64
    }

    private struct Entry {
        var ticket: Ticket
        var keys: Set<Key>
        var isUrgent: Bool
        var runs = false
    }

    private var next: UInt64 = 0
    /// In the order of asking; those that run are among them.
    private var queue: [Entry] = []
    /// Of those that run.
    private var taken: Set<Key> = []

    /// Asks for a turn with all of `keys`.
    /// - Parameter isUrgent: it waits for those that run, and for nobody who only waits.
    mutating func ask(_ keys: Set<Key>, isUrgent: Bool = false) -> Ticket {
        self.next += 1
        let ticket = Ticket(number: self.next)
        self.queue.append(Entry(ticket: ticket, keys: keys, isUrgent: isUrgent))
        return ticket
    }

    /// Those whose turn has come since the last call.
    mutating func begin() -> [Ticket] {
        var begun: [Ticket] = []
        var wanted: Set<Key> = []
        for place in self.queue.indices where !self.queue[place].runs {
            let entry = self.queue[place]
            let isNext = entry.isUrgent || entry.keys.isDisjoint(with: wanted)
            if isNext, entry.keys.isDisjoint(with: self.taken) {
                self.queue[place].runs = true
                self.taken.formUnion(entry.keys)
                begun.append(entry.ticket)
            } else {
                wanted.formUnion(entry.keys)
            }
        }
        return begun
    }

    /// The change is over, or is not waited for any more.
    mutating func end(_ ticket: Ticket) {
        guard let place = self.queue.firstIndex(where: { $0.ticket == ticket }) else { return }
        let entry = self.queue.remove(at: place)
        if entry.runs { self.taken.subtract(entry.keys) }
    }

    /// A turn that runs becomes one for each of its keys, so that each can end by itself.
    mutating func split(_ ticket: Ticket) -> [Key: Ticket] {
        guard let place = self.queue.firstIndex(where: { $0.ticket == ticket && $0.runs }) else { return [:] }
        let whole = self.queue.remove(at: place)
        var parts: [Key: Ticket] = [:]
        for key in whole.keys {
            self.next += 1
            let part = Ticket(number: self.next)
            self.queue.insert(Entry(ticket: part, keys: [key], isUrgent: whole.isUrgent, runs: true), at: place)
            parts[key] = part
        }
        return parts
    }
}

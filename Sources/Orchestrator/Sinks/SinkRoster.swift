/// Which account uses which sink, while accounts come and go: when a sink is needed, and when it may end. Pure.
///
/// A sink whose last account has left stays until all that the account has put into it is delivered; who joins before that
/// keeps it alive. Only then it ends, and who wants it during its end waits for another one.
struct SinkRoster: Sendable {
    enum Joining: Sendable, Equatable {
        /// To be tried again when this one has ended.
        case wait(SinkIdentity)
        /// Its sinks, in the order of its configuration. Those that nobody has had so far are to be created, the others
        /// are to take the options over.
        case joined([SinkPlan.Entry])
    }

    private struct Seat: Sendable {
        var users: Set<String> = []
        /// So many accounts have left and wait until what they put into it is delivered.
        var leavers = 0
        var isEnding = false
    }

    /// Of the accounts that are there, and of those that are expected.
    private(set) var plan = SinkPlan()
    private var seats: [SinkIdentity: Seat] = [:]
    private var accounts: [String: [SinkConfiguration]] = [:]

    /// The sinks of an account that is there, in the order of its configuration.
    func sinks(of account: String) -> [SinkIdentity] { SinkIdentity.all(self.accounts[account] ?? []) }

    func isEnding(_ sink: SinkIdentity) -> Bool { self.seats[sink]?.isEnding ?? false }

    /// These are about to come: what they share is called, from the first of them on, as it will be with all. What they
    /// come with in the end counts.
    mutating func expect(_ accounts: [(name: String, sinks: [SinkConfiguration])]) {
        for (name, sinks) in accounts where self.accounts[name] == nil { self.plan.put(name, sinks) }
    }

    /// Who was expected and has not come does not come any more.
    /// - Returns: the sinks that it would have shared with those who are there.
    mutating func stopExpecting() -> [SinkIdentity] {
        let before = self.plan
        for name in before.names where self.accounts[name] == nil { self.plan.remove(name) }
        return self.seats.keys.filter { sink in
            switch sink {
            case .file: false
            case .exec(let command): self.plan.exec(command) != before.exec(command)
            case .socket(let path): self.plan.socket(path) != before.socket(path)
            }
        }
    }

    /// An account comes. One that is there already gets what it has.
    mutating func join(_ account: String, _ configurations: [SinkConfiguration]) -> Joining {
        let configurations = self.accounts[account] ?? configurations
        let sinks = SinkIdentity.all(configurations)
        if let ending = sinks.first(where: self.isEnding) { return .wait(ending) }
        for sink in sinks { self.seats[sink, default: Seat()].users.insert(account) }
        self.accounts[account] = configurations
        return .joined(self.plan.put(account, configurations))
    }

    /// An account goes: it puts nothing more into its sinks.
    /// - Returns: those of which ``delivered(_:)`` is to be told.
    mutating func leave(_ account: String) -> [SinkIdentity] {
        guard let configurations = self.accounts.removeValue(forKey: account) else { return [] }
        let sinks = SinkIdentity.all(configurations)
        for sink in sinks {
            self.seats[sink]?.users.remove(account)
            self.seats[sink]?.leavers += 1
        }
        self.plan.remove(account)
        return sinks
    }

    /// What an account that has left put into these has been delivered.
    /// - Returns: those that are to end, each to be answered by ``ended(_:)``.
    mutating func delivered(_ sinks: [SinkIdentity]) -> [SinkIdentity] {
        sinks.filter { sink in
            self.seats[sink]?.leavers -= 1
            guard let seat = self.seats[sink], seat.users.isEmpty, seat.leavers == 0 else { return false }
            self.seats[sink]?.isEnding = true
            return true
        }
    }

    mutating func ended(_ sink: SinkIdentity) { self.seats[sink] = nil }
}

/// Which account uses which sink, while accounts come and go: when a sink is needed, and when it may end. Pure.
///
/// A sink whose last account has left stays until all that the account has put into it is delivered; who joins before that
/// keeps it alive. Only then it ends, and who wants it during its end waits for another one.
struct SinkRoster: Sendable {
    enum Joining: Sendable, Equatable {
        /// To be tried again when this one has ended.
        case wait(SinkIdentity)
        /// Those that nobody has had so far are to be created.
        case joined(all: [SinkIdentity], new: [SinkIdentity])
    }

    private struct Seat: Sendable {
        var users: Set<String> = []
        /// So many accounts have left and wait until what they put into it is delivered.
        var leavers = 0
        var isEnding = false
    }

    /// Of the accounts that are there.
    private(set) var plan: SinkPlan
    private var seats: [SinkIdentity: Seat] = [:]
    private var accounts: [String: [SinkIdentity]] = [:]

    init(_ plan: SinkPlan) {
        self.plan = plan
    }

    /// The sinks of an account that is there, in the order of its configuration.
    func sinks(of account: String) -> [SinkIdentity]? { self.accounts[account] }

    func isEnding(_ sink: SinkIdentity) -> Bool { self.seats[sink]?.isEnding ?? false }

    /// An account comes. One that is there already gets what it has.
    mutating func join(_ account: String, _ configurations: [SinkConfiguration]) -> Joining {
        if let sinks = self.accounts[account] { return .joined(all: sinks, new: []) }
        let sinks = SinkIdentity.all(configurations)
        if let ending = sinks.first(where: self.isEnding) { return .wait(ending) }
        let new = sinks.filter { self.seats[$0] == nil }
        for sink in sinks { self.seats[sink, default: Seat()].users.insert(account) }
        self.accounts[account] = sinks
        self.plan.add(account, configurations)
        return .joined(all: sinks, new: new)
    }

    /// An account goes: it puts nothing more into its sinks.
    /// - Returns: those of which ``delivered(_:)`` is to be told.
    mutating func leave(_ account: String) -> [SinkIdentity] {
        guard let sinks = self.accounts.removeValue(forKey: account) else { return [] }
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

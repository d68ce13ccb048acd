/// One account's events against what the exchange did: their numbers, its legs, and when it could not hear.
final class AccountAudit {
    /// A time in which rows did not reach the account; `end` is nil while it lasts.
    struct DeafTime {
        let start: Int64
        var end: Int64?

        func contains(_ time: Int64) -> Bool { time >= self.start && self.end.map { time <= $0 } ?? true }
    }

    /// What was under way on a connection that ends is lost with it.
    static let inFlight: Int64 = 2_000

    let name: String
    private(set) var legs: [Leg: LegAudit] = [:]
    /// Begins before the account ever heard.
    private var deafTimes = [DeafTime(start: .min, end: nil)]
    /// The connection on which positions are subscribed; 0 if there is none.
    private var hearing = 0
    private var isStalled = false
    private var lastNumber: Int64?
    private var crashes = 0
    /// Numbers that no line has, and marks that say they stand for others.
    private(set) var holes: Int64 = 0
    private(set) var conflated: Int64 = 0

    init(_ name: String) {
        self.name = name
    }

    func leg(_ leg: Leg, watchedFrom start: Int64) -> LegAudit {
        if let known = self.legs[leg] { return known }
        let new = LegAudit(watchedFrom: start)
        self.legs[leg] = new
        return new
    }

    // MARK: Hearing

    func subscribed(_ connection: Int, at time: Int64) {
        self.hearing = connection
        self.isStalled = false
        self.hears(at: time)
    }

    func disconnected(_ connection: Int, at time: Int64) {
        guard connection == self.hearing else { return }
        self.hearing = 0
        self.isStalled = false
        self.deafen(from: time - Self.inFlight)
    }

    /// The connection stays, and nothing comes from it any more.
    func crippled(isStalled: Bool, at time: Int64) {
        guard self.hearing != 0 else { return }
        self.isStalled = isStalled
        self.deafen(from: time)
    }

    /// Stalls are over, unless the client gave the connection up before.
    func faultsCleared(at time: Int64) {
        guard self.isStalled else { return }
        self.isStalled = false
        self.hears(at: time)
    }

    private func deafen(from time: Int64) {
        if let last = self.deafTimes.last, last.end == nil { return }
        self.deafTimes.append(DeafTime(start: time, end: nil))
        if self.deafTimes.count > 200 { self.deafTimes.removeFirst(100) }
    }

    private func hears(at time: Int64) {
        guard let last = self.deafTimes.last, last.end == nil else { return }
        self.deafTimes[self.deafTimes.count - 1].end = time
    }

    func wasDeaf(at time: Int64) -> Bool { self.deafTimes.reversed().contains { $0.contains(time) } }

    // MARK: Numbers

    /// - Parameter crashes: how often the daemon was killed before the event; each time numbers are skipped.
    func count(_ event: SoakEvent, crashes: Int, _ complain: (SoakProblem.Kind, String) -> Void) {
        let hasCrashed = crashes > self.crashes
        if let last = self.lastNumber {
            if event.n <= last {
                complain(.numbers, "n=\(event.n) follows \(last)")
            } else if !hasCrashed {
                self.holes += event.n - last - 1
            }
        }
        self.lastNumber = event.n
        self.conflated += event.conflated
        self.crashes = crashes
    }
}

import Foundation

/// Carries the schedule out: two lanes, one of blows and one of conditions, so that they meet in ever other ways.
///
/// Nothing runs beside the caller: `step` does what is due and returns.
final class FaultDriver {
    /// What may happen besides connections and conditions.
    enum Restarts {
        case none
        /// Killed or stopped about this often.
        case every(milliseconds: Int)
    }

    private let exchange: Exchange
    private let daemon: Daemon
    private let audit: SoakAudit
    private var schedule: FaultSchedule
    private var random: Seeded
    private var nextBlow: Int64
    private var nextCondition: Int64
    private var nextRestart: Int64 = .max
    private var running: (name: String, off: SoakFault.Condition?, until: Int64)?
    /// Rows that were held back arrive until then.
    private var disturbedUntil: Int64?
    private var lastSilence: Int64 = 0
    private var restartInterval = 0
    private(set) var counts: [String: Int] = [:]
    /// What happened when, for whoever looks at a long gap.
    private(set) var history: [(time: Int64, name: String)] = []

    /// A public connection that went dumb is found after the stale time; two at once would only prove that twice as long.
    private static let silenceSpacing: Int64 = 25_000

    init(exchange: Exchange, daemon: Daemon, audit: SoakAudit, schedule: FaultSchedule, seed: UInt64) {
        self.exchange = exchange
        self.daemon = daemon
        self.audit = audit
        self.schedule = schedule
        self.random = Seeded(state: seed ^ 0xC0FF_EE00)
        self.nextBlow = WallTime.now() + 1_000
        self.nextCondition = WallTime.now() + 2_000
    }

    var count: Int { self.counts.values.reduce(0, +) }

    func allow(_ restarts: Restarts) {
        switch restarts {
        case .none: self.nextRestart = .max
        case .every(let milliseconds):
            self.restartInterval = milliseconds
            self.nextRestart = min(self.nextRestart, WallTime.now() + Int64(milliseconds / 3))
        }
    }

    private func note(_ name: String) {
        self.counts[name, default: 0] += 1
        self.history.append((WallTime.now(), name))
        if self.history.count > 20_000 { self.history.removeFirst(10_000) }
    }

    /// Does what is due.
    func step() async throws {
        if let until = self.disturbedUntil, WallTime.now() >= until { self.endDisturbance() }
        if let running = self.running, WallTime.now() >= running.until { try await self.endCondition() }
        if WallTime.now() >= self.nextRestart {
            try await self.restart(isCrash: self.random.below(4) != 0)
            self.nextRestart = WallTime.now() + Int64(self.restartInterval * (50 + self.random.below(100)) / 100)
        }
        if WallTime.now() >= self.nextBlow {
            try await self.strike(self.chooseBlow())
            self.nextBlow = WallTime.now() + Int64(self.schedule.blowPause())
        }
        if self.running == nil, self.disturbedUntil == nil, WallTime.now() >= self.nextCondition {
            try await self.strike(self.schedule.nextCondition())
        }
    }

    private func chooseBlow() -> SoakFault {
        while true {
            let blow = self.schedule.nextBlow()
            guard blow.silencesPublic else { return blow }
            if WallTime.now() - self.lastSilence > Self.silenceSpacing {
                self.lastSilence = WallTime.now()
                return blow
            }
        }
    }

    private func strike(_ fault: SoakFault) async throws {
        self.note(fault.name)
        switch fault {
        case .kill(let socket, let how, let account):
            try await self.exchange.kill(socket, account: account, how: how)
        case .outage(let milliseconds):
            // The control interface takes decimals in a text as well.
            let seconds = JSONField.string("\(Double(milliseconds) / 1000)")
            try await self.exchange.post("/outage", ["seconds": seconds])
        case .silence(let symbol, let sticks, let milliseconds):
            let silence: [String: JSONField] = [
                "symbol": .string(symbol), "category": .string("linear"), "sticky": .flag(sticks),
            ]
            try await self.exchange.setFaults(["silence": .object(silence)])
            if sticks { self.running = (fault.name, nil, WallTime.now() + Int64(milliseconds)) }
        case .condition(let condition):
            if condition.disturbsRows { self.audit.disturbanceBegan(at: WallTime.now() - 100) }
            try await self.exchange.setFaults(condition.fields)
            if let kill = condition.kill {
                try await self.exchange.kill(kill.socket, account: kill.account, how: kill.how)
            }
            self.running = (condition.name, condition, WallTime.now() + Int64(condition.milliseconds))
        case .crash: try await self.restart(isCrash: true)
        case .restart: try await self.restart(isCrash: false)
        }
    }

    private func endCondition() async throws {
        guard let running = self.running else { return }
        self.running = nil
        if let condition = running.off {
            try await self.exchange.setFaults(condition.off)
            // A row that was held back arrives a little later.
            if condition.disturbsRows { self.disturbedUntil = WallTime.now() + Int64(condition.rowDelay) + 600 }
        } else {
            try await self.exchange.post("/faults/clear")
        }
        self.nextCondition = WallTime.now() + Int64(self.schedule.conditionPause())
    }

    private func endDisturbance() {
        self.audit.disturbanceEnded(at: WallTime.now())
        self.disturbedUntil = nil
    }

    /// Everything is well again, as far as the exchange goes.
    func calm() async throws {
        if self.running != nil { try await self.endCondition() }
        try await self.exchange.post("/faults/clear")
        if let until = self.disturbedUntil {
            try await ContinuousClock().sleep(for: .milliseconds(max(0, until - WallTime.now())))
            self.endDisturbance()
        }
    }

    private func restart(isCrash: Bool) async throws {
        if self.running != nil { try await self.endCondition() }
        self.note(isCrash ? SoakFault.crash.name : SoakFault.restart.name)
        let before = WallTime.now()
        self.daemon.process.send(isCrash ? SIGKILL : SIGTERM)
        let code = try await self.daemon.process.exitCode()
        self.audit.daemonEnded(at: isCrash ? before : WallTime.now(), isCrash: isCrash)
        if code != (isCrash ? -SIGKILL : 0) {
            self.audit.complain(.run, at: before, "the daemon", "ended with \(code)")
        }
        try await self.daemon.restart()
        self.nextBlow = max(self.nextBlow, WallTime.now() + 2_000)
    }
}

/// Milliseconds since 1970, as the events and the exchange's record have them.
enum WallTime {
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}

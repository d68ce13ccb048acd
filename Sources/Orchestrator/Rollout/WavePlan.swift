package import HybridStream

/// Takes a fleet up by one mode, wave by wave: promotes a wave, waits until all of it has arrived, watches it for a while, and
/// goes on with the next one. Ends at the first gate that breaks.
package struct WavePlan: Sendable {
    package enum Health: Sendable, Equatable {
        case healthy, unhealthy
    }

    /// What is known of an account at one instant.
    package struct Account: Sendable, Equatable {
        package var health: Health
        package var stage: RolloutStage
        /// Of the gates of that stage.
        package var verdict: Verdict

        package init(health: Health, stage: RolloutStage, verdict: Verdict) {
            self.health = health
            self.stage = stage
            self.verdict = verdict
        }
    }

    /// What to do next. All but ``promote(_:)`` are the end.
    package enum Step: Sendable, Equatable {
        /// By one step each; who fails is told with ``WavePlan/promotionFailed(_:reason:)``, and whose gates have come to
        /// want evidence in this moment with ``WavePlan/promotionWaits(_:)``.
        case promote([String])
        /// Those of the wave that was under way and have been promoted, each to where it was; see
        /// ``WavePlan/origin(of:)``.
        case rollBack([String], reason: String)
        case finished
        /// What was promoted stays so.
        case stopped(reason: String)
    }

    private enum Phase: Sendable {
        case waiting, promoting
        case soaking(since: Uptime)
        case ended
    }

    /// Names, in the order of the fleet. Accounts behind the last one's size are not promoted.
    package let waves: [[String]]
    private let settings: RolloutWaves
    private let steps: [Int]
    /// Nobody goes up beyond it.
    private let cap: Mode?
    private var wave = 0
    private var phase = Phase.waiting
    /// Where each promoted account was, and where it is to be.
    private var moves: [String: (from: RolloutStage, to: RolloutStage)] = [:]
    private var failures: [String: String] = [:]
    /// Who has been promoted.
    private var arrived: Set<String> = []
    /// Of the wave, those that could not be promoted with the others.
    private var late: Set<String> = []
    /// Where each account was when it was looked at last.
    private var seen: [String: RolloutStage] = [:]
    /// Gates that do not hold yet keep the wave waiting: whose.
    private var waitingFor: [String] = []

    /// - Parameters:
    ///   - accounts: the fleet in an order that is the same every time.
    ///   - steps: of the cutover.
    ///   - cap: nobody is promoted beyond this mode.
    package init(_ settings: RolloutWaves, steps: [Int], cap: Mode? = nil, accounts: [String]) {
        self.settings = settings
        self.steps = steps
        self.cap = cap
        var waves: [[String]] = []
        var done = 0
        for size in settings.sizes where done < accounts.count {
            let wanted =
                switch size {
                case .accounts(let count): count
                case .percent(let share): (accounts.count * share + 99) / 100
                }
            let end = min(accounts.count, max(wanted, done + 1))
            waves.append(Array(accounts[done..<end]))
            done = end
        }
        self.waves = waves
    }

    /// What the plan does now, for people.
    package func state(now: Uptime) -> String {
        let wave = "wave \(min(self.wave + 1, self.waves.count)) of \(self.waves.count)"
        switch self.phase {
        case .waiting:
            return self.waitingFor.isEmpty
                ? "\(wave): not begun" : "\(wave): waiting for the gates of \(Self.list(self.waitingFor))"
        case .promoting: return "\(wave): promoting"
        case .soaking(let since):
            let soak = DurationText.text(self.settings.soak)
            return "\(wave): watched for \(RolloutText.elapsed(now - since)) of \(soak)"
        case .ended: return "ended"
        }
    }

    /// An account of the wave could not be promoted.
    package mutating func promotionFailed(_ account: String, reason: String) {
        self.failures[account] = reason
    }

    /// An account of the wave is where it is to be: whoever takes it back from there wants it so.
    package mutating func promotionDone(_ account: String) {
        self.arrived.insert(account)
    }

    /// A gate of the account wants evidence again: it follows when that is there.
    package mutating func promotionWaits(_ account: String) {
        self.late.insert(account)
    }

    /// Where an account was before it was promoted; nil of one that was not.
    package func origin(of account: String) -> RolloutStage? { self.moves[account]?.from }

    /// - Parameter accounts: all of the plan; one that is missing, because it is drained or disabled, is neither promoted nor
    ///   waited for.
    package mutating func tick(_ accounts: [String: Account], now: Uptime) -> Step? {
        if case .ended = self.phase { return nil }
        defer { for (name, account) in accounts { self.seen[name] = account.stage } }
        if let end = self.endAtProblem(accounts) ?? self.endAtInterference(accounts) { return self.end(end) }
        if case .promoting = self.phase {
            if self.hasArrived(accounts) {
                self.phase = .soaking(since: now)
            } else {
                let ready = self.members.filter { self.late.contains($0) && accounts[$0]?.verdict == .holds }
                self.late.subtract(ready)
                return ready.isEmpty ? nil : .promote(ready)
            }
        }
        if case .soaking(let since) = self.phase {
            if let end = self.endAtHealth(accounts) { return self.end(end) }
            guard now - since >= self.settings.soak else { return nil }
            self.wave += 1
            self.phase = .waiting
        }
        guard case .waiting = self.phase else { return nil }
        return self.begin(accounts)
    }

    private mutating func end(_ step: Step) -> Step {
        self.phase = .ended
        return step
    }

    // MARK: A wave

    /// Promotes the next wave of which somebody can be promoted.
    private mutating func begin(_ accounts: [String: Account]) -> Step? {
        while self.wave < self.waves.count {
            let names = self.waves[self.wave].filter { self.target(of: $0, accounts) != nil }
            guard !names.isEmpty else {
                self.wave += 1
                continue
            }
            if let end = self.endAtHealth(accounts) { return self.end(end) }
            if let broken = names.first(where: { accounts[$0]?.verdict == .broken }) {
                return self.end(.stopped(reason: "a gate of \(broken) is broken"))
            }
            self.waitingFor = names.filter { accounts[$0]?.verdict == .open }
            guard self.waitingFor.isEmpty else { return nil }
            for name in names {
                guard let account = accounts[name], let target = self.target(of: name, accounts) else { continue }
                self.moves[name] = (account.stage, target)
            }
            self.phase = .promoting
            return .promote(names)
        }
        return self.end(.finished)
    }

    private func target(of name: String, _ accounts: [String: Account]) -> RolloutStage? {
        guard let target = accounts[name]?.stage.above(steps: self.steps) else { return nil }
        return self.cap.map { target.mode > $0 } ?? false ? nil : target
    }

    /// Those of the wave that were promoted.
    private var members: [String] {
        guard self.wave < self.waves.count else { return [] }
        return self.waves[self.wave].filter { self.moves[$0] != nil }
    }

    private func hasArrived(_ accounts: [String: Account]) -> Bool {
        self.members.allSatisfy { name in
            guard let account = accounts[name], let move = self.moves[name] else { return true }
            return account.stage >= move.to
        }
    }

    // MARK: Problems

    /// Something is wrong with one that was promoted: with one of the wave, or with one before.
    private func endAtProblem(_ accounts: [String: Account]) -> Step? {
        if let problem = self.members.lazy.compactMap({ self.problem($0, accounts) }).first {
            return .rollBack(self.promoted(accounts), reason: problem)
        }
        let before = self.waves.prefix(self.wave).joined()
        return before.lazy.compactMap { self.problem($0, accounts) }.first.map { .stopped(reason: $0) }
    }

    private func problem(_ name: String, _ accounts: [String: Account]) -> String? {
        guard let move = self.moves[name], let account = accounts[name] else { return nil }
        if let failure = self.failures[name] { return "\(name) could not be promoted: \(failure)" }
        var isUnderWay = false
        if case .promoting = self.phase { isUnderWay = self.members.contains(name) && !self.arrived.contains(name) }
        if account.stage < (isUnderWay ? move.from : move.to) { return "\(name) was taken back to \(account.stage)" }
        return account.verdict == .broken ? "a gate of \(name) is broken" : nil
    }

    /// Too many are unhealthy, whosoever they are.
    private func endAtHealth(_ accounts: [String: Account]) -> Step? {
        let unhealthy = self.waves.joined().filter { accounts[$0]?.health == .unhealthy }
        guard unhealthy.count > self.settings.maxUnhealthy else { return nil }
        let count = RolloutText.count(unhealthy.count, "account")
        let reason =
            "\(count) unhealthy, at most \(self.settings.maxUnhealthy) may be: \(Self.list(unhealthy))"
        let isOfWave = self.members.contains { unhealthy.contains($0) }
        return isOfWave ? .rollBack(self.promoted(accounts), reason: reason) : .stopped(reason: reason)
    }

    /// Those of the wave that are above where they were.
    private func promoted(_ accounts: [String: Account]) -> [String] {
        self.members.filter { name in
            guard let move = self.moves[name], let account = accounts[name] else { return false }
            return account.stage > move.from
        }
    }

    /// Somebody has taken an account back that this plan has not promoted: whoever does that wants no promotion.
    private func endAtInterference(_ accounts: [String: Account]) -> Step? {
        let taken = self.waves.joined().first { name in
            guard self.moves[name] == nil, let account = accounts[name], let before = self.seen[name] else {
                return false
            }
            return account.stage < before
        }
        return taken.map { name in
            .stopped(reason: "\(name) was taken back to \(accounts[name].map { "\($0.stage)" } ?? "")")
        }
    }

    private static func list(_ names: [String]) -> String {
        let shown = names.prefix(5).joined(separator: ", ")
        return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
    }
}

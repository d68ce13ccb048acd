import HybridStream

/// The gates of the canary mode but for the soak.
struct CanaryJudgement {
    /// Shorter measurements say nothing about a rate.
    static let shortestMeasurement = Duration.seconds(10)

    private let gate: CanaryGate
    private let evidence: RolloutEvidence

    init(_ gate: CanaryGate, _ evidence: RolloutEvidence) {
        self.gate = gate
        self.evidence = evidence
    }

    func gates(now: Uptime) -> [Gate] { [self.updates, self.age, self.connects(now: now)] }

    /// The slowest symbol counts.
    private var updates: Gate {
        let measured = self.evidence.symbols.filter { $0.measured >= Self.shortestMeasurement }
        var verdict = measured.count < self.evidence.symbols.count || measured.isEmpty ? Verdict.open : .holds
        if measured.contains(where: { !self.isFastEnough($0) }) { verdict = .broken }
        let slowest = measured.min { Self.rate($0) < Self.rate($1) }
        return Gate(
            name: "min_updates_per_second",
            verdict: verdict,
            value: slowest.map { "\(Self.rate($0).normalized) (\($0.name))" } ?? "none yet",
            limit: "\(self.gate.minUpdatesPerSecond)"
        )
    }

    /// Exactly, not by the rounded rate.
    private func isFastEnough(_ symbol: RolloutEvidence.Symbol) -> Bool {
        let nanoseconds = FixedPoint(mantissa: Int128(symbol.measured.nanoseconds), scale: 9)
        guard let needed = self.gate.minUpdatesPerSecond.multiplied(by: nanoseconds) else { return false }
        return FixedPoint(symbol.marks) >= needed
    }

    /// Per second, rounded down at the second digit.
    private static func rate(_ symbol: RolloutEvidence.Symbol) -> FixedPoint {
        let milliseconds = Int128(max(1, symbol.measured.milliseconds))
        return FixedPoint(mantissa: Int128(symbol.marks) * 100_000 / milliseconds, scale: 2)
    }

    /// The symbol that has been silent longest counts; one that has not told anything yet, from when it was held.
    private var age: Gate {
        let oldest = self.evidence.symbols.max { Self.silence($0) < Self.silence($1) }
        var verdict = self.evidence.symbols.contains { $0.lastMarkAge == nil } ? Verdict.open : .holds
        if let oldest {
            if Self.silence(oldest) >= self.gate.maxUpdateAge { verdict = .broken }
        } else {
            verdict = .open
        }
        return Gate(
            name: "max_update_age",
            verdict: verdict,
            value: oldest.map { "\(RolloutText.elapsed(Self.silence($0))) (\($0.name))" } ?? "none yet",
            limit: DurationText.text(self.gate.maxUpdateAge)
        )
    }

    private static func silence(_ symbol: RolloutEvidence.Symbol) -> Duration { symbol.lastMarkAge ?? symbol.measured }

    /// Those of the last soak length only, so that it heals.
    private func connects(now: Uptime) -> Gate {
        let window = min(self.gate.soak, max(.zero, now - self.evidence.stageBegan))
        let count = self.evidence.failedConnects.count(within: window, now: now)
        let limit = self.gate.maxFailedConnects
        return Gate(
            name: "max_failed_connects",
            verdict: count > limit ? .broken : .holds,
            value: count > limit ? "more than \(limit)" : "\(count)",
            limit: "\(limit)"
        )
    }
}

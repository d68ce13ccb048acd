package import HybridStream

/// Whether an account may go up a mode: judges the gates of its mode, and how long they have held.
package struct RolloutJudge: Sendable {
    package struct Judgement: Sendable, Equatable {
        /// In the order of the file; none in `rest` and `hybrid`.
        package var gates: [Gate]
        package var verdict: Verdict
        /// Those whose verdict is another than in the last judgement. Each starts as `open`.
        package var changed: [Gate]

        /// Before anything has been measured in a mode: open where something has to be.
        package static func beginning(_ mode: Mode) -> Judgement {
            Judgement(gates: [], verdict: mode == .rest || mode == .hybrid ? .holds : .open, changed: [])
        }
    }

    /// What the next process goes on with. The time in which no process runs does not count.
    package struct Memory: Sendable, Equatable, Codable {
        package var stage: RolloutStage
        /// How long the gates have held.
        package var heldMilliseconds: Int64

        package init(stage: RolloutStage, heldMilliseconds: Int64) {
            self.stage = stage
            self.heldMilliseconds = heldMilliseconds
        }
    }

    /// Other limits may come at any time; how long the gates have held is not forgotten for them.
    package var configuration: RolloutConfiguration
    private var stage: RolloutStage?
    private var stageBegan = Uptime.distantPast
    private var restored: Memory?
    /// How long all gates but the soak have held since one of them was broken. Time in which one was open is left out: a
    /// position that has just been opened says nothing against what was seen before.
    private var held = Duration.zero
    /// The last judgement, if they held at it.
    private var holdsAsOf: Uptime?
    private var verdicts: [String: Verdict] = [:]

    package init(configuration: RolloutConfiguration) {
        self.configuration = configuration
    }

    /// What to store; nil before the first judgement.
    package var memory: Memory? {
        self.stage.map { Memory(stage: $0, heldMilliseconds: self.held.milliseconds) }
    }

    /// Goes on where a former process ended, if the first judgement is about the same stage.
    package mutating func restore(_ memory: Memory) {
        self.restored = memory
    }

    package mutating func judge(_ evidence: RolloutEvidence, now: Uptime) -> Judgement {
        if self.stage != evidence.stage || self.stageBegan != evidence.stageBegan { self.begin(evidence) }
        var gates = self.gates(evidence, now: now)
        if let soak = self.soak(in: evidence.stage.mode) {
            self.count(gates.verdict, evidence, now: now)
            gates.insert(self.soakGate(soak), at: 0)
        }
        let changed = gates.filter { self.verdicts[$0.name, default: .open] != $0.verdict }
        self.verdicts = Dictionary(uniqueKeysWithValues: gates.map { ($0.name, $0.verdict) })
        return Judgement(gates: gates, verdict: gates.verdict, changed: changed)
    }

    private mutating func begin(_ evidence: RolloutEvidence) {
        self.held = .zero
        if let restored = self.restored, restored.stage == evidence.stage {
            self.held = .milliseconds(max(0, restored.heldMilliseconds))
        }
        self.restored = nil
        self.stage = evidence.stage
        self.stageBegan = evidence.stageBegan
        self.holdsAsOf = nil
        self.verdicts = [:]
    }

    // MARK: Soak

    private func soak(in mode: Mode) -> Duration? {
        switch mode {
        case .rest, .hybrid: nil
        case .canary: self.configuration.gates.canary.soak
        case .parallel: self.configuration.gates.parallel.soak
        case .cutover: self.configuration.gates.cutover.soak
        }
    }

    private mutating func count(_ others: Verdict, _ evidence: RolloutEvidence, now: Uptime) {
        switch others {
        case .holds:
            if let before = self.holdsAsOf { self.held += max(.zero, now - max(before, evidence.stageBegan)) }
            self.holdsAsOf = now
        case .open:
            self.holdsAsOf = nil
        case .broken:
            self.held = .zero
            self.holdsAsOf = nil
        }
    }

    private func soakGate(_ soak: Duration) -> Gate {
        Gate(
            name: "soak",
            verdict: self.held >= soak ? .holds : .open,
            value: RolloutText.elapsed(self.held),
            limit: DurationText.text(soak)
        )
    }

    // MARK: Gates

    private func gates(_ evidence: RolloutEvidence, now: Uptime) -> [Gate] {
        switch evidence.stage.mode {
        case .rest, .hybrid: []
        case .canary: CanaryJudgement(self.configuration.gates.canary, evidence).gates(now: now)
        case .parallel, .cutover: ParallelJudgement(self.configuration.gates.parallel, evidence).gates
        }
    }
}

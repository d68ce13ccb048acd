import HybridStream

/// The gates of the modes parallel and cutover but for the soak.
struct ParallelJudgement {
    private let gate: ParallelGate
    private let comparison: StreamComparison.Summary
    private let hasPositions: Bool

    init(_ gate: ParallelGate, _ evidence: RolloutEvidence) {
        self.gate = gate
        self.comparison = evidence.comparison
        self.hasPositions = evidence.openPositions > 0
    }

    var gates: [Gate] { [self.agreement, self.divergence, self.positions] }

    private var counts: ComparisonEvidence.Counts { self.comparison.counts }

    /// A gate that is not broken holds as soon as marks of a position that is open have been compared.
    private var unbroken: Verdict { self.hasPositions && self.counts.marksCompared > 0 ? .holds : .open }

    private var agreement: Gate {
        let (agreed, compared) = (self.counts.marksAgreed, self.counts.marksCompared)
        return Gate(
            name: "min_agreement_percent",
            verdict: self.isAgreed ? self.unbroken : .broken,
            value: RolloutText.share(agreed, of: compared) + (compared > 0 ? " of \(compared)" : ""),
            limit: RolloutText.percent(self.gate.minAgreementPercent)
        )
    }

    /// Exactly, not by the rounded share.
    private var isAgreed: Bool {
        let (agreed, compared) = (FixedPoint(self.counts.marksAgreed), FixedPoint(self.counts.marksCompared))
        guard let needed = self.gate.minAgreementPercent.multiplied(by: compared),
            let reached = FixedPoint(100).multiplied(by: agreed)
        else { return false }
        return reached >= needed
    }

    private var divergence: Gate {
        let worst = self.counts.worstDivergence
        let value =
            worst.isPositive
            ? "\(RolloutText.percent(worst)) \(RolloutText.elapsed(self.counts.worstAge)) ago"
            : self.counts.marksCompared > 0 ? "none" : "none yet"
        return Gate(
            name: "max_divergence_percent",
            verdict: worst > self.gate.maxDivergencePercent ? .broken : self.unbroken,
            value: value,
            limit: RolloutText.percent(self.gate.maxDivergencePercent)
        )
    }

    private var positions: Gate {
        let (seen, open) = (self.comparison.seenByBoth, self.comparison.openPositions)
        let differences = self.counts.differences
        let verdict: Verdict =
            if differences > 0 {
                .broken
            } else {
                self.hasPositions && open > 0 && seen == open ? .holds : .open
            }
        let value = open > 0 ? "\(seen) of \(open)" : "none yet"
        return Gate(
            name: "positions_seen_by_both",
            verdict: verdict,
            value: differences > 0 ? "\(value), \(RolloutText.count(differences, "confirmed difference"))" : value,
            limit: "all"
        )
    }
}

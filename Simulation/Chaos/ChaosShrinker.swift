/// Makes a failing plan short: leaves out what is not needed for the failure.
public enum ChaosShrinker {
    /// - Returns: a plan that still fails in the same way and from which no single step can be left out.
    public static func shrink(_ plan: ChaosPlan) -> (plan: ChaosPlan, violation: String) {
        var best = plan
        var violation = ChaosRun(plan).run().violation ?? ""
        let kind = self.kind(violation)
        var size = max(1, best.entries.count / 2)
        while true {
            var start = 0
            var isShorter = false
            while start < best.entries.count {
                var candidate = best
                candidate.entries.removeSubrange(start..<min(start + size, candidate.entries.count))
                if let found = ChaosRun(candidate).run().violation, self.kind(found) == kind {
                    best = candidate
                    violation = found
                    isShorter = true
                } else {
                    start += size
                }
            }
            if size == 1, !isShorter { return (best, violation) }
            size = max(1, size / 2)
        }
    }

    /// What went wrong, without whom it befell, when, and by how much.
    private static func kind(_ violation: String) -> String {
        let clause = violation.split(separator: ":").last.map(String.init) ?? violation
        return String(clause.filter { $0.isLetter || $0 == " " })
    }
}

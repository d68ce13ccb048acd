extension StatusReport {
    /// Where an account is on its way from REST polling to the hybrid stream.
    public struct Rollout: Sendable, Equatable, Decodable {
        public var mode: Mode
        /// In `cutover`: percent of the symbols that the hybrid stream drives; nil in all other modes.
        public var step: Int?
        /// When it came to this mode, or to this step.
        public var since: Timestamp
        /// Whether it may be promoted.
        public var verdict: Verdict
        public var gates: [Gate]

        /// The verdict is that of the gates.
        public init(mode: Mode, step: Int?, since: Timestamp, gates: [Gate]) {
            self.mode = mode
            self.step = step
            self.since = since
            self.verdict = gates.verdict
            self.gates = gates
        }
    }

    /// What a drain waits for.
    public struct Drain: Sendable, Equatable, Decodable {
        /// For people, one thing each; empty when the end is near.
        public var blockers: [String]

        public init(blockers: [String]) {
            self.blockers = blockers
        }
    }
}

extension StatusReport.Rollout {
    func write(to json: ReportWriter) {
        json.raw("{\"mode\":").string(self.mode.rawValue)
        json.raw(",\"step\":").integer(self.step.map(Int64.init))
        json.raw(",\"since\":").string(self.since.description)
        json.raw(",\"verdict\":").string(self.verdict.rawValue)
        json.raw(",\"gates\":").array(self.gates) { $0.write(to: $1) }
        json.raw("}")
    }
}

extension StatusReport.Drain {
    func write(to json: ReportWriter) {
        json.raw("{\"blockers\":").array(self.blockers) { $1.string($0) }
        json.raw("}")
    }
}

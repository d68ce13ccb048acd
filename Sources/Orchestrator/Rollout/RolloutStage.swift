/// How far an account has come: its mode, and in a cutover the step.
package struct RolloutStage: Sendable, Hashable, Codable {
    package var mode: Mode
    /// In `cutover`: percent of the symbols that the stream drives. Zero in every other mode.
    package var percent: Int

    package init(_ mode: Mode, percent: Int = 0) {
        self.mode = mode
        self.percent = mode == .cutover ? percent : 0
    }

    /// One up; nil at `hybrid`.
    /// - Parameter steps: of the cutover, rising.
    package func above(steps: [Int]) -> RolloutStage? {
        switch self.mode {
        case .rest: RolloutStage(.canary)
        case .canary: RolloutStage(.parallel)
        case .parallel: steps.first.map { RolloutStage(.cutover, percent: $0) } ?? RolloutStage(.hybrid)
        case .cutover:
            steps.first { $0 > self.percent }.map { RolloutStage(.cutover, percent: $0) } ?? RolloutStage(.hybrid)
        case .hybrid: nil
        }
    }
}

extension RolloutStage: Comparable {
    package static func < (left: RolloutStage, right: RolloutStage) -> Bool {
        (left.mode, left.percent) < (right.mode, right.percent)
    }
}

extension RolloutStage: CustomStringConvertible {
    /// As reports and diffs write it: `canary`, `cutover 50`.
    package var description: String {
        self.mode == .cutover ? "\(self.mode.rawValue) \(self.percent)" : self.mode.rawValue
    }
}

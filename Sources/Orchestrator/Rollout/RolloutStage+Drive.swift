package import HybridStream

extension RolloutStage {
    /// What feeds the consumers, and what runs beside it.
    package var drive: Drive {
        switch self.mode {
        case .rest: .rest
        case .canary, .parallel: .beside
        case .cutover: .mixed(percent: self.percent)
        case .hybrid: .hybrid
        }
    }

    /// Whether REST is polled all the time.
    package var isPolled: Bool { self.drive.polls }

    /// One mode down, whatever the step; nil at `rest`.
    package var below: RolloutStage? {
        switch self.mode {
        case .rest: nil
        case .canary: RolloutStage(.rest)
        case .parallel: RolloutStage(.canary)
        case .cutover: RolloutStage(.parallel)
        // With the whole of the symbols still the stream's, and REST polled beside it.
        case .hybrid: RolloutStage(.cutover, percent: 100)
        }
    }
}

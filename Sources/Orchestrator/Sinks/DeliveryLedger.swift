import Synchronization

/// How far the events have got in all sinks together: what has arrived everywhere need not survive a kill.
final class DeliveryLedger: Sendable {
    private struct State {
        var isFilled = false
        /// Nil if there are no children.
        var children: ContinuousClock.Instant?
    }

    /// An event is handed over within this time after it was made, unless its event loop stands still.
    private static let handOver = Duration.seconds(1)

    private let state = Mutex(State())

    /// Every account has its sinks, and these have what a killed process has left. Until then nothing may be forgotten.
    func fill() { self.state.withLock { $0.isFilled = true } }

    var isFilled: Bool { self.state.withLock { $0.isFilled } }

    /// Another child is there, to be called before anything is queued for it: so far it has nothing.
    func childComes() {
        let now = ContinuousClock.now - DeliveryLedger.handOver
        self.state.withLock { $0.children = min($0.children ?? now, now) }
    }

    /// - Parameter instant: what was handed over before is in the pipe of every child; nil if there are none.
    func childrenHave(before instant: ContinuousClock.Instant?) {
        self.state.withLock { $0.children = instant.map { $0 - DeliveryLedger.handOver } }
    }

    /// What was made before this has arrived everywhere.
    /// - Parameter files: what was made before this stands in every file.
    func arrivedBefore(files: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        self.state.withLock { state in
            guard state.isFilled else { return nil }
            return state.children.map { min($0, files) } ?? files
        }
    }
}

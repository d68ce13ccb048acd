import HybridStream
import Synchronization

/// A clock and timers that stand still until told otherwise.
final class ManualTime: Sendable {
    private struct State {
        var now = Uptime(nanoseconds: 0)
        var timers: [(instant: Uptime, action: @Sendable () -> Void)] = []
    }

    private let state = Mutex(State())

    var now: Uptime { self.state.withLock { $0.now } }
    var timerCount: Int { self.state.withLock { $0.timers.count } }

    func schedule(_ instant: Uptime, _ action: @escaping @Sendable () -> Void) {
        self.state.withLock { $0.timers.append((instant, action)) }
    }

    /// Moves on and fires what has come due.
    func advance(by duration: Duration) {
        let due = self.state.withLock { state in
            state.now = state.now + duration
            let now = state.now
            let due = state.timers.filter { $0.instant <= now }
            state.timers.removeAll { $0.instant <= now }
            return due
        }
        for timer in due { timer.action() }
    }
}

/// Waits until a condition holds; false if it does not within ten seconds.
func eventually(_ condition: @Sendable () async -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(10)
    while ContinuousClock.now < deadline {
        if await condition() { return true }
        do { try await Task.sleep(for: .milliseconds(1)) } catch { return await condition() }
    }
    return await condition()
}

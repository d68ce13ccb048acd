import Synchronization

/// Waits for something that goes on without whoever waits.
enum Patience {
    private final class Race<Value: Sendable>: Sendable {
        private let waiting: Mutex<CheckedContinuation<Value?, Never>?>

        init(_ continuation: CheckedContinuation<Value?, Never>) {
            self.waiting = Mutex(continuation)
        }

        /// The first one counts.
        func end(_ value: Value?) {
            let continuation = self.waiting.withLock { waiting in
                defer { waiting = nil }
                return waiting
            }
            continuation?.resume(returning: value)
        }
    }

    /// What the task comes to within `limit`; nil if it is still under way then. It is not cancelled.
    static func wait<Value: Sendable>(for task: Task<Value, Never>, within limit: Duration) async -> Value? {
        await withCheckedContinuation { continuation in
            let race = Race(continuation)
            let timer = Task {
                do { try await Task.sleep(for: limit) } catch { return }
                race.end(nil)
            }
            Task {
                race.end(await task.value)
                timer.cancel()
            }
        }
    }
}

import Synchronization

/// Something that goes on whoever waits for it, and however long.
final class Undertaking<Value: Sendable>: Sendable {
    private struct State {
        var value: Value?
        var next = 0
        var waiting: [Int: CheckedContinuation<Value?, Never>] = [:]
        /// Whose time was over before they had begun to wait.
        var late: Set<Int> = []

        mutating func newPlace() -> Int {
            self.next += 1
            return self.next
        }
    }

    private let state: Mutex<State>
    private let task: Task<Value, Never>

    /// Begins it at once.
    init(_ body: @escaping @Sendable () async -> Value) {
        self.state = Mutex(State())
        self.task = Task { await body() }
        Task { self.end(await self.task.value) }
    }

    /// What it comes to, whenever that is.
    var value: Value { get async { await self.task.value } }

    /// What it comes to, if that is within `limit`; nil if it is still under way then.
    func value(within limit: Duration) async -> Value? {
        let place = self.state.withLock { $0.newPlace() }
        let timer = Task {
            do { try await Task.sleep(for: limit) } catch { return }
            self.stopWaiting(place)
        }
        defer { timer.cancel() }
        return await withCheckedContinuation { self.wait(place, $0) }
    }

    private func wait(_ place: Int, _ continuation: CheckedContinuation<Value?, Never>) {
        let isOver = self.state.withLock { state in
            if state.value != nil || state.late.remove(place) != nil { return true }
            state.waiting[place] = continuation
            return false
        }
        if isOver { continuation.resume(returning: self.state.withLock(\.value)) }
    }

    private func stopWaiting(_ place: Int) {
        let continuation = self.state.withLock { state in
            let continuation = state.waiting.removeValue(forKey: place)
            if continuation == nil, state.value == nil { state.late.insert(place) }
            return continuation
        }
        continuation?.resume(returning: nil)
    }

    private func end(_ value: Value) {
        let waiting = self.state.withLock { state in
            state.value = value
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume(returning: value) }
    }
}

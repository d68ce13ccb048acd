import Synchronization

/// An outcome that is known once, and that any number of tasks may wait for.
final class OneShot: Sendable {
    private enum State {
        case open([CheckedContinuation<Void, any Error>])
        case done(Result<Void, any Error>)
    }

    private let state = Mutex(State.open([]))

    /// The first outcome counts; later ones are ignored.
    func complete(_ result: Result<Void, any Error>) {
        let waiting = self.state.withLock { state -> [CheckedContinuation<Void, any Error>] in
            guard case .open(let waiting) = state else { return [] }
            state = .done(result)
            return waiting
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    func wait() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let known = self.state.withLock { state -> Result<Void, any Error>? in
                switch state {
                case .open(let waiting):
                    state = .open(waiting + [continuation])
                    return nil
                case .done(let result):
                    return result
                }
            }
            if let known { continuation.resume(with: known) }
        }
    }
}

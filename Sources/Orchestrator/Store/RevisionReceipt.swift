import Synchronization

/// Whoever waits for a revision to be on the disk.
///
/// It may be given up until the store begins to write it, not later: from then on the disk says how it ends, so that a
/// revision is never in the file while somebody was told that it failed.
final class RevisionReceipt: Sendable {
    typealias Completion = @Sendable (Result<Int, StoreError>) -> Void

    private enum State {
        case waiting(Completion)
        /// Being written under this number.
        case claimed(Int, Completion)
        case settled
    }

    private let state: Mutex<State>

    /// - Parameter completion: called once, with the number or with the reason why there is none.
    init(_ completion: @escaping Completion) {
        self.state = Mutex(.waiting(completion))
    }

    /// On the store's thread, inside the transaction.
    /// - Returns: false if it was given up.
    func claim(_ number: Int) -> Bool {
        self.state.withLock { state in
            guard case .waiting(let completion) = state else { return false }
            state = .claimed(number, completion)
            return true
        }
    }

    /// Not to be written any more; does nothing once it is being written. Not to be called under a lock.
    func giveUp(_ error: StoreError) {
        let completion = self.state.withLock { state -> Completion? in
            guard case .waiting(let completion) = state else { return nil }
            state = .settled
            return completion
        }
        completion?(.failure(error))
    }

    /// The transaction is over. Not to be called under a lock.
    /// - Parameter failure: nil if it is on the disk.
    func settle(failure: StoreError?) {
        let (completion, number) = self.state.withLock { state -> (Completion?, Int) in
            defer { state = .settled }
            switch state {
            case .waiting(let completion): return (completion, 0)
            case .claimed(let number, let completion): return (completion, number)
            case .settled: return (nil, 0)
            }
        }
        completion?(failure.map { .failure($0) } ?? .success(number))
    }
}

import Synchronization

/// Whoever waits for an action to be in the journal: told once, whichever comes first, the disk's word or the end of the
/// patience.
final class ActionReceipt: Sendable {
    typealias Result = Swift.Result<Void, StoreError>

    private let committed: Mutex<(@Sendable (Result) -> Void)?>

    init(_ committed: @escaping @Sendable (Result) -> Void) {
        self.committed = Mutex(committed)
    }

    var isSettled: Bool { self.committed.withLock { $0 == nil } }

    /// Does nothing the second time. Not to be called under a lock.
    func settle(_ result: Result) {
        let committed = self.committed.withLock { committed in
            defer { committed = nil }
            return committed
        }
        committed?(result)
    }
}

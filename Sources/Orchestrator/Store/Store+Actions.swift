import Dispatch
public import HybridStream

/// Where the consumers' actions and states go: the store, or what stands in for it in a simulation.
package protocol ActionRecorder: AnyObject, Sendable {
    func recordAction(
        _ record: ActionRecord,
        states: [ConsumerStateRecord],
        committed: (@Sendable (Result<Void, StoreError>) -> Void)?
    )
    func recordStates(account: String, _ states: [ConsumerStateRecord])
    func dropStates(account: String, _ key: PositionKey)
}

extension Store: ActionRecorder {
    /// So long the disk may take for an action before it is given up.
    public static let actionPatience = Duration.seconds(3)

    /// Journals an action, or what became of one that is in the journal: of a record with the same account and
    /// `orderLinkID` its outcome, code, text and time are taken over. The states of its consumers go with it in one
    /// transaction.
    ///
    /// With `committed` it is written at once, and for good. Whoever gives it waits for it: before an order is sent the
    /// action must be known to the next process, whatever happens to this one. Without, it is written within 50 ms, or
    /// whenever the disk allows it.
    /// - Parameter committed: called once: on the store's thread when the action is on the disk, or with the reason why it
    ///   could not be written within ``actionPatience``, also from another thread. After a failure nothing must be sent; a
    ///   later attempt does not write the action any more, unless another word on it is recorded. If a write was under way
    ///   just then, it may be found in the journal all the same, as `journalled`.
    public func recordAction(
        _ record: ActionRecord,
        states: [ConsumerStateRecord] = [],
        committed: (@Sendable (Result<Void, StoreError>) -> Void)? = nil
    ) {
        self.recordAction(record, states: states, patience: Store.actionPatience, committed: committed)
    }

    func recordAction(
        _ record: ActionRecord,
        states: [ConsumerStateRecord],
        patience: Duration,
        committed: (@Sendable (Result<Void, StoreError>) -> Void)?
    ) {
        guard let committed else {
            return self.schedule { pending in
                pending.states.add(states, account: record.account)
                pending.actions.add(record, nil)
            }
        }
        let receipt = ActionReceipt(committed)
        self.writeSoon(refused: { receipt.settle(.failure($0)) }) { pending in
            pending.states.add(states, account: record.account)
            pending.actions.add(record, receipt)
        }
        let wait = DispatchTimeInterval.nanoseconds(Int(patience / .nanoseconds(1)))
        self.deadlines.asyncAfter(deadline: .now() + wait) { [weak self, path] in
            if receipt.isSettled { return }
            let reason = self?.trouble?.reason ?? "the disk has not answered"
            receipt.settle(
                .failure(
                    StoreError(kind: .tooLate, path: path, reason: "\(reason) (given up after \(patience))")
                )
            )
        }
    }

    /// Notes what consumers remember of positions. Of several states of one consumer and leg only the last is written.
    public func recordStates(account: String, _ states: [ConsumerStateRecord]) {
        if states.isEmpty { return }
        self.schedule { $0.states.add(states, account: account) }
    }

    /// The position is closed: what was remembered of it goes.
    public func dropStates(account: String, _ key: PositionKey) {
        self.schedule { $0.states.drop(key, account: account) }
    }

    /// The newest actions of the journal, newest first, read beside the writing. What was recorded in the last 50 ms may
    /// not be there yet.
    /// - Parameters:
    ///   - account: only of these accounts; empty means all.
    ///   - since: decided at or after this instant, in milliseconds since 1970.
    ///   - limit: at most so many.
    public func actions(account: [String], since: Int64?, limit: Int) async throws(StoreError) -> [ActionRecord] {
        try await self.actionHistory(ActionsRequest(accounts: account, sinceMilliseconds: since, limit: limit)).actions
    }

    /// The same, with the names of all accounts that the store has heard of.
    public func actionHistory(_ request: ActionsRequest) async throws(StoreError) -> ActionHistory {
        let (path, readers) = (self.path, self.readers)
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<ActionHistory, StoreError>, Never>) in
            readers.async {
                continuation.resume(
                    returning: Result { () throws(StoreError) in try ActionHistory(storeAt: path, request) }
                )
            }
        }
        return try outcome.get()
    }
}

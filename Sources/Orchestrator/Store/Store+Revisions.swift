import Dispatch
import GRDB

extension Store {
    /// Writes a revision, its sources and the overrides that it leaves behind in one transaction: all of it is in the file
    /// or nothing. Several that are asked for at the same time share a transaction and have numbers of their own.
    /// - Returns: its number, once it is on the disk also for a power failure.
    /// - Throws: ``StoreError`` if it could not be written, or if the store has not come to it within ``actionPatience``.
    ///   Then it is not in the file and will not be, and nothing must be changed. Once the store has begun to write it,
    ///   the disk's word is waited for, however long it takes.
    public func commit(_ draft: RevisionDraft) async throws(StoreError) -> Int {
        try await self.commit(draft, patience: Store.actionPatience)
    }

    func commit(_ draft: RevisionDraft, patience: Duration) async throws(StoreError) -> Int {
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Int, StoreError>, Never>) in
            let receipt = RevisionReceipt { continuation.resume(returning: $0) }
            self.writeSoon(refused: { receipt.settle(failure: $0) }) { $0.revisions.add(draft, receipt) }
            let wait = DispatchTimeInterval.nanoseconds(Int(patience / .nanoseconds(1)))
            self.deadlines.asyncAfter(deadline: .now() + wait) { [weak self, path] in
                let reason = self?.trouble?.reason ?? "the disk has not answered"
                receipt.giveUp(
                    StoreError(kind: .notCommitted, path: path, reason: "\(reason) (given up after \(patience))")
                )
            }
        }
        return try outcome.get()
    }

    /// What holds over the file, by account. Blocks: not to be called on an event loop.
    public func overrides() throws(StoreError) -> [String: StoredOverride] {
        try self.read(StoredOverride.all)
    }

    /// The same without blocking.
    public func fetchOverrides() async throws(StoreError) -> [String: StoredOverride] {
        try await self.fetch(StoredOverride.all)
    }

    /// The newest sources that any revision has: those of the file that was applied last. Blocks.
    /// - Returns: nil for a store that no file has been applied to.
    public func lastSources() throws(StoreError) -> (revision: Int, sources: ConfigurationSources)? {
        try self.read(RevisionFile.lastSources)
    }

    /// The same without blocking.
    public func fetchLastSources() async throws(StoreError) -> (revision: Int, sources: ConfigurationSources)? {
        try await self.fetch(RevisionFile.lastSources)
    }

    /// The newest sources that were read from the disk, and not brought back by `rollback --revision`. Blocks.
    public func lastReadSources() throws(StoreError) -> ConfigurationSources? {
        try self.read(RevisionFile.lastReadSources)
    }

    /// The same without blocking.
    public func fetchLastReadSources() async throws(StoreError) -> ConfigurationSources? {
        try await self.fetch(RevisionFile.lastReadSources)
    }

    /// Revisions, newest first, read beside the writing.
    public func revisions(_ query: RevisionsRequest) async throws(StoreError) -> [Revision] {
        try await self.readBeside { file throws(StoreError) in try file.revisions(query) }
    }

    /// What the file of a revision was read from, read beside the writing.
    /// - Returns: nil if there is no such revision, or if it is one of an override.
    public func sources(of revision: Int) async throws(StoreError) -> ConfigurationSources? {
        try await self.readBeside { file throws(StoreError) in try file.sources(of: revision) }
    }

    // MARK: What gates have measured

    /// What was recorded of the accounts' rollout, by account. Blocks.
    public func rolloutMemory() throws(StoreError) -> [String: RolloutMemory] {
        try self.read(RolloutMemory.all)
    }

    /// The same without blocking.
    public func fetchRolloutMemory() async throws(StoreError) -> [String: RolloutMemory] {
        try await self.fetch(RolloutMemory.all)
    }

    /// Notes how far an account has come. Of several of one account only the last is written, within 50 ms or whenever the
    /// disk allows it.
    public func record(rollout memory: RolloutMemory, account: String) {
        self.schedule { $0.add(memory, account: account) }
    }

    /// The account has left its mode, or is gone.
    public func forgetRollout(account: String) {
        self.schedule { $0.add(nil, account: account) }
    }

    // MARK: Reading

    private func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
        try self.thread.sync { self.afterWriting(body) }.get()
    }

    private func fetch<Value: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> Value
    ) async throws(StoreError) -> Value {
        try await self.onThread { self.afterWriting(body) }
    }

    /// Whoever asks waits for the thread, and blocks nobody meanwhile: a disk that does not answer holds up those only
    /// who need its word.
    func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () -> Result<Value, StoreError>
    ) async throws(StoreError) -> Value {
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            self.thread.async { continuation.resume(returning: body()) }
        }
        return try outcome.get()
    }

    private func readBeside<Value: Sendable>(
        _ body: @escaping @Sendable (RevisionFile) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let (file, readers) = (RevisionFile(path: self.path), self.readers)
        let outcome = await withCheckedContinuation {
            (continuation: CheckedContinuation<Result<Value, StoreError>, Never>) in
            readers.async {
                continuation.resume(returning: Result { () throws(StoreError) in try body(file) })
            }
        }
        return try outcome.get()
    }
}

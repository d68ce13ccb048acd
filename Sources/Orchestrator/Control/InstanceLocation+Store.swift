import Glibc

extension InstanceLocation {
    /// What survives the process.
    public var storeFile: String { self.directory + "/store.sqlite" }
    /// What a replay needs to know of the instruments.
    public var tickSizeFile: String { self.directory + "/" + TickSizeFile.name }

    /// Reads the journal of actions of an instance that does not run.
    /// - Returns: nil if it has left no store.
    /// - Throws: ``StoreError``, or ``ControlClientError`` with the code `refused` for accounts that the store has never
    ///   heard of.
    public func storedActions(_ request: ActionsRequest) throws -> ActionsReport? {
        guard access(self.storeFile, F_OK) == 0 || errno != ENOENT else { return nil }
        try StoreFile.isEmpty(self.storeFile)
        let history = try ActionHistory(storeAt: self.storeFile, request)
        if let refusal = ControlRefusal.unknownAccounts(asked: request.accounts, existing: history.accounts) {
            throw ControlClientError(.refused, refusal.error, refusal: refusal)
        }
        return ActionsReport(history)
    }

    /// The revisions and overrides of an instance that does not run.
    /// - Returns: nil if it has left no store.
    /// - Throws: ``StoreError`` if the file there is no store.
    public func storedRevisions() throws(StoreError) -> RevisionFile? {
        guard access(self.storeFile, F_OK) == 0 || errno != ENOENT else { return nil }
        try StoreFile.isEmpty(self.storeFile)
        return RevisionFile(path: self.storeFile)
    }

    /// The revisions of an instance that does not run.
    /// - Returns: nil if it has left no store.
    /// - Throws: ``StoreError``, or ``ControlClientError`` for an account that no revision is about.
    public func storedRevisions(_ request: RevisionsRequest) throws -> [Revision]? {
        guard let file = try self.storedRevisions() else { return nil }
        if let refusal = ControlRefusal.unknownAccounts(asked: request.accounts, existing: try file.accounts()) {
            throw ControlClientError(.refused, refusal.error, refusal: refusal)
        }
        return try file.revisions(request)
    }
}

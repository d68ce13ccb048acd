import Orchestrator

/// What can be told of an instance that does not run, from what it has left and from its file.
struct OfflineSources: Sendable {
    /// Revisions of the store that the instance has left; the answer is nil if it has left none.
    var revisions: @Sendable (RevisionsRequest, InstanceLocation) throws -> [Revision]?

    /// What this version can tell.
    static let current = OfflineSources(revisions: { try $1.storedRevisions($0) })
}

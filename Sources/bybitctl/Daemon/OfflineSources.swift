import Foundation
import Orchestrator

/// What can be told of an instance that does not run, from what it has left and from its file.
struct OfflineSources: Sendable {
    /// What a start with this configuration would do; nil if that cannot be told.
    var plan: (@Sendable (Configuration, InstanceLocation) async throws -> PlanDocument)?

    /// Revisions of the store that the instance has left; the answer is nil if it has left none.
    var revisions: (@Sendable (RevisionsRequest, InstanceLocation) throws -> [Revision]?)?

    /// What this version can tell.
    static let current = OfflineSources(
        plan: { configuration, location in
            let overrides: [String: StoredOverride]
            do {
                overrides = try RevisionFile(path: location.storeFile).overrides()
            } catch {
                throw CommandError(.failed, "the overrides of the last run cannot be read: \(error)")
            }
            return try PlanDocument(FleetPlan(.start, of: configuration, over: nil, overrides: overrides))
        },
        revisions: { request, location in
            guard FileManager.default.fileExists(atPath: location.storeFile) else { return nil }
            return try RevisionFile(path: location.storeFile).revisions(request)
        }
    )
}

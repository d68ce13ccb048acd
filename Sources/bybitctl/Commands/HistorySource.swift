import NIOCore
import Orchestrator

/// Where a history comes from: the running instance, or the store that it has left.
struct HistorySource {
    let location: InstanceLocation
    let offline: OfflineSources
    var timeout = Duration.seconds(5)

    /// The bytes of an ``ActionsReport``.
    func actions(_ request: ActionsRequest) async throws -> ByteBuffer {
        do {
            return try await ControlClient.with(self.location, timeout: self.timeout) { try await $0.actions(request) }
        } catch let error as ControlClientError where error.code == .notRunning {
            guard let report = try self.location.storedActions(request) else { throw self.nothingLeft(error) }
            return report.json()
        }
    }

    /// The bytes of a ``RevisionsReport``.
    func revisions(_ request: RevisionsRequest) async throws -> ByteBuffer {
        do {
            return try await ControlClient.with(self.location, timeout: self.timeout) {
                try await $0.revisions(request)
            }
        } catch let error as ControlClientError where error.code == .notRunning {
            guard let revisions = try self.offline.revisions(request, self.location) else {
                throw self.nothingLeft(error)
            }
            return RevisionsReport(revisions).json()
        }
    }

    /// Has an answer read that may be another version's.
    static func read<Report>(_ body: () throws -> Report) throws -> Report {
        do {
            return try body()
        } catch {
            throw CommandError(.failed, "the instance's answer cannot be read: \(error)")
        }
    }

    private func nothingLeft(_ error: ControlClientError) -> CommandError {
        CommandError(.notRunning, "\(error.message), and it has left no store at \(self.location.storeFile)")
    }
}

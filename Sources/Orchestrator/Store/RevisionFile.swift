import GRDB
import Glibc

/// The revisions in a store's file, read beside the process that writes it or without one. Nothing in it is changed: a file
/// that is not there is not made, and one of an older version has none. Each call blocks for the time of the reading.
public struct RevisionFile: Sendable {
    public let path: String

    public init(path: String) {
        self.path = path
    }

    /// Newest first.
    public func revisions(_ query: RevisionsRequest) throws(StoreError) -> [Revision] {
        try self.read { try Revision.all(query, in: $0) } ?? []
    }

    /// What holds over the file, by account.
    public func overrides() throws(StoreError) -> [String: StoredOverride] {
        try self.read { try StoredOverride.all(in: $0) } ?? [:]
    }

    /// What the file of a revision was read from; nil if there is no such revision, or if it is one of an override.
    public func sources(of revision: Int) throws(StoreError) -> ConfigurationSources? {
        try self.read { try ConfigurationSources.of(revision, in: $0) } ?? nil
    }

    /// The newest sources that any revision has; nil if no file has been applied.
    public func lastSources() throws(StoreError) -> (revision: Int, sources: ConfigurationSources)? {
        try self.read { try RevisionFile.lastSources(in: $0) } ?? nil
    }

    static func lastSources(in database: Database) throws -> (revision: Int, sources: ConfigurationSources)? {
        guard let revision = try ConfigurationSources.newestRevision(in: database),
            let sources = try ConfigurationSources.of(revision, in: database)
        else { return nil }
        return (revision, sources)
    }

    /// - Returns: nil for a file that is not there, is empty, or that no version with revisions has opened yet.
    private func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value? {
        guard access(self.path, F_OK) == 0 || errno != ENOENT else { return nil }
        do {
            var configuration = GRDB.Configuration()
            configuration.readonly = true
            configuration.busyMode = .timeout(5)
            configuration.label = "revision reader"
            let database = try DatabaseQueue(path: self.path, configuration: configuration)
            let value = try database.read { database -> Value? in
                try StoreFile.checkVersion(database, path: self.path)
                return try database.tableExists("account_override") ? try body(database) : nil
            }
            try database.close()
            return value
        } catch {
            throw StoreFile.error(error, path: self.path, otherwise: .unreadable)
        }
    }
}

import GRDB
import Glibc

/// Opens the file and says clearly what is wrong with it.
enum StoreFile {
    static func open(_ path: String) throws(StoreError) -> DatabaseQueue {
        try self.create(path)
        do {
            // Only looked at first: what is damaged or another's is left as it is.
            try self.examine(path)
            var configuration = GRDB.Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(5)
            configuration.label = "store"
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try StoreSchema.migrator.migrate(database)
            return database
        } catch {
            throw self.error(error, path: path, otherwise: .unavailable)
        }
    }

    private static func examine(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0, status.st_size > 0 else { return }
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.read { database in
            if let problem = try String.fetchOne(database, sql: "PRAGMA quick_check(1)"), problem != "ok" {
                throw StoreError(kind: .corrupt, path: path, reason: problem)
            }
            try self.checkVersion(database, path: path)
        }
        try database.close()
    }

    private static func checkVersion(_ database: Database, path: String) throws {
        guard try database.tableExists("grdb_migrations") else {
            // Someone else's database is not to be filled with our tables.
            let foreign = try String.fetchOne(
                database,
                sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            if let foreign {
                throw StoreError(
                    kind: .corrupt,
                    path: path,
                    reason: "it is another program's database (table \(foreign))"
                )
            }
            return
        }
        let known = Set(StoreSchema.migrator.migrations)
        let applied = try String.fetchAll(
            database,
            sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier"
        )
        if let unknown = applied.first(where: { !known.contains($0) }) {
            throw StoreError(
                kind: .newerVersion,
                path: path,
                reason: "this version does not know its schema “\(unknown)”"
            )
        }
    }

    /// The folder is made 0700, the file 0600. SQLite gives its `-wal` and `-shm` files the mode of the file.
    private static func create(_ path: String) throws(StoreError) {
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try self.createFolder(String(path[..<slash]), of: path)
        }
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw self.systemError(path, "open") }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw self.systemError(path, "look at") }
        guard (status.st_mode & S_IFMT) == S_IFREG else {
            throw StoreError(kind: .unavailable, path: path, reason: "it is not a regular file")
        }
        if status.st_mode & 0o077 != 0, fchmod(descriptor, 0o600) != 0 {
            throw self.systemError(path, "set the permissions of")
        }
    }

    private static func createFolder(_ folder: String, of path: String) throws(StoreError) {
        if mkdir(folder, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = folder.lastIndex(of: "/"), slash > folder.startIndex else {
            throw self.systemError(path, "create the folder \(folder) of")
        }
        try self.createFolder(String(folder[..<slash]), of: path)
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw self.systemError(path, "create the folder \(folder) of") }
    }

    private static func systemError(_ path: String, _ step: String) -> StoreError {
        let code = errno
        return StoreError(
            kind: .unavailable,
            path: path,
            reason: "cannot \(step) it: \(String(cString: strerror(code)))"
        )
    }

    /// The error as the store's users see it.
    static func error(_ error: any Error, path: String, otherwise: StoreError.Kind) -> StoreError {
        switch error {
        case let error as StoreError: return error
        case let error as DatabaseError:
            let reason = "\(error.message ?? "no reason given") (SQLite \(error.extendedResultCode.rawValue))"
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: return StoreError(kind: .corrupt, path: path, reason: reason)
            case .SQLITE_MISUSE: return StoreError(kind: .closed, path: path, reason: reason)
            default: return StoreError(kind: otherwise, path: path, reason: reason)
            }
        default: return StoreError(kind: otherwise, path: path, reason: "\(error)")
        }
    }
}

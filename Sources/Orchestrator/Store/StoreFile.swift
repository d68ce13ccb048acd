import GRDB
import Glibc
import HybridStream

/// An open store file. Opening says clearly what is wrong with a file, and sets a damaged one aside.
struct StoreFile {
    let database: DatabaseQueue
    let setAside: StoreSetAside?

    /// The row of `account_counter` behind which every account begins that has none. No account has this name.
    static let everyAccount = ""

    static func open(_ path: String) throws(StoreError) -> StoreFile {
        do {
            return try self.begin(self.openDatabase(path), path: path, setAside: nil)
        } catch {
            guard error.kind == .corrupt else { throw error }
            let setAside = try StoreSetAside.move(path, reason: error.reason)
            return try self.begin(self.openDatabase(path), path: path, setAside: setAside)
        }
    }

    private static func openDatabase(_ path: String) throws(StoreError) -> DatabaseQueue {
        try self.create(path)
        do {
            // Only looked at first: what is another's is left as it is.
            try self.examine(path)
            var configuration = GRDB.Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(5)
            configuration.label = "store"
            let database = try DatabaseQueue(path: path, configuration: configuration)
            do {
                try StoreSchema.migrator.migrate(database)
            } catch {
                // Closed before the file may be renamed: what is closed later would take the new file's log with it.
                try database.close()
                throw error
            }
            return database
        } catch {
            throw self.error(error, path: path, otherwise: .unavailable)
        }
    }

    /// Sees to it that numbers of events do not begin again in a store that comes in a damaged one's place. Also in one whose
    /// first start was killed between the two: it has no accounts yet and lies beside what was set aside.
    private static func begin(
        _ database: DatabaseQueue,
        path: String,
        setAside: StoreSetAside?
    ) throws(StoreError) -> StoreFile {
        do {
            let isNew = try database.read { database in
                try Bool.fetchOne(
                    database,
                    sql: "SELECT NOT EXISTS (SELECT * FROM account_counter WHERE account <> ?)",
                    arguments: [self.everyAccount]
                )
            }
            guard isNew == true, let setAside = try setAside ?? StoreSetAside.newest(of: path) else {
                return StoreFile(database: database, setAside: setAside)
            }
            // Microseconds since 1970: no account makes a million events a second, so none was ever numbered that high,
            // and such a number still fits into the 53 bits that every reader of JSON has.
            let floor = WallClock.milliseconds() * 1_000
            try database.writeWithoutTransaction { database in
                try Store.durably(database) { try Store.setReserved(floor, account: self.everyAccount, in: database) }
            }
            return StoreFile(database: database, setAside: setAside)
        } catch {
            throw self.error(error, path: path, otherwise: .unavailable)
        }
    }

    private static func examine(_ path: String) throws {
        guard try !self.isEmpty(path) else { return }
        var configuration = GRDB.Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        let outcome = Result {
            try database.read { database in
                // Whose it is comes first: what is another's is not ours to set aside, damaged or not.
                try self.checkVersion(database, path: path)
                if let problem = try String.fetchOne(database, sql: "PRAGMA quick_check(1)"), problem != "ok" {
                    throw StoreError(kind: .corrupt, path: path, reason: problem)
                }
            }
        }
        try database.close()
        try outcome.get()
    }

    /// Whether a file that may become a store holds nothing yet. Not for a file that this process has open: closing it here
    /// would take SQLite's locks away.
    /// - Throws: ``StoreError`` if it is no database.
    @discardableResult
    static func isEmpty(_ path: String) throws(StoreError) -> Bool {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw self.systemError(path, "open") }
        defer { Glibc.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw self.systemError(path, "read") }
        // Source: https://www.sqlite.org/fileformat.html, section 1.3
        guard count == 0 || bytes == Array("SQLite format 3\0".utf8) else {
            throw StoreError(kind: .foreign, path: path, reason: "it is not a SQLite database")
        }
        return count == 0
    }

    /// - Throws: ``StoreError`` if the file is another program's, or a newer version's.
    static func checkVersion(_ database: Database, path: String) throws {
        guard try database.tableExists("grdb_migrations") else {
            // Someone else's database is not to be filled with our tables.
            let foreign = try String.fetchOne(
                database,
                sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            )
            if let foreign {
                throw StoreError(
                    kind: .foreign,
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
        StoreError(kind: .unavailable, path: path, reason: "cannot \(step) it: \(SystemError.text(errno))")
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

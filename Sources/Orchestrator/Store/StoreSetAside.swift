import Foundation
import Glibc
import HybridStream

/// A damaged store file that was moved out of the way. It is kept as it was, with its `-wal` and `-shm`.
public struct StoreSetAside: Sendable, Equatable {
    /// Where it is now.
    public let path: String
    /// What is wrong with it.
    public let reason: String

    public init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    /// What an operator has to know, in a line.
    public var text: String {
        "the store was damaged (\(self.reason)) and has been set aside as \(self.path); a new one has begun. Lost are what "
            + "consumers remembered of the positions (peaks, phases, ages), the journal of actions, events that stood in no "
            + "file yet, and all revisions with every override: each account is enabled and has its mode as the file says. "
            + "Positions are read anew from the exchange; numbers of events skip ahead"
    }

    private static let mark = ".damaged-"
    private static let companions = ["-wal", "-shm"]

    /// Renames a store file and its companions: `store.sqlite` to `store.sqlite.damaged-20260102T030405.678Z`.
    ///
    /// The file itself goes first: without it a log that was left behind means nothing, while a file without its log might
    /// pass for a good one.
    static func move(_ path: String, reason: String) throws(StoreError) -> StoreSetAside {
        let target = self.freeName(path, at: WallClock.milliseconds())
        guard rename(path, target) == 0 else {
            throw self.failure(path, errno, "it is damaged (\(reason)), and it cannot be renamed to \(target)")
        }
        for suffix in self.companions where rename(path + suffix, target + suffix) != 0 && errno != ENOENT {
            throw self.failure(path, errno, "it is damaged (\(reason)), and its \(suffix) cannot be renamed too")
        }
        try self.secureNames(of: path)
        return StoreSetAside(path: target, reason: reason)
    }

    /// The one that was set aside last; nil if there is none.
    static func newest(of path: String) throws(StoreError) -> StoreSetAside? {
        let (folder, name) = self.split(path)
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw StoreError(kind: .unavailable, path: path, reason: "its folder cannot be listed: \(error)")
        }
        let newest = names.filter { other in
            other.hasPrefix(name + self.mark) && !self.companions.contains { other.hasSuffix($0) }
        }.max()
        return newest.map { StoreSetAside(path: folder + "/" + $0, reason: "found beside a store that has just begun") }
    }

    private static func freeName(_ path: String, at milliseconds: Int64) -> String {
        let time = Timestamp(milliseconds: milliseconds).description.filter { $0 != "-" && $0 != ":" }
        let name = path + self.mark + time
        return access(name, F_OK) == 0 ? self.freeName(path, at: milliseconds + 1) : name
    }

    /// After a power failure the damaged file must not be back under its name, beside the new one's log.
    private static func secureNames(of path: String) throws(StoreError) {
        let descriptor = Glibc.open(self.split(path).folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw self.failure(path, errno, "its folder cannot be opened") }
        defer { close(descriptor) }
        // Some file systems cannot do this for folders; then the names are as safe as they get.
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP else {
            throw self.failure(path, errno, "its folder cannot be written to the disk")
        }
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }

    private static func failure(_ path: String, _ code: CInt, _ what: String) -> StoreError {
        StoreError(kind: .unavailable, path: path, reason: "\(what): \(SystemError.text(code))")
    }
}

/// What went wrong with the store.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The file or its folder cannot be made, opened or locked.
        case unavailable
        /// The file is damaged or is no database.
        case corrupt
        /// The file was written by a newer version of the program.
        case newerVersion
        /// A row cannot be read back.
        case unreadable
        /// A write failed.
        case write
        case closed
    }

    public let kind: Kind
    public let path: String
    public let reason: String

    public init(kind: Kind, path: String, reason: String) {
        self.kind = kind
        self.path = path
        self.reason = reason
    }

    public var description: String {
        switch self.kind {
        case .unavailable:
            "cannot open the store \(self.path): \(self.reason). Check the folder's owner, its permissions and the space on the disk"
        case .corrupt:
            """
            the store \(self.path) is damaged: \(self.reason). Nothing was changed. Move the file away together with \
            \(self.path)-wal and \(self.path)-shm and start again: positions are read anew from the exchange, \
            numbers of events begin again
            """
        case .newerVersion:
            """
            the store \(self.path) was written by a newer version: \(self.reason). Use that version, or move the file \
            away together with \(self.path)-wal and \(self.path)-shm
            """
        case .unreadable: "a row of the store \(self.path) cannot be read: \(self.reason)"
        case .write: "cannot write to the store \(self.path): \(self.reason); it is tried again"
        case .closed: "the store \(self.path) is closed"
        }
    }
}

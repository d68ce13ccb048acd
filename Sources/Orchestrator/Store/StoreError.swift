/// What went wrong with the store.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        /// The file or its folder cannot be made, opened or locked.
        case unavailable
        /// The file is a damaged database. Opening sets it aside.
        case corrupt
        /// The file is no database, or another program's.
        case foreign
        /// The file was written by a newer version of the program.
        case newerVersion
        /// A row cannot be read back.
        case unreadable
        /// A write failed.
        case write
        /// An action could not be written while its order could wait.
        case tooLate
        /// A revision could not be written; it is not tried again.
        case notCommitted
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

    private var files: String { "the file together with \(self.path)-wal and \(self.path)-shm" }

    public var description: String {
        switch self.kind {
        case .unavailable:
            "cannot open the store \(self.path): \(self.reason). Check the folder's owner, its permissions and the space on the disk"
        case .corrupt:
            """
            the store \(self.path) is damaged: \(self.reason). The next start sets it aside and begins a new one; if it \
            does not, move \(self.files) away
            """
        case .foreign:
            """
            \(self.path) is no store of this program: \(self.reason). Nothing was changed. Move \(self.files) away, or \
            choose another state folder, and start again
            """
        case .newerVersion:
            """
            the store \(self.path) was written by a newer version: \(self.reason). Use that version, or move \
            \(self.files) away
            """
        case .unreadable: "a row of the store \(self.path) cannot be read: \(self.reason)"
        case .write: "cannot write to the store \(self.path): \(self.reason); it is tried again"
        case .tooLate: "the store \(self.path) did not take an action in time: \(self.reason); it is not carried out"
        case .notCommitted:
            """
            the change could not be recorded in the store \(self.path): \(self.reason). Nothing was changed. Check the space \
            on the disk and the file's permissions, then ask again
            """
        case .closed: "the store \(self.path) is closed"
        }
    }
}

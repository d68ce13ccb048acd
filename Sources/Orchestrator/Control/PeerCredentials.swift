import Glibc

/// What the kernel says of the process at the other end of a Unix socket: `struct ucred`, which Glibc's module does not
/// show to Swift.
struct PeerCredentials: Sendable {
    static let option = SO_PEERCRED

    var processID: Int32 = 0
    var userID: UInt32 = 0
    var groupID: UInt32 = 0
}

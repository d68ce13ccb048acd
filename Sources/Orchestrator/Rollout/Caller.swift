import Glibc

/// Who asked for a change.
public struct Caller: Sendable, Equatable, Codable {
    /// The user's name; the uid as text where the system knows no name for it.
    public var user: String
    /// As the kernel says of the other end of the control socket; nil for what the daemon does by itself.
    public var uid: UInt32?

    public init(user: String, uid: UInt32?) {
        self.user = user
        self.uid = uid
    }

    /// Who runs this process.
    public static var process: Caller {
        let userID = getuid()
        return Caller(user: SystemUser.name(of: userID) ?? "\(userID)", uid: userID)
    }

    /// The daemon itself: an automatic rollback.
    public static let daemon = Caller(user: "bybitctl", uid: nil)
}

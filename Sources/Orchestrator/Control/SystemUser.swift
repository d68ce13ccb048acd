import Glibc

/// Who runs this process, and from where.
public struct SystemUser: Sendable, Equatable {
    public var userID: UInt32
    public var homeDirectory: String
    public var currentDirectory: String

    public init(userID: UInt32, homeDirectory: String, currentDirectory: String) {
        self.userID = userID
        self.homeDirectory = homeDirectory
        self.currentDirectory = currentDirectory
    }

    /// `$HOME`, or what the user database says if it is not set (cron, `env -i`).
    public static func current(environment: [String: String]) -> SystemUser {
        let userID = getuid()
        let home = environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? SystemUser.home(of: userID) ?? "/"
        return SystemUser(
            userID: userID,
            homeDirectory: home,
            currentDirectory: SystemUser.workingDirectory() ?? "/"
        )
    }

    /// `/var/lib/bybitctl` for root, `~/.local/state/bybitctl` for everybody else.
    public var defaultStateDirectory: String {
        self.userID == 0 ? "/var/lib/bybitctl" : self.homeDirectory + "/.local/state/bybitctl"
    }

    /// Expands a leading `~`, makes the path absolute, and drops empty and `.` components.
    public func absolute(_ path: String) -> String {
        var full = path
        if path == "~" || path.hasPrefix("~/") {
            full = self.homeDirectory + path.dropFirst()
        } else if !path.hasPrefix("/") {
            full = self.currentDirectory + "/" + path
        }
        return "/" + full.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    private static func home(of userID: UInt32) -> String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwuid_r(userID, &entry, &buffer, buffer.count, &found) == 0, found != nil, let home = entry.pw_dir
        else { return nil }
        let path = String(cString: home)
        return path.hasPrefix("/") ? path : nil
    }

    private static func workingDirectory() -> String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }
}

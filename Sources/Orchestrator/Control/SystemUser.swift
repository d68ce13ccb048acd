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

    /// What the user database calls a user; nil if it does not know him.
    public static func name(of userID: UInt32) -> String? {
        self.entry(of: userID) { $0.pw_name }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func home(of userID: UInt32) -> String? {
        self.entry(of: userID) { $0.pw_dir }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }

    /// A text of the user's line in the user database.
    private static func entry(of userID: UInt32, _ text: (passwd) -> UnsafeMutablePointer<CChar>?) -> String? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        return buffer.withUnsafeMutableBufferPointer { buffer in
            // The line lives in the buffer.
            guard let start = buffer.baseAddress,
                getpwuid_r(userID, &entry, start, buffer.count, &found) == 0, found != nil,
                let text = text(entry)
            else { return nil }
            return String(cString: text)
        }
    }

    private static func workingDirectory() -> String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }
}

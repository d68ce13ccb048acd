/// Where one instance keeps its state, and so where its control socket is.
///
/// Daemon and client compute it by the same rule. Nothing in it depends on a login session: cron and `env -i` find the
/// same folder.
public struct InstanceLocation: Sendable, Equatable {
    /// Absolute.
    public let stateDirectory: String
    public let instance: String

    public static let defaultInstance = "default"
    public static let environmentVariable = "BYBITCTL_STATE_DIR"

    /// A Unix socket's address holds 107 bytes on Linux; the networking library keeps to the 103 that hold everywhere.
    public static let longestSocketPath = 103

    /// `<state_dir>/<instance>`, mode 0700.
    public var directory: String { self.stateDirectory + "/" + self.instance }
    public var controlSocket: String { self.directory + "/control.sock" }
    public var lockFile: String { self.directory + "/lock" }
    /// Where a detached daemon's standard output and error go.
    public var logFile: String { self.directory + "/daemon.log" }

    /// - Parameter stateDirectory: absolute, without a slash at its end.
    /// - Throws: ``InstanceError`` if the name cannot be a folder's, or the socket's path would be too long.
    public init(stateDirectory: String, instance: String) throws(InstanceError) {
        guard !instance.isEmpty, instance != ".", instance != "..",
            !instance.utf8.contains(where: { $0 == 0x2F || $0 == 0 })
        else {
            throw InstanceError(
                .badName,
                "'\(instance)' cannot name an instance: a name is one folder's name, such as 'default'"
            )
        }
        self.stateDirectory = stateDirectory
        self.instance = instance
        let length = self.controlSocket.utf8.count
        guard length <= InstanceLocation.longestSocketPath else {
            throw InstanceError(
                .pathTooLong,
                """
                the control socket's path is \(length) bytes long, and a Unix socket allows \
                \(InstanceLocation.longestSocketPath): \(self.controlSocket)
                Choose a shorter folder with runtime.state_dir in the file, --state-dir, or \
                $\(InstanceLocation.environmentVariable), or a shorter instance name.
                """
            )
        }
    }
}

extension InstanceLocation {
    /// What the command line says about it.
    public struct Request: Sendable, Equatable {
        public var stateDirectory: String?
        public var instance: String?
        /// Path of an accounts file that says where its instance is.
        public var configurationFile: String?

        public init(stateDirectory: String? = nil, instance: String? = nil, configurationFile: String? = nil) {
            self.stateDirectory = stateDirectory
            self.instance = instance
            self.configurationFile = configurationFile
        }
    }

    /// What an accounts file says about it: `runtime.state_dir` and `instance`.
    public struct Settings: Sendable, Equatable {
        public var stateDirectory: String?
        public var instance: String?

        public init(stateDirectory: String?, instance: String?) {
            self.stateDirectory = stateDirectory
            self.instance = instance
        }
    }

    /// The state folder comes from the flag, else `$BYBITCTL_STATE_DIR`, else the file, else the user's default; the
    /// name from the flag, else the file, else `default`.
    /// - Parameter settings: reads the file; called only if one is named and something is still open.
    /// - Throws: ``InstanceError``, or what `settings` throws.
    public static func resolve(
        _ request: Request,
        environment: [String: String],
        user: SystemUser,
        settings: (String) throws -> Settings
    ) throws -> InstanceLocation {
        var directory = request.stateDirectory ?? environment[InstanceLocation.environmentVariable].flatMap(nonEmpty)
        var instance = request.instance
        if directory == nil || instance == nil, let file = request.configurationFile {
            let settings = try settings(file)
            directory = directory ?? settings.stateDirectory
            instance = instance ?? settings.instance
        }
        return try InstanceLocation(
            stateDirectory: user.absolute(directory ?? user.defaultStateDirectory),
            instance: instance ?? InstanceLocation.defaultInstance
        )
    }

    private static func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }
}

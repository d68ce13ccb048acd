/// Why an instance's state folder cannot be found or used.
public struct InstanceError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of refusal it is; decides the exit code.
    public struct Code: Sendable, Hashable {
        private enum Base: Hashable { case busy, pathTooLong, unsafePermissions, badName, configuration, io }
        private let base: Base

        /// Another process holds the instance.
        public static let busy = Code(base: .busy)
        /// The folder's path leaves no room for a Unix socket's name.
        public static let pathTooLong = Code(base: .pathTooLong)
        /// Somebody else owns the folder.
        public static let unsafePermissions = Code(base: .unsafePermissions)
        /// An instance's name that cannot be a folder's name.
        public static let badName = Code(base: .badName)
        /// The file that was to say where the instance is could not be read.
        public static let configuration = Code(base: .configuration)
        /// The operating system refused.
        public static let io = Code(base: .io)
    }

    public let code: Code
    public let message: String
    /// The process that holds the instance, if the code is `busy` and it wrote its id.
    public let pid: Int32?

    public init(_ code: Code, _ message: String, pid: Int32? = nil) {
        self.code = code
        self.message = message
        self.pid = pid
    }

    public var description: String { self.message }

    /// The process exit code that the contract gives to this refusal.
    public var exitCode: Int32 {
        switch self.code {
        case .busy: 75
        case .unsafePermissions: 77
        case .pathTooLong, .configuration: 78
        case .badName: 64
        default: 1
        }
    }
}

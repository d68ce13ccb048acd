/// Why a fleet could not be started, or not be kept running.
public struct OrchestratorError: Error, Sendable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        fileprivate enum Base { case configuration, busy, unknownAccount, notSupported, io }
        fileprivate let base: Base

        /// The file asks for something that cannot be.
        public static let configuration = Code(base: .configuration)
        /// Another process runs the instance.
        public static let busy = Code(base: .busy)
        /// `--account` names one that the file does not have.
        public static let unknownAccount = Code(base: .unknownAccount)
        /// The file asks for a part of the grammar that this version validates but cannot run.
        public static let notSupported = Code(base: .notSupported)
        /// Files, sockets, the store.
        public static let io = Code(base: .io)
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { self.message }

    /// As in the table of exit codes.
    public var exitCode: Int32 {
        switch self.code.base {
        case .configuration, .notSupported: 78
        case .busy: 75
        case .unknownAccount: 64
        case .io: 1
        }
    }
}

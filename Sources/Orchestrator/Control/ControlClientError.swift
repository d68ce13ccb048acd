/// Why a question to an instance has no answer.
public struct ControlClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind it is; decides the exit code.
    public struct Code: Sendable, Hashable {
        private enum Base: Hashable { case notRunning, noAnswer, refused, noPermission, failed }
        private let base: Base

        /// No socket, or nobody listens on it.
        public static let notRunning = Code(base: .notRunning)
        /// It took the question and did not answer in time.
        public static let noAnswer = Code(base: .noAnswer)
        /// It answered that the question is wrong.
        public static let refused = Code(base: .refused)
        /// The socket belongs to somebody else.
        public static let noPermission = Code(base: .noPermission)
        /// It answered something that makes no sense.
        public static let failed = Code(base: .failed)
    }

    public let code: Code
    public let message: String
    /// What the instance said, if it said why.
    public let refusal: ControlRefusal?

    public init(_ code: Code, _ message: String, refusal: ControlRefusal? = nil) {
        self.code = code
        self.message = message
        self.refusal = refusal
    }

    public var description: String { self.message }

    /// The process exit code that the contract gives to this error.
    public var exitCode: Int32 {
        if let code = self.refusal?.exitCode { return code }
        return switch self.code {
        case .notRunning: 3
        case .noAnswer: 4
        case .refused: 64
        case .noPermission: 77
        default: 1
        }
    }
}

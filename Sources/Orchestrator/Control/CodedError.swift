/// An error that knows the exit code which the contract gives to it, so that it keeps it on its way to a client.
public protocol CodedError: Error {
    /// For people: what, where, why, and what to do.
    var message: String { get }
    /// As in the table of exit codes.
    var exitCode: Int32 { get }
    /// Whether the message is a finished listing, such as a file's diagnostics, that is shown as it is.
    var isListing: Bool { get }
}

extension CodedError {
    public var isListing: Bool { false }
}

extension OrchestratorError: CodedError {}

extension InstanceError: CodedError {}

extension ControlClientError: CodedError {
    public var isListing: Bool { self.refusal?.isListing == true }
}

/// An accounts file that cannot run, with everything that is wrong in it.
public struct InvalidConfiguration: CodedError, Equatable, CustomStringConvertible {
    /// All diagnostics, and a line that counts them.
    public let message: String
    /// 78; 77 if only permissions stand in the way.
    public let exitCode: Int32

    public var isListing: Bool { true }

    public var description: String { self.message }

    /// - Parameters:
    ///   - path: the file, as its user calls it.
    ///   - result: of reading it; one with errors.
    public init(path: String, _ result: ConfigurationResult, color: Bool = false) {
        let summary = DiagnosticRenderer.summary(result.diagnostics)
        self.message = DiagnosticRenderer.text(result.diagnostics, color: color) + "\(path): \(summary)\n"
        self.exitCode = result.exitCode
    }
}

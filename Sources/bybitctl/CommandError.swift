import Orchestrator

/// A command's failure: what to say, and the exit code.
struct CommandError: Error, Equatable, CustomStringConvertible {
    let status: ExitStatus
    /// May have several lines; without the program's name.
    let message: String
    /// The message is a finished text (a compiler-like listing) and is printed as it is.
    let isRendered: Bool

    init(_ status: ExitStatus, _ message: String, isRendered: Bool = false) {
        self.status = status
        self.message = message
        self.isRendered = isRendered
    }

    var description: String { self.message }

    /// What is printed on standard error.
    var text: String {
        if self.isRendered { return self.message.hasSuffix("\n") ? self.message : self.message + "\n" }
        return "bybitctl: " + self.message + "\n"
    }

    /// Any error as a failure with the exit code the contract gives to it.
    init(_ error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as any CodedError:
            self.init(ExitStatus(rawValue: error.exitCode), error.message, isRendered: error.isListing)
        default: self.init(.failed, "\(error)")
        }
    }
}

/// An API key and its secret. Prints as nothing: not in logs, not in errors, not in a debugger's dump.
public struct Credentials: Sendable, Equatable {
    public let apiKey: String
    public let apiSecret: String

    public init(apiKey: String, apiSecret: String) {
        self.apiKey = apiKey
        self.apiSecret = apiSecret
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<credentials>" }
    public var debugDescription: String { "<credentials>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

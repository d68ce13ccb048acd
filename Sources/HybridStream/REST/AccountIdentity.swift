/// Whom a signed request speaks for.
public struct AccountIdentity: Sendable, Equatable {
    /// As in the configuration; appears in logs and errors.
    public let name: String
    public let credentials: Credentials

    public init(name: String, credentials: Credentials) {
        self.name = name
        self.credentials = credentials
    }
}

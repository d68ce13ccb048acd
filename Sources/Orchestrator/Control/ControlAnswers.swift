/// The answer to `GET /v1/version`.
public struct InstanceVersion: Sendable, Equatable, Codable {
    public var version: String
    public var instance: String
    public var pid: Int32

    public init(version: String, instance: String, pid: Int32) {
        self.version = version
        self.instance = instance
        self.pid = pid
    }
}

/// What the control socket answers instead of data, with a status from 400 on; or as the last line of an answer that had
/// begun.
public struct ControlRefusal: Sendable, Equatable, Codable {
    /// For people.
    public var error: String
    /// Names that the request gave and nobody has.
    public var unknown: [Unknown]?
    /// The exit code that belongs to it, where the status does not say it.
    public var exitCode: Int32?
    /// True if the text is a finished listing, such as a file's diagnostics.
    public var isListing: Bool?

    public init(error: String, unknown: [Unknown]? = nil, exitCode: Int32? = nil, isListing: Bool? = nil) {
        self.error = error
        self.unknown = unknown
        self.exitCode = exitCode
        self.isListing = isListing
    }

    /// An error on its way to a client. What knows no exit code is a failure: 1.
    public init(_ error: any Error) {
        if let error = error as? ControlClientError, let refusal = error.refusal {
            self = refusal
            self.exitCode = error.exitCode
        } else if let error = error as? any CodedError {
            self.init(error: error.message, exitCode: error.exitCode, isListing: error.isListing ? true : nil)
        } else {
            self.init(error: "\(error)", exitCode: 1)
        }
    }

    private enum CodingKeys: String, CodingKey {
        case error, unknown
        case exitCode = "exit_code"
        case isListing = "listing"
    }

    public struct Unknown: Sendable, Equatable, Codable {
        public var name: String
        /// What may have been meant, best first.
        public var near: [String]

        public init(name: String, near: [String]) {
            self.name = name
            self.near = near
        }
    }

    /// The refusal for names that do not exist; nil if all do.
    public static func unknownAccounts(asked: [String], existing: [String]) -> ControlRefusal? {
        let known = Set(existing)
        let unknown = asked.filter { !known.contains($0) }
            .map { Unknown(name: $0, near: NearNames.of($0, among: existing)) }
        guard !unknown.isEmpty else { return nil }
        let texts = unknown.map { entry in
            let hint = entry.near.isEmpty ? "" : "; did you mean \(entry.near.joined(separator: ", "))?"
            return "no account is named '\(entry.name)'\(hint)"
        }
        return ControlRefusal(error: texts.joined(separator: "\n"), unknown: unknown)
    }
}

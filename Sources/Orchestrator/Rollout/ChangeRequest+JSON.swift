// Written by hand: what is left out has its default, and a key that nobody knows is an error. A mistyped "force" that is
// passed over would be a change that its author did not ask for.
extension ChangeRequest {
    private enum CodingKeys: String, CodingKey, CaseIterable {
        case command, accounts, all, mode, revision, waves, force, reason, file
        case timeout = "timeout_ms"
    }

    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// Reads a request as it comes over the control socket.
    public init(from decoder: any Decoder) throws {
        let known = CodingKeys.allCases.map(\.rawValue)
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue) {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "unknown key '\(key.stringValue)'; known: \(known.joined(separator: ", "))"
                )
            )
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(try container.decode(Command.self, forKey: .command))
        self.accounts = try container.decodeIfPresent([String].self, forKey: .accounts) ?? self.accounts
        self.isForAll = try container.decodeIfPresent(Bool.self, forKey: .all) ?? self.isForAll
        self.mode = try container.decodeIfPresent(Mode.self, forKey: .mode)
        self.revision = try container.decodeIfPresent(Int.self, forKey: .revision)
        self.isInWaves = try container.decodeIfPresent(Bool.self, forKey: .waves) ?? self.isInWaves
        self.isForced = try container.decodeIfPresent(Bool.self, forKey: .force) ?? self.isForced
        self.reason = try container.decodeIfPresent(String.self, forKey: .reason) ?? self.reason
        self.file = try container.decodeIfPresent(String.self, forKey: .file)
        self.timeoutMilliseconds =
            try container.decodeIfPresent(Int64.self, forKey: .timeout) ?? self.timeoutMilliseconds
    }

    /// Writes a request as it goes over the control socket.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.command, forKey: .command)
        try container.encode(self.accounts, forKey: .accounts)
        try container.encode(self.isForAll, forKey: .all)
        try container.encodeIfPresent(self.mode, forKey: .mode)
        try container.encodeIfPresent(self.revision, forKey: .revision)
        try container.encode(self.isInWaves, forKey: .waves)
        try container.encode(self.isForced, forKey: .force)
        try container.encode(self.reason, forKey: .reason)
        try container.encodeIfPresent(self.file, forKey: .file)
        try container.encode(self.timeoutMilliseconds, forKey: .timeout)
    }
}

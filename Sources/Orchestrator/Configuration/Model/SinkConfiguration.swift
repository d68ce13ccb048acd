/// Where an account's events go besides its consumers.
public enum SinkConfiguration: Sendable, Equatable {
    case jsonl(JSONLSinkConfiguration)
    case exec(ExecSinkConfiguration)
    case socket(SocketSinkConfiguration)

    /// About how many bytes its texts take.
    var textSize: Int {
        switch self {
        case .jsonl(let sink): sink.path.utf8.count
        case .exec(let sink): sink.command.reduce(0) { $0 + $1.utf8.count + MemoryLayout<String>.size }
        case .socket(let sink): sink.path.utf8.count
        }
    }

    func filled(account: String) -> SinkConfiguration {
        switch self {
        case .jsonl(var sink):
            sink.path = Placeholders.fill(sink.path, account: account)
            return .jsonl(sink)
        case .exec(var sink):
            // Without a placeholder all accounts share one list.
            if sink.command.contains(where: { $0.utf8.contains(UInt8(ascii: "{")) }) {
                sink.command = sink.command.map { Placeholders.fill($0, account: account) }
            }
            return .exec(sink)
        case .socket(var sink):
            sink.path = Placeholders.fill(sink.path, account: account)
            return .socket(sink)
        }
    }
}

/// A file of JSON Lines.
public struct JSONLSinkConfiguration: Sendable, Equatable {
    /// When what was written is forced to the disk.
    public enum FsyncPolicy: String, Sendable, CaseIterable, Codable {
        /// When the operating system thinks fit.
        case never
        /// After each lifecycle event.
        case lifecycle
        /// After each batch of events.
        case always
    }

    /// Absolute, or `-` for the daemon's standard output.
    public var path = ""
    /// Bytes after which a new file is begun.
    public var rotate = 100_000_000
    /// How many old files stay.
    public var keep = 10
    public var fsync = FsyncPolicy.never

    public init() {}
}

/// A supervised child process that reads JSON Lines.
public struct ExecSinkConfiguration: Sendable, Equatable {
    /// Program and arguments, run without a shell. A program with a slash in it is an absolute path.
    public var command: [String] = []
    /// Waits between restarts.
    public var restart = BackoffConfiguration()
    /// From the end of its input until it is killed.
    public var stopTimeout: Duration = .seconds(5)

    public init() {}
}

/// A Unix socket with many readers.
public struct SocketSinkConfiguration: Sendable, Equatable {
    /// Absolute.
    public var path = ""

    public init() {}
}

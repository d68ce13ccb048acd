/// How the daemon itself runs.
public struct RuntimeConfiguration: Sendable, Equatable {
    /// Absolute folder of store and control socket; the instance has a folder of its own inside.
    public var stateDirectory: String
    /// Metrics, health and dashboard; nil if off.
    public var http: HTTPConfiguration? = HTTPConfiguration()
    public var log = LogConfiguration()
    /// Event loops; nil = as many as there are cores.
    public var threads: Int?

    public init(stateDirectory: String) {
        self.stateDirectory = stateDirectory
    }
}

/// The read-only HTTP server.
public struct HTTPConfiguration: Sendable, Equatable {
    public var listen = ListenAddress(host: "127.0.0.1", port: 9_464)

    public init() {}
}

/// Where a server listens.
public struct ListenAddress: Sendable, Equatable {
    /// Name or address, without brackets.
    public var host: String
    /// 0 = any free one.
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

/// What is logged and how.
public struct LogConfiguration: Sendable, Equatable {
    public enum Level: String, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    public enum Format: String, Sendable, CaseIterable {
        /// Text on a terminal, JSON otherwise.
        case auto
        case text
        case json
    }

    public var level = Level.info
    public var format = Format.auto

    public init() {}
}

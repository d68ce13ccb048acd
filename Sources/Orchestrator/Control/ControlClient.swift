import AsyncHTTPClient
import Foundation
import Logging
public import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks a running instance over its control socket.
public struct ControlClient: Sendable {
    /// Bytes of a report, and the health that goes with it.
    public struct Status: Sendable {
        public let bytes: ByteBuffer
        public let health: StatusReport.Health

        /// - Throws: if the bytes are not a report this version understands.
        public func report() throws(ControlClientError) -> StatusReport {
            do {
                return try JSONDecoder().decode(StatusReport.self, from: Data(self.bytes.readableBytesView))
            } catch {
                throw ControlClientError(.failed, "the instance's report cannot be read: \(error)")
            }
        }
    }

    /// A report of two thousand accounts with ten positions each is 6 MB.
    static let longestAnswer = 256 << 20

    private let http: HTTPClient
    private let location: InstanceLocation
    private let timeout: Duration

    /// Runs something with a client and closes its connections afterwards.
    /// - Parameter timeout: how long one answer (of events: its beginning) may take.
    public static func with<Answer: Sendable>(
        _ location: InstanceLocation,
        timeout: Duration = .seconds(5),
        _ body: (ControlClient) async throws -> Answer
    ) async throws -> Answer {
        var configuration = HTTPClient.Configuration()
        // An instance that does not listen is an answer; the library would go on trying.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .nanoseconds(timeout.nanosecondsForTimer)
        let http = HTTPClient(
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton),
            configuration: configuration
        )
        let client = ControlClient(http: http, location: location, timeout: timeout)
        do {
            let answer = try await body(client)
            try await http.shutdown()
            return answer
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    /// - Parameter accounts: only these; empty means all.
    public func status(includePositions: Bool, accounts: [String]) async throws -> Status {
        let uri = ControlQuery.Status(includePositions: includePositions, accounts: accounts).uri
        let (headers, bytes) = try await self.get(uri)
        guard let health = headers.first(name: ControlRoutes.healthHeader).flatMap(StatusReport.Health.init(rawValue:))
        else {
            throw ControlClientError(.failed, "the instance's answer does not say its health")
        }
        return Status(bytes: bytes, health: health)
    }

    public func version() async throws -> InstanceVersion {
        let (_, bytes) = try await self.get("/v1/version")
        do {
            return try JSONDecoder().decode(InstanceVersion.self, from: Data(bytes.readableBytesView))
        } catch {
            throw ControlClientError(.failed, "the instance's version cannot be read: \(error)")
        }
    }

    /// Follows events; chunks hold any number of bytes, not whole lines.
    /// - Parameter receive: returns false to end.
    /// - Returns: true if the instance ended the stream, false if `receive` did.
    public func events(_ filter: FollowRequest, _ receive: (ByteBuffer) async throws -> Bool) async throws -> Bool {
        let response = try await self.open(ControlQuery.uri(for: filter))
        do {
            for try await chunk in response.body {
                guard try await receive(chunk) else { return false }
            }
            return true
        } catch let error as HTTPParserError {
            throw ControlClientError(.notRunning, "the instance broke off the stream of events (\(error))")
        } catch let error as HTTPClientError {
            throw ControlClientError(.notRunning, "the instance broke off the stream of events (\(error))")
        }
    }

    func get(_ uri: String) async throws -> (HTTPHeaders, ByteBuffer) {
        try await self.inTime(self.timeout) {
            let response = try await self.open(uri)
            return (response.headers, try await response.body.collect(upTo: ControlClient.longestAnswer))
        }
    }

    /// Returns when the head of a good answer is there.
    /// - Parameters:
    ///   - posting: a body of JSON, which makes it a POST.
    ///   - within: how long the head may take; nil means this client's own time.
    func open(_ uri: String, posting: ByteBuffer? = nil, within: Duration? = nil) async throws -> HTTPClientResponse {
        guard let url = URL(httpURLWithSocketPath: self.location.controlSocket, uri: uri) else {
            throw ControlClientError(.failed, "\(self.location.controlSocket) cannot be written as an address")
        }
        var described = HTTPClientRequest(url: url.absoluteString)
        if let posting {
            described.method = .POST
            described.headers.add(name: "content-type", value: "application/json")
            described.body = .bytes(posting)
        }
        let request = described
        return try await self.inTime(within ?? self.timeout) {
            let response: HTTPClientResponse
            do {
                response = try await self.http.execute(request, deadline: .distantFuture)
            } catch {
                throw self.translate(error)
            }
            guard response.status == .ok else {
                throw try await ControlClient.refusal(response)
            }
            return response
        }
    }

    private static func refusal(_ response: HTTPClientResponse) async throws -> ControlClientError {
        let bytes = try await response.body.collect(upTo: 1 << 20)
        let isOurs = (400..<500).contains(response.status.code)
        do {
            let refusal = try JSONDecoder().decode(ControlRefusal.self, from: Data(bytes.readableBytesView))
            return ControlClientError(isOurs ? .refused : .failed, refusal.error, refusal: refusal)
        } catch {
            if !isOurs { return ControlClientError(.failed, "the instance answered \(response.status)") }
            return ControlClientError(.failed, "the instance answered \(response.status); is it an older version?")
        }
    }

    private func translate(_ error: any Error) -> any Error {
        if let error = error as? IOError {
            switch error.errnoCode {
            case ENOENT, ECONNREFUSED, ENOTDIR: return self.notRunning
            case EACCES, EPERM:
                return ControlClientError(.noPermission, "no permission to use \(self.location.controlSocket)")
            case ECONNRESET, EPIPE: return ControlClient.brokenOff("\(error)")
            default: break
            }
        }
        if let error = error as? HTTPClientError {
            if error == .connectTimeout { return self.noAnswer(self.timeout) }
            if error == .remoteConnectionClosed { return ControlClient.brokenOff("\(error)") }
        }
        if error is CancellationError { return error }
        return ControlClientError(.failed, "the instance does not answer properly: \(error)")
    }

    private var notRunning: ControlClientError {
        ControlClientError(
            .notRunning,
            "instance '\(self.location.instance)' is not running (nobody listens on \(self.location.controlSocket))"
        )
    }

    private func noAnswer(_ time: Duration) -> ControlClientError {
        ControlClientError(
            .noAnswer,
            "instance '\(self.location.instance)' gave no answer within \(time) (\(self.location.controlSocket))"
        )
    }

    func inTime<Answer: Sendable>(
        _ time: Duration,
        _ operation: @escaping @Sendable () async throws -> Answer
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask { try await operation() }
            group.addTask {
                try await Task.sleep(for: time)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let answer = first else { throw self.noAnswer(time) }
            return answer
        }
    }
}

extension Duration {
    /// Whole nanoseconds, at most a day.
    fileprivate var nanosecondsForTimer: Int64 {
        let day = 86_400 * 1_000_000_000
        let (seconds, attoseconds) = self.components
        return seconds >= 86_400 ? Int64(day) : seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
}

import AsyncHTTPClient
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

/// Carries requests over a shared pool of HTTP connections.
struct HTTPTransport: RESTTransport {
    private let client: HTTPClient
    private let baseURL: String

    /// - Parameters:
    ///   - baseURL: scheme, host and port without a slash at the end.
    ///   - tlsConfiguration: nil for the system's trust roots.
    init(
        baseURL: String,
        maxConnections: Int,
        timeout: Duration,
        tlsConfiguration: TLSConfiguration?,
        eventLoopGroup: any EventLoopGroup
    ) {
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tlsConfiguration,
            // A redirect would carry key and signature to another host.
            redirectConfiguration: .disallow,
            timeout: .init(connect: .nanoseconds(timeout.nanoseconds)),
            connectionPool: .init(idleTimeout: .seconds(60), concurrentHTTP1ConnectionsPerHostSoftLimit: maxConnections)
        )
        // The caller retries, and learns at once why a connection failed.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        // All on one loop: where a request and its connection are on different ones, the client's pool can be told of the
        // end of a connection before it has heard that it was given back, and stops the process.
        self.client = HTTPClient(eventLoopGroup: eventLoopGroup.next(), configuration: configuration)
        self.baseURL = baseURL
    }

    /// - Parameter timeout: for everything from connecting to the last byte of the reply.
    /// - Throws: ``RESTError`` if there is no complete reply.
    func send(
        _ request: RESTRequest,
        headers: [(name: String, value: String)],
        timeout: Duration
    ) async throws(RESTError) -> RESTReply {
        do {
            let outgoing = try HTTPClient.Request(
                url: self.baseURL + request.target,
                method: request.method == .get ? .GET : .POST,
                headers: HTTPHeaders(headers.map { ($0.name, $0.value) }),
                body: request.body.isEmpty ? nil : .string(request.body)
            )
            let task = self.client.execute(
                request: outgoing,
                delegate: ResponseAccumulator(request: outgoing, maxBodySize: RESTReply.maxBodySize),
                deadline: .now() + .nanoseconds(timeout.nanoseconds)
            )
            let response = try await withTaskCancellationHandler {
                try await task.get()
            } onCancel: {
                task.cancel()
            }
            return RESTReply(
                status: Int(response.status.code),
                headers: ReplyHeaders { response.headers.first(name: $0) },
                body: response.body.map { Array($0.readableBytesView) } ?? []
            )
        } catch {
            throw self.describe(error)
        }
    }

    func shutdown() async throws {
        try await self.client.shutdown()
    }

    /// What an error of the HTTP client means. Only fixed texts of it are passed on, never values: those may be headers.
    private func describe(_ error: any Error) -> RESTError {
        switch error {
        case is CancellationError:
            return RESTError(.cancelled, message: "cancelled")
        case let error as HTTPClientError:
            return self.describe(error)
        case let error as NIOConnectionError:
            if error.connectionErrors.contains(where: { $0.error is ChannelError }) {
                return RESTError(.connectTimeout, message: "no connection to \(error.host):\(error.port) in time")
            }
            let reasons =
                [error.dnsAError, error.dnsAAAAError].compactMap { $0.map { "\($0)" } }
                + error.connectionErrors.map { "\($0.error)" }
            return RESTError(
                .connectFailed,
                message: Redaction.clean(
                    "cannot connect to \(error.host):\(error.port) (\(reasons.joined(separator: "; ")))"
                )
            )
        case is ResponseAccumulator.ResponseTooBigError:
            return RESTError(.tooLarge, message: "the reply exceeds \(RESTReply.maxBodySize) bytes")
        case NIOSSLError.uncleanShutdown, NIOSSLError.readInInvalidTLSState, NIOSSLError.writeDuringTLSShutdown,
            NIOSSLError.shutdownFailed:
            return RESTError(.connectionLost, message: "TLS with \(self.baseURL) ended early")
        case let error as NIOSSLError:
            return RESTError(.connectFailed, message: Redaction.clean("TLS with \(self.baseURL) failed (\(error))"))
        case let error as NIOSSLExtraError:
            return RESTError(.connectFailed, message: Redaction.clean("TLS with \(self.baseURL) failed (\(error))"))
        case let error as IOError:
            let reason = Redaction.clean("\(error)")
            // These cannot befall a connection that exists, so nothing has been sent.
            if [ECONNREFUSED, EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE, ENFILE].contains(error.errnoCode) {
                return RESTError(.connectFailed, message: "cannot connect to \(self.baseURL) (\(reason))")
            }
            return RESTError(.connectionLost, message: "the connection to \(self.baseURL) broke (\(reason))")
        case ChannelError.connectTimeout:
            return RESTError(.connectTimeout, message: "no connection to \(self.baseURL) in time")
        case is HTTPParserError:
            return RESTError(.malformed, message: "the reply is not HTTP")
        default:
            return RESTError(.connectionLost, message: "the connection to \(self.baseURL) broke (\(type(of: error)))")
        }
    }

    private func describe(_ error: HTTPClientError) -> RESTError {
        switch error {
        case .cancelled, .requestStreamCancelled:
            RESTError(.cancelled, message: "cancelled")
        case .alreadyShutdown:
            RESTError(.cancelled, message: "the client has been shut down")
        case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
            RESTError(.connectTimeout, message: "no connection to \(self.baseURL) in time")
        case .deadlineExceeded, .readTimeout, .writeTimeout:
            RESTError(.timeout, message: "no complete reply in time")
        case .invalidURL, .emptyHost, .emptyScheme:
            RESTError(.parameter, message: "the REST endpoint is not a usable URL")
        default:
            RESTError(.connectionLost, message: "the connection to \(self.baseURL) broke (\(error.shortDescription))")
        }
    }
}

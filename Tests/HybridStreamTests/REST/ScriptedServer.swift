import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A tiny HTTP server on loopback that answers as a test tells it to, and remembers what it was asked.
final class ScriptedServer: Sendable {
    struct Request: Sendable {
        var method: String
        /// Path and query as they came.
        var target: String
        var headers: [String: String]
        var body: String

        var path: String { String(self.target.split(separator: "?").first ?? "") }
        var query: String { self.target.split(separator: "?", maxSplits: 1).dropFirst().first.map(String.init) ?? "" }
    }

    enum Answer: Sendable {
        case reply(status: Int = 200, headers: [String: String] = [:], body: String)
        /// Nothing, ever.
        case silence
        /// The head and the beginning of the body, then nothing.
        case stall
        /// The connection is closed without an answer.
        case close

        /// A success with this result.
        static func result(_ result: String, time: Int64? = nil, headers: [String: String] = [:]) -> Answer {
            let time = time.map { #","time":\#($0)"# } ?? ""
            return .reply(headers: headers, body: #"{"retCode":0,"retMsg":"OK","result":\#(result)\#(time)}"#)
        }

        static func failure(
            _ retCode: Int,
            _ retMsg: String,
            time: Int64? = nil,
            headers: [String: String] = [:]
        ) -> Answer {
            let time = time.map { #","time":\#($0)"# } ?? ""
            return .reply(headers: headers, body: #"{"retCode":\#(retCode),"retMsg":"\#(retMsg)","result":{}\#(time)}"#)
        }
    }

    private let channel: any Channel
    private let log: Log
    let port: Int

    var requests: [Request] { self.log.requests.withLock { $0 } }
    var count: Int { self.log.requests.withLock { $0.count } }
    var baseURL: String { "http://127.0.0.1:\(self.port)" }

    /// - Parameter script: the answer to a request, which is the n-th (from 0) that came.
    static func start(_ script: @escaping @Sendable (Int, Request) -> Answer) async throws -> ScriptedServer {
        let log = Log()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(log: log, script: script))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ScriptedServer(channel: channel, log: log)
    }

    private init(channel: any Channel, log: Log) {
        self.channel = channel
        self.log = log
        self.port = channel.localAddress?.port ?? 0
    }

    func stop() async throws {
        try await self.channel.close()
    }
}

private final class Log: Sendable {
    let requests = Mutex<[ScriptedServer.Request]>([])
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let log: Log
    private let script: @Sendable (Int, ScriptedServer.Request) -> ScriptedServer.Answer
    private var request = ScriptedServer.Request(method: "", target: "", headers: [:], body: "")

    init(log: Log, script: @escaping @Sendable (Int, ScriptedServer.Request) -> ScriptedServer.Answer) {
        self.log = log
        self.script = script
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            var headers: [String: String] = [:]
            for (name, value) in head.headers { headers[name.lowercased()] = value }
            self.request = .init(method: head.method.rawValue, target: head.uri, headers: headers, body: "")
        case .body(let buffer):
            self.request.body += String(decoding: buffer.readableBytesView, as: UTF8.self)
        case .end:
            let request = self.request
            let index = self.log.requests.withLock { requests in
                requests.append(request)
                return requests.count - 1
            }
            self.answer(self.script(index, request), context: context)
        }
    }

    private func answer(_ answer: ScriptedServer.Answer, context: ChannelHandlerContext) {
        switch answer {
        case .silence:
            break
        case .close:
            context.close(promise: nil)
        case .stall:
            let head = HTTPResponseHead(version: .http1_1, status: .ok, headers: ["Content-Length": "1000"])
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: "{")))), promise: nil)
        case .reply(let status, let headers, let body):
            var fields = HTTPHeaders(headers.map { ($0.key, $0.value) })
            fields.add(name: "Content-Length", value: "\(body.utf8.count)")
            let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields)
            context.write(self.wrapOutboundOut(.head(head)), promise: nil)
            context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
            context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}

import Glibc
import Logging
import NIOCore

/// One TCP connection: HTTP until it upgrades to a WebSocket, or HTTP for ever.
///
/// Protocol only; everything that means something goes to the `ExchangeServer` on the same loop.
final class ConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Mode {
        case http(HTTPRequestParser)
        case webSocket(WebSocketFrameParser, connection: Int)
        case closed
    }

    private let server: ExchangeServer
    private let isControl: Bool
    private let rawEnd: RawEndHandler
    private var mode = Mode.http(HTTPRequestParser())
    private var pending: ByteBuffer?
    private var closeCode: Int?
    private var hasSentClose = false
    private var context: ChannelHandlerContext?
    /// Whether something was written and not flushed.
    private(set) var needsFlush = false
    private var damage = FrameDamage()

    init(server: ExchangeServer, isControl: Bool, rawEnd: RawEndHandler) {
        self.server = server
        self.isControl = isControl
        self.rawEnd = rawEnd
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .webSocket(_, let connection) = self.mode {
            self.server.closed(connection, code: self.closeCode)
        }
        self.mode = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.server.logger?.debug("connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = self.unwrapInboundIn(data)
        if var pending = self.pending {
            pending.writeBuffer(&incoming)
            incoming = pending
            self.pending = nil
        }
        self.consume(&incoming)
        if incoming.readableBytes > 0 { self.pending = incoming }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.flush()
        self.server.inputEnded()
    }

    private func consume(_ buffer: inout ByteBuffer) {
        while buffer.readableBytes > 0 {
            switch self.mode {
            case .http(var parser):
                let step = parser.next(&buffer)
                self.mode = .http(parser)
                switch step {
                case .needMore: return
                case .request(let request): self.handle(request)
                case .invalid(let status):
                    self.reply(status: status, contentType: "text/plain", body: [])
                    self.finish()
                }
            case .webSocket(var parser, let connection):
                let step = parser.next(&buffer)
                self.mode = .webSocket(parser, connection: connection)
                if case .violation(let code) = step {
                    // What follows cannot be told apart into frames any more.
                    buffer.clear()
                    self.end(.close(code))
                    return
                }
                guard self.handle(step, connection: connection) else { return }
            case .closed:
                buffer.clear()
                return
            }
        }
    }

    // MARK: HTTP

    private func handle(_ request: HTTPRequest) {
        if self.isControl {
            let reply = self.server.control(request.method, request.target, request.body)
            let type = reply.isLines ? "application/x-ndjson" : "application/json"
            self.reply(status: reply.status, contentType: type, body: reply.body)
        } else if request.wantsUpgrade, let key = request.webSocketKey {
            self.upgrade(request, key: key)
        } else if let reply = self.server.rest(request) {
            guard reply.delay > 0 else {
                self.send(reply)
                if request.closes { self.finish() }
                return
            }
            guard let context = self.context else { return }
            let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
            context.eventLoop.scheduleTask(in: .milliseconds(reply.delay)) {
                handler.value.send(reply)
                handler.value.flush()
            }
            return
        } else {
            self.end(.reset)
        }
        if request.closes, !request.wantsUpgrade { self.finish() }
    }

    private func send(_ reply: RESTReply) {
        guard !reply.isDropped else {
            self.end(.reset)
            return
        }
        guard let context = self.context else { return }
        var buffer = context.channel.allocator.buffer(capacity: reply.body.count + 420)
        HTTPReplyWriter.write(reply, into: &buffer)
        self.write(buffer)
    }

    private func reply(status: Int, contentType: String, body: [UInt8]) {
        guard let context = self.context else { return }
        var buffer = context.channel.allocator.buffer(capacity: body.count + 200)
        HTTPReplyWriter.write(status: status, contentType: contentType, body: body, into: &buffer)
        self.write(buffer)
    }

    private func upgrade(_ request: HTTPRequest, key: String) {
        switch self.server.upgrade(path: request.path, query: request.query, handler: self) {
        case .accept(let connection):
            self.mode = .webSocket(WebSocketFrameParser(), connection: connection)
            guard let context = self.context else { return }
            var buffer = context.channel.allocator.buffer(capacity: 200)
            HTTPReplyWriter.switchProtocols(key, into: &buffer)
            self.write(buffer)
        case .refuse(let status, let body, let contentType):
            self.reply(status: status, contentType: contentType, body: Array(body.utf8))
            self.finish()
        case .cut: self.end(.reset)
        }
    }

    // MARK: WebSocket

    /// False when nothing more is to be read now.
    private func handle(_ step: WebSocketFrameParser.Step, connection: Int) -> Bool {
        let isMute = self.server.isMute(connection)
        switch step {
        case .needMore, .violation: return false
        case .message(let bytes): self.server.received(bytes, on: connection)
        case .ping(let payload): if !isMute { self.control(WebSocketFrameWriter.pong, payload) }
        case .pong: break
        case .close(let code):
            self.closeCode = code
            guard !isMute else { return true }
            if !self.hasSentClose { self.sendClose(code) }
            self.finish()
        }
        return true
    }

    private func control(_ opcode: UInt8, _ payload: [UInt8]) {
        guard let context = self.context else { return }
        var buffer = context.channel.allocator.buffer(capacity: payload.count + 2)
        WebSocketFrameWriter.write(payload, opcode: opcode, into: &buffer)
        self.write(buffer)
    }

    private func sendClose(_ code: Int?) {
        self.hasSentClose = true
        self.control(WebSocketFrameWriter.close, code.map { [UInt8($0 >> 8 & 255), UInt8($0 & 255)] } ?? [])
    }

    /// Writes one text message, through the faults that act on frames. Unflushed.
    func send(_ bytes: [UInt8], isData: Bool, faults: Faults) {
        let pieces = self.damage.frames(bytes, isData: isData, faults: faults)
        for piece in pieces {
            self.write(piece)
            if pieces.count > 1 { self.flush() }
        }
    }

    /// Writes bytes that are a frame already. Unflushed.
    func write(_ buffer: ByteBuffer) {
        guard let context = self.context else { return }
        self.needsFlush = true
        context.write(self.wrapOutboundOut(buffer), promise: nil)
    }

    func flush() {
        guard self.needsFlush, let context = self.context else { return }
        self.needsFlush = false
        context.flush()
    }

    // MARK: Ends

    /// Closes once what was written is out.
    private func finish() {
        guard let context = self.context else { return }
        self.flush()
        context.close(promise: nil)
    }

    func end(_ manner: CloseManner) {
        switch manner {
        case .reset: self.rawEnd.close(withReset: true)
        case .drop:
            self.flush()
            self.rawEnd.close(withReset: false)
        case .close(let code):
            if !self.hasSentClose { self.sendClose(code) }
            self.flush()
            guard let context = self.context else { return }
            let handler = NIOLoopBound(self, eventLoop: context.eventLoop)
            // Time for the client's answer, whose code goes into the record.
            context.eventLoop.scheduleTask(in: .milliseconds(200)) { handler.value.finish() }
        }
    }
}

/// The very end of the pipeline, below TLS: ends the TCP connection without a word.
final class RawEndHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func close(withReset: Bool) {
        guard let context = self.context else { return }
        if withReset, let provider = context.channel as? any SocketOptionProvider {
            // Lingering for no time turns the close into a reset. On the loop this takes effect at once.
            _ = provider.setSoLinger(linger(l_onoff: 1, l_linger: 0))
        }
        context.close(promise: nil)
    }
}

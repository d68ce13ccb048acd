package import NIOCore

/// What happens on a ``WebSocket``; every call comes on the socket's event loop.
protocol WebSocketDelegate: AnyObject {
    func webSocketOpened(_ socket: WebSocket)
    /// One whole text message. The bytes are valid during the call only.
    func webSocket(_ socket: WebSocket, received text: UnsafeRawBufferPointer)
    /// All messages of one read have been handed over.
    func webSocketReadCompleted(_ socket: WebSocket)
    /// Called exactly once, last.
    func webSocketClosed(_ socket: WebSocket, closure: WebSocketClosure)
}

/// A client's WebSocket on one event loop.
///
/// Handshake and frames are read straight from the channel's bytes by ``WebSocketHandshake`` and
/// ``WebSocketFrameParser``: a frame costs no allocation, frames that share a segment with the answer to the upgrade are
/// not lost, and a refusal's status and body are kept. Confined to its loop.
package final class WebSocket: @unchecked Sendable {
    /// Messages above this are refused with 1009.
    static let maxMessage = 1 << 20

    let eventLoop: any EventLoop
    weak var delegate: (any WebSocketDelegate)?
    private let endpoint: WebSocketEndpoint
    private let handshake: WebSocketHandshake
    private let parser = WebSocketFrameParser(maxPayload: WebSocket.maxMessage)
    private var phase = Phase.connecting
    private var transport: (any WebSocketTransport)?
    /// An incomplete frame or answer.
    private var pending: ByteBuffer?
    /// The message whose continuation frames are still coming.
    private var fragments: ByteBuffer?
    private var lastError: String?
    private var closure: WebSocketClosure?

    private enum Phase {
        case connecting
        case handshaking
        case open
        /// We sent a close frame and wait for the peer's.
        case closing
        case closed
    }

    /// Starts to connect at once.
    init(
        to endpoint: WebSocketEndpoint,
        on eventLoop: any EventLoop,
        connector: WebSocketConnector,
        connectTimeout: Duration,
        delegate: any WebSocketDelegate
    ) {
        self.endpoint = endpoint
        self.eventLoop = eventLoop
        self.delegate = delegate
        var random = SystemRandomNumberGenerator()
        let nonce = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        self.handshake = WebSocketHandshake(host: endpoint.hostHeader, target: endpoint.target, nonce: nonce)
        connector.connect(self, endpoint, eventLoop, connectTimeout)
    }

    package var isClosed: Bool { if case .closed = self.phase { true } else { false } }

    /// Sends one text message; dropped silently unless the socket is open.
    func send(_ text: String) {
        guard case .open = self.phase else { return }
        var payload = text
        payload.withUTF8 { self.write(.text, UnsafeRawBufferPointer($0)) }
    }

    /// Closes in an orderly way: close frame, then the connection once the peer has answered or two seconds have passed.
    func close(code: UInt16, reason: String) {
        guard case .open = self.phase else {
            self.abort(reason)
            return
        }
        self.closure = WebSocketClosure(.closedByUs, reason)
        self.phase = .closing
        let payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
        payload.withUnsafeBytes { self.write(.close, $0) }
        self.eventLoop.scheduleTask(in: .seconds(2)) { self.abort(reason) }
    }

    /// Drops the connection without a word to the peer.
    func abort(_ reason: String) {
        self.end(self.closure ?? WebSocketClosure(.closedByUs, reason))
    }

    private func end(_ closure: WebSocketClosure) {
        if case .closed = self.phase { return }
        self.phase = .closed
        self.pending = nil
        self.fragments = nil
        self.transport?.close()
        self.transport = nil
        self.delegate?.webSocketClosed(self, closure: closure)
        self.delegate = nil
    }

    private func write(_ opcode: WebSocketFrameParser.Opcode, _ payload: UnsafeRawBufferPointer) {
        guard let transport = self.transport else { return }
        var buffer = ByteBufferAllocator().buffer(capacity: payload.count + 14)
        WebSocketFrameWriter.write(opcode, payload, mask: .random(in: .min ... .max), into: &buffer)
        transport.write(buffer)
    }
}

// What the connection reports.
extension WebSocket {
    package func connected(_ transport: any WebSocketTransport) {
        guard case .connecting = self.phase else { return transport.close() }
        self.transport = transport
        self.phase = .handshaking
        transport.write(ByteBuffer(string: self.handshake.request))
    }

    package func connectFailed(_ reason: String) {
        self.end(WebSocketClosure(.connect, "\(self.endpoint.host):\(self.endpoint.port): \(reason)"))
    }

    package func received(_ received: ByteBuffer) {
        var received = received
        if var pending = self.pending {
            self.pending = nil
            pending.writeBuffer(&received)
            received = pending
        }
        if case .handshaking = self.phase {
            guard self.readAnswer(&received, ended: false) else { return }
        }
        self.readFrames(&received)
        if case .closed = self.phase { return }
        if received.readableBytes > 0 {
            // A slice would keep the whole read buffer alive.
            self.pending = received.readableBytes == received.capacity ? received : ByteBuffer(buffer: received)
        }
    }

    package func readCompleted() {
        self.delegate?.webSocketReadCompleted(self)
    }

    package func disconnected() {
        if case .handshaking = self.phase {
            var rest = self.pending ?? ByteBuffer()
            _ = self.readAnswer(&rest, ended: true)
        }
        let text = self.lastError ?? "the connection was lost"
        self.end(self.closure ?? WebSocketClosure(.reset, text))
    }

    /// The connection broke; its end follows.
    package func failed(_ reason: String) {
        self.lastError = reason
        if case .handshaking = self.phase { self.connectFailed(reason) } else { self.transport?.close() }
    }

    /// True once upgraded; `bytes` then begins with the first frame.
    private func readAnswer(_ bytes: inout ByteBuffer, ended: Bool) -> Bool {
        switch bytes.withUnsafeReadableBytes({ self.handshake.read($0, ended: ended) }) {
        case .incomplete:
            self.pending = bytes
            return false
        case .upgraded(let headEnd):
            bytes.moveReaderIndex(forwardBy: headEnd)
            self.phase = .open
            self.delegate?.webSocketOpened(self)
            return true
        case .refused(let status, let reason, let body):
            let tail = body.isEmpty ? "" : ": \(body)"
            self.end(WebSocketClosure(.refused(status: status), "upgrade refused with \(status) \(reason)\(tail)"))
            return false
        case .invalid(let text):
            let kind: WebSocketClosure.Kind = ended ? .reset : .violation
            self.end(WebSocketClosure(kind, "upgrade failed: \(self.lastError ?? text)"))
            return false
        }
    }

    private func readFrames(_ bytes: inout ByteBuffer) {
        let consumed = bytes.withUnsafeReadableBytes { raw -> Int in
            var at = 0
            do {
                while let frame = try self.parser.next(in: raw, from: at) {
                    at = frame.end
                    self.handle(frame, UnsafeRawBufferPointer(rebasing: raw[frame.payloadStart..<frame.end]))
                    switch self.phase {
                    case .open, .closing: continue
                    default: return at
                    }
                }
            } catch WebSocketFrameParser.Violation.tooLong(let length) {
                self.fail(1009, "protocol violation: a frame of \(length) bytes, above \(Self.maxMessage)")
            } catch {
                self.fail(1002, "protocol violation: \(error)")
            }
            return at
        }
        bytes.moveReaderIndex(forwardBy: consumed)
    }

    private func handle(_ frame: WebSocketFrameParser.Frame, _ payload: UnsafeRawBufferPointer) {
        switch frame.opcode {
        case .text:
            if self.fragments != nil { return self.fail(1002, "protocol violation: a message inside a message") }
            if frame.isFinal {
                self.delegate?.webSocket(self, received: payload)
            } else {
                self.fragments = ByteBuffer(bytes: payload)
            }
        case .continuation:
            guard var message = self.fragments else {
                return self.fail(1002, "protocol violation: a continuation of nothing")
            }
            self.fragments = nil
            if message.readableBytes + payload.count > Self.maxMessage {
                return self.fail(1009, "protocol violation: a message above \(Self.maxMessage) bytes")
            }
            message.writeBytes(payload)
            if frame.isFinal {
                message.withUnsafeReadableBytes { self.delegate?.webSocket(self, received: $0) }
            } else {
                self.fragments = message
            }
        case .binary:
            // The exchange sends text only; what it might mean is unknown, so it is not guessed at.
            break
        case .ping: self.write(.pong, payload)
        case .pong: break
        case .close: self.closedByPeer(payload)
        }
    }

    private func closedByPeer(_ payload: UnsafeRawBufferPointer) {
        if case .closing = self.phase { return self.abort("closed") }
        let code = payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 1005
        let text = payload.count > 2 ? String(decoding: payload[2...].prefix(123), as: UTF8.self) : ""
        self.write(.close, UnsafeRawBufferPointer(rebasing: payload.prefix(2)))
        let words = "closed by the exchange with code \(code)\(text.isEmpty ? "" : ": \(text)")"
        self.end(WebSocketClosure(.closedByPeer(code: code), words))
    }

    private func fail(_ code: UInt16, _ text: String) {
        let payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
        payload.withUnsafeBytes { self.write(.close, $0) }
        self.end(WebSocketClosure(.violation, text))
    }
}

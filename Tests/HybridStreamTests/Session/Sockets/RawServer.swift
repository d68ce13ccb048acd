import Foundation
import NIOCore
import NIOPosix
import Synchronization

@testable import HybridStream

/// A server that says exactly the bytes it is told to, whatever the client says.
final class RawServer: Sendable {
    /// What to send once the request's head is complete; `nil` in a step closes the connection.
    typealias Script = @Sendable (_ accept: String) -> [[UInt8]?]

    private let channel: any Channel
    private let received = Mutex<[UInt8]>([])
    private let ended = Mutex(false)
    let port: Int

    init(_ script: @escaping Script) async throws {
        final class Box: Sendable { let server = Mutex<RawServer?>(nil) }
        let box = Box()
        self.channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Handler(script: script) { bytes in box.server.withLock { $0 }?.took(bytes) }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.port = self.channel.localAddress?.port ?? 0
        box.server.withLock { $0 = self }
    }

    func stop() async throws { try await self.channel.close() }

    private func took(_ bytes: [UInt8]?) {
        if let bytes { self.received.withLock { $0 += bytes } } else { self.ended.withLock { $0 = true } }
    }

    var isEnded: Bool { self.ended.withLock { $0 } }

    /// The client's frames after its request, unmasked: `opcode payload`.
    var frames: [String] {
        let bytes = self.received.withLock { $0 }
        var at = (bytes.indices.first { bytes[$0...].starts(with: [13, 10, 13, 10]) } ?? bytes.count) + 4
        var found: [String] = []
        while at + 6 <= bytes.count {
            var count = Int(bytes[at + 1] & 0x7F)
            guard bytes[at + 1] & 0x80 != 0 else { return found + ["not masked"] }
            var head = 2
            if count == 126 {
                count = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
                head = 4
            }
            guard at + head + 4 + count <= bytes.count else { break }
            let mask = bytes[(at + head)..<(at + head + 4)]
            let payload = (0..<count).map { bytes[at + head + 4 + $0] ^ mask[at + head + $0 % 4] }
            let opcode = bytes[at] & 0x0F
            let text =
                opcode == 8 && count >= 2
                ? "\(Int(payload[0]) << 8 | Int(payload[1]))" : String(decoding: payload, as: UTF8.self)
            found.append("\(opcode) \(text)")
            at += head + 4 + count
        }
        return found
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let script: Script
        private let took: ([UInt8]?) -> Void
        private var head: [UInt8]? = []

        init(script: @escaping Script, took: @escaping ([UInt8]?) -> Void) {
            self.script = script
            self.took = took
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(self.unwrapInboundIn(data).readableBytesView)
            self.took(bytes)
            guard var head = self.head else { return }
            head += bytes
            self.head = head
            let text = String(decoding: head, as: UTF8.self)
            guard text.contains("\r\n\r\n") else { return }
            self.head = nil
            let key =
                text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("Sec-WebSocket-Key: ") }?.dropFirst(19)
                ?? ""
            let nonce = Array(Data(base64Encoded: String(key)) ?? Data())
            let accept = WebSocketHandshake(host: "", target: "", nonce: nonce).acceptKey ?? ""
            for step in self.script(accept) {
                guard let step else { return context.close(promise: nil) }
                context.writeAndFlush(NIOAny(ByteBuffer(bytes: step)), promise: nil)
            }
        }

        func channelInactive(context: ChannelHandlerContext) { self.took(nil) }
    }
}

/// Collects what a socket reports.
final class SocketLog: WebSocketDelegate, @unchecked Sendable {
    enum Event: Sendable, Equatable {
        case opened
        case text(String)
        case closed(WebSocketClosure.Kind, String)
    }

    let events: AsyncStream<Event>
    private let sink: AsyncStream<Event>.Continuation
    var onOpened: ((WebSocket) -> Void)?

    init() { (self.events, self.sink) = AsyncStream.makeStream() }

    func webSocketOpened(_ socket: WebSocket) {
        self.sink.yield(.opened)
        self.onOpened?(socket)
    }
    func webSocket(_ socket: WebSocket, received text: UnsafeRawBufferPointer) {
        self.sink.yield(.text(String(decoding: text, as: UTF8.self)))
    }
    func webSocketReadCompleted(_ socket: WebSocket) {}
    func webSocketClosed(_ socket: WebSocket, closure: WebSocketClosure) {
        self.sink.yield(.closed(closure.kind, closure.text))
        self.sink.finish()
    }
}

import NIOCore
import NIOPosix

/// A small WebSocket client of the tests' own: text in, text out, close codes, nothing else.
actor TestWebSocket {
    private let channel: any Channel
    private let events: AsyncStream<Event>
    private var iterator: AsyncStream<Event>.Iterator

    enum Event: Sendable, Equatable {
        case head(String)
        case text(String)
        case binaryOrBroken
        case closeFrame(Int)
        case pong(String)
        case ended
    }

    private init(channel: any Channel, events: AsyncStream<Event>) {
        self.channel = channel
        self.events = events
        self.iterator = events.makeAsyncIterator()
    }

    /// Connects and upgrades; the first event is the response head.
    static func connect(port: Int, path: String) async throws -> TestWebSocket {
        let (stream, continuation) = AsyncStream<Event>.makeStream()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ClientHandler(events: continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .get()
        let request =
            "GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        try await channel.writeAndFlush(ByteBuffer(string: request))
        return TestWebSocket(channel: channel, events: stream)
    }

    func next() async -> Event {
        // The iterator is taken out while it waits: an actor may be entered in between.
        var iterator = self.iterator
        let event = await iterator.next(isolation: self) ?? .ended
        self.iterator = iterator
        return event
    }

    /// The next text message that contains `part`.
    func text(containing part: String) async -> String? {
        while true {
            switch await self.next() {
            case .text(let text) where text.contains(part): return text
            case .ended: return nil
            default: continue
            }
        }
    }

    func send(_ text: String, opcode: UInt8 = 1) async throws {
        try await self.channel.writeAndFlush(Self.frame(Array(text.utf8), opcode: opcode))
    }

    func sendRaw(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    func close() async throws {
        try await self.channel.close()
    }

    static func frame(_ payload: [UInt8], opcode: UInt8, isFinal: Bool = true) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger((isFinal ? 0x80 : 0) | opcode)
        if payload.count < 126 {
            buffer.writeInteger(UInt8(0x80 | payload.count))
        } else {
            buffer.writeInteger(UInt8(0x80 | 126))
            buffer.writeInteger(UInt16(payload.count))
        }
        let mask: [UInt8] = [1, 2, 3, 4]
        buffer.writeBytes(mask)
        buffer.writeBytes(payload.enumerated().map { $1 ^ mask[$0 & 3] })
        return buffer
    }
}

/// Takes apart what the server sends.
private final class ClientHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let events: AsyncStream<TestWebSocket.Event>.Continuation
    private var pending = ByteBuffer()
    private var isUpgraded = false
    private var fragments: [UInt8] = []

    init(events: AsyncStream<TestWebSocket.Event>.Continuation) {
        self.events = events
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        self.pending.writeBuffer(&buffer)
        if !self.isUpgraded {
            let text = String(buffer: self.pending)
            guard let end = text.firstRange(of: "\r\n\r\n") else { return }
            let head = String(text[..<end.lowerBound])
            self.pending.moveReaderIndex(forwardBy: head.utf8.count + 4)
            self.isUpgraded = true
            self.events.yield(.head(head))
        }
        while self.parse() {}
    }

    private func parse() -> Bool {
        let start = self.pending.readerIndex
        guard let first = self.pending.getInteger(at: start, as: UInt8.self),
            let second = self.pending.getInteger(at: start + 1, as: UInt8.self)
        else { return false }
        var header = 2
        var length = Int(second)
        if second == 126 {
            guard let long = self.pending.getInteger(at: start + 2, as: UInt16.self) else { return false }
            length = Int(long)
            header = 4
        }
        guard self.pending.readableBytes >= header + length else { return false }
        self.pending.moveReaderIndex(forwardBy: header)
        let payload = self.pending.readBytes(length: length) ?? []
        switch first & 15 {
        case 0, 1:
            self.fragments += payload
            guard first & 0x80 != 0 else { return true }
            let text = String(validating: self.fragments, as: UTF8.self)
            self.events.yield(text.map { .text($0) } ?? .binaryOrBroken)
            self.fragments = []
        case 8: self.events.yield(.closeFrame(payload.count > 1 ? Int(payload[0]) << 8 | Int(payload[1]) : 0))
        case 10: self.events.yield(.pong(String(decoding: payload, as: UTF8.self)))
        default: self.events.yield(.binaryOrBroken)
        }
        return true
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.events.yield(.ended)
        self.events.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

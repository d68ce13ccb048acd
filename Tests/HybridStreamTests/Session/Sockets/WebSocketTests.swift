import NIOCore
import NIOPosix
import Testing

@testable import HybridStream

@Suite("WebSocket over real sockets", .timeLimit(.minutes(1)))
struct WebSocketTests {
    typealias Event = SocketLog.Event

    static func switching(_ accept: String) -> [UInt8] {
        Array(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(accept)\r\n\r\n"
                .utf8
        )
    }
    static func text(_ text: String, final: Bool = true) -> [UInt8] {
        WebSocketCodecTests.frame(1, Array(text.utf8), final: final)
    }
    static func closing(_ code: Int, _ reason: String = "") -> [UInt8] {
        WebSocketCodecTests.frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
    }

    /// Runs a client against a script until it is closed. Returns its events and what the server got.
    static func run(
        _ script: @escaping RawServer.Script,
        onOpened: ((WebSocket) -> Void)? = nil,
        awaiting frames: Int = 0
    ) async throws -> (events: [Event], frames: [String]) {
        let server = try await RawServer(script)
        let log = SocketLog()
        log.onOpened = onOpened
        let endpoint = try #require(WebSocketEndpoint("ws://127.0.0.1:\(server.port)/v5"))
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let socket = try await loop.submit {
            WebSocket(to: endpoint, on: loop, connector: .tcp(tls: nil), connectTimeout: .seconds(5), delegate: log)
        }.get()
        var events: [Event] = []
        for await event in log.events { events.append(event) }
        while server.frames.count < frames || !server.isEnded { try await Task.sleep(for: .milliseconds(2)) }
        try await server.stop()
        withExtendedLifetime(socket) {}
        return (events, server.frames)
    }

    @Test("frames in the same write as the answer to the upgrade are not lost")
    func together() async throws {
        let result = try await Self.run {
            [Self.switching($0) + Self.text("a") + Self.text("b") + Self.closing(1000, "bye")]
        }
        #expect(
            result.events == [
                .opened, .text("a"), .text("b"),
                .closed(.closedByPeer(code: 1000), "closed by the exchange with code 1000: bye"),
            ]
        )
        #expect(result.frames == ["8 1000"])
    }

    @Test("cut at every byte")
    func split() async throws {
        let result = try await Self.run { accept in
            (Self.switching(accept) + Self.text("hello") + Self.closing(1001)).map { [$0] }
        }
        #expect(
            result.events == [
                .opened, .text("hello"), .closed(.closedByPeer(code: 1001), "closed by the exchange with code 1001"),
            ]
        )
    }

    @Test("fragments are joined; a ping in between is answered with its payload")
    func fragments() async throws {
        let result = try await Self.run { accept in
            [
                Self.switching(accept), Self.text("one ", final: false), WebSocketCodecTests.frame(9, Array("p1".utf8)),
                WebSocketCodecTests.frame(0, Array("two ".utf8), final: false), WebSocketCodecTests.frame(10, []),
                WebSocketCodecTests.frame(0, []), Self.text(""), WebSocketCodecTests.frame(2, [1, 2, 3]),
                Self.closing(1000),
            ]
        }
        #expect(result.events.dropLast() == [.opened, .text("one two "), .text("")])
        #expect(result.frames == ["10 p1", "8 1000"])
    }

    @Test("a whole MiB is read, one byte more is refused with 1009, in one frame or in many", arguments: [false, true])
    func size(_ inFragments: Bool) async throws {
        let full = String(repeating: "x", count: WebSocket.maxMessage)
        let good = try await Self.run { [Self.switching($0), Self.text(full), Self.closing(1000)] }
        #expect(good.events.contains(.text(full)))
        let bad = try await Self.run { accept in
            inFragments
                ? [Self.switching(accept), Self.text(full, final: false), WebSocketCodecTests.frame(0, [0x61])]
                : [Self.switching(accept), Self.text(full + "x")]
        }
        guard case .closed(.violation, _) = bad.events.last else {
            Issue.record("\(bad.events)")
            return
        }
        #expect(bad.frames == ["8 1009"])
    }

    @Test(
        "what breaks the protocol is closed with 1002",
        arguments: [
            [0xC1, 0x00], [0x83, 0x00], [0x81, 0x80, 0, 0, 0, 0], [0x80, 0x00], [0x01, 0x01, 0x61, 0x81, 0x01, 0x62],
            [0x09, 0x00],
        ] as [[UInt8]]
    )
    func violations(_ bytes: [UInt8]) async throws {
        let result = try await Self.run { [Self.switching($0), bytes] }
        guard case .closed(.violation, let text) = result.events.last else {
            Issue.record("\(result.events)")
            return
        }
        #expect(text.hasPrefix("protocol violation"))
        #expect(result.frames == ["8 1002"])
    }

    @Test("a connection that just ends")
    func reset() async throws {
        let result = try await Self.run { [Self.switching($0) + Self.text("a"), nil] }
        #expect(result.events.dropLast() == [.opened, .text("a")])
        guard case .closed(.reset, _) = result.events.last else {
            Issue.record("\(result.events)")
            return
        }
    }

    @Test("a refusal keeps its status and body")
    func refused() async throws {
        let result = try await Self.run { _ in
            [Array("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 12\r\n\r\n<h1>".utf8), Array("502</h1>".utf8), nil]
        }
        #expect(result.events == [.closed(.refused(status: 502), "upgrade refused with 502 Bad Gateway: <h1>502</h1>")])
        let cut = try await Self.run { _ in [Array("HTTP/1.1 101".utf8), nil] }
        #expect(cut.events == [.closed(.reset, "upgrade failed: closed in the middle of its answer")])
        let wrong = try await Self.run { _ in [Self.switching("AAAA") + Self.text("a")] }
        #expect(wrong.events == [.closed(.violation, "upgrade failed: 101 with a wrong Sec-WebSocket-Accept")])
    }

    @Test("nobody listens")
    func nobody() async throws {
        let server = try await RawServer { _ in [] }
        try await server.stop()
        let log = SocketLog()
        let endpoint = try #require(WebSocketEndpoint("ws://127.0.0.1:\(server.port)/"))
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let socket = try await loop.submit {
            WebSocket(to: endpoint, on: loop, connector: .tcp(tls: nil), connectTimeout: .seconds(5), delegate: log)
        }.get()
        var events: [Event] = []
        for await event in log.events { events.append(event) }
        withExtendedLifetime(socket) {}
        guard case .closed(.connect, let text) = events.last, events.count == 1 else {
            Issue.record("\(events)")
            return
        }
        #expect(text.contains("127.0.0.1:\(server.port)"))
    }

    /// As without a route or without descriptors: the system refuses before anything is sent.
    @Test("a connection that fails at once tells it when its maker has it in hand")
    func failsAtOnce() async throws {
        let log = SocketLog()
        let endpoint = try #require(WebSocketEndpoint("ws://255.255.255.255:80/"))
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let (socket, isClosed) = try await loop.submit {
            let socket = WebSocket(
                to: endpoint,
                on: loop,
                connector: .tcp(tls: nil),
                connectTimeout: .seconds(5),
                delegate: log
            )
            return (socket, socket.isClosed)
        }.get()
        #expect(!isClosed)
        var events: [Event] = []
        for await event in log.events { events.append(event) }
        withExtendedLifetime(socket) {}
        guard case .closed(.connect, let text) = events.last, events.count == 1 else {
            Issue.record("\(events)")
            return
        }
        #expect(text.contains("255.255.255.255:80"))
    }

    @Test("a server that never answers is left when told so, and nothing comes after")
    func silent() async throws {
        let server = try await RawServer { _ in [] }
        let log = SocketLog()
        let endpoint = try #require(WebSocketEndpoint("ws://127.0.0.1:\(server.port)/"))
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let socket = try await loop.submit {
            WebSocket(to: endpoint, on: loop, connector: .tcp(tls: nil), connectTimeout: .seconds(5), delegate: log)
        }.get()
        try await loop.submit {
            socket.send("dropped")
            socket.abort("no answer")
            socket.abort("again")
            socket.close(code: 1000, reason: "again")
        }.get()
        var events: [Event] = []
        for await event in log.events { events.append(event) }
        #expect(events == [.closed(.closedByUs, "no answer")])
        try await server.stop()
    }

    @Test("an orderly close: frame, the peer's answer, end")
    func orderly() async throws {
        let result = try await Self.run(
            { [Self.switching($0)] },
            onOpened: { socket in
                socket.send("{\"op\":\"ping\"}")
                socket.send(String(repeating: "y", count: 300))
                socket.close(code: 1000, reason: "shutting down")
                socket.send("too late")
            }
        )
        // The server says nothing: the connection ends after two seconds all the same.
        #expect(result.events == [.opened, .closed(.closedByUs, "shutting down")])
        #expect(result.frames == ["1 {\"op\":\"ping\"}", "1 " + String(repeating: "y", count: 300), "8 1000"])
    }
}

import Testing

@testable import HybridStream

@Suite("WebSocket frames, handshake, endpoint")
struct WebSocketCodecTests {
    typealias Parser = WebSocketFrameParser

    /// A server's frame as bytes.
    static func frame(_ opcode: UInt8, _ payload: [UInt8], final: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = [(final ? 0x80 : 0) | opcode]
        switch payload.count {
        case ..<126: bytes.append(UInt8(payload.count))
        case ..<65536: bytes += [126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: bytes += [127] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
        }
        return bytes + payload
    }

    @Test("every length, cut at every byte of the head", arguments: [0, 1, 125, 126, 65535, 65536, 1 << 20])
    func lengths(_ count: Int) throws {
        let parser = Parser(maxPayload: 1 << 20)
        let bytes = Self.frame(1, Array(repeating: 0x61, count: count))
        let head = bytes.count - count
        try bytes.withUnsafeBytes { raw in
            for cut in Array(0..<min(bytes.count, head + 3)) + [bytes.count - 1] where cut < bytes.count {
                #expect(try parser.next(in: UnsafeRawBufferPointer(rebasing: raw[..<cut]), from: 0) == nil)
            }
            let frame = try parser.next(in: raw, from: 0)
            #expect(frame == Parser.Frame(opcode: .text, isFinal: true, payloadStart: head, payloadCount: count))
        }
    }

    @Test("a stream cut anywhere gives the same frames", arguments: 1...3)
    func splits(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let parser = Parser(maxPayload: 1 << 20)
        var stream: [UInt8] = []
        var expected: [String] = []
        for index in 0..<40 {
            let opcode = random.pick([0, 1, 2, 8, 9, 10] as [UInt8])
            let count = opcode >= 8 ? random.below(126) : random.pick([0, 5, 125, 126, 127, 300])
            let final = opcode >= 8 || random.chance(2)
            stream += Self.frame(opcode, Array(repeating: UInt8(index), count: count), final: final)
            expected.append("\(opcode) \(final) \(count) \(count > 0 ? index : -1)")
        }
        let guarded = GuardedBytes(capacity: 32_768)
        for _ in 0..<20 {
            var shown = 0
            var done = 0
            var found: [String] = []
            while shown < stream.count {
                shown = min(stream.count, shown + 1 + random.below(50))
                try guarded.atEnd(Array(stream[..<shown])) { raw in
                    while let frame = try parser.next(in: raw, from: done) {
                        let mark = frame.payloadCount > 0 ? Int(raw[frame.payloadStart]) : -1
                        found.append("\(frame.opcode.rawValue) \(frame.isFinal) \(frame.payloadCount) \(mark)")
                        done = frame.end
                    }
                }
            }
            #expect(found == expected)
            #expect(done == stream.count)
        }
    }

    @Test(
        "violations are found in the head, before the payload comes",
        arguments: [
            ([0xC1, 0x00], Parser.Violation.reservedBits), ([0x91, 0x00], .reservedBits),
            ([0x83, 0x00], .unknownOpcode(3)),
            ([0x8B, 0x00], .unknownOpcode(11)), ([0x81, 0x80], .maskedByServer), ([0x89, 0x7E], .controlTooLong),
            ([0x09, 0x00], .fragmentedControl), ([0x81, 0x7E, 0x04, 0x01], .tooLong(1025)),
            ([0x81, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .tooLong(.max)),
            ([0x81, 0x7F, 0x80, 0, 0, 0, 0, 0, 0, 0], .tooLong(1 << 63)),
        ] as [([UInt8], Parser.Violation)]
    )
    func violations(_ bytes: [UInt8], _ expected: Parser.Violation) {
        let parser = Parser(maxPayload: 1024)
        bytes.withUnsafeBytes { raw in
            _ = #expect(throws: expected) { try parser.next(in: raw, from: 0) }
        }
    }

    // MARK: Handshake

    static let handshake = WebSocketHandshake(host: "h:1", target: "/v5?x=1", nonce: Array("the sample nonce".utf8))
    static let good =
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\nSEC-WEBSOCKET-ACCEPT:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo= \r\n\r\n"

    @Test("sends RFC 6455's request")
    func request() {
        #expect(
            Self.handshake.request
                == "GET /v5?x=1 HTTP/1.1\r\nHost: h:1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nUser-Agent: bybitctl\r\n\r\n"
        )
        #expect(Self.handshake.acceptKey == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test("takes the answer at its last byte, and leaves what follows")
    func upgraded() {
        let bytes = Array(Self.good.utf8)
        let guarded = GuardedBytes(capacity: 32_768)
        for count in 0..<bytes.count {
            #expect(guarded.atEnd(Array(bytes[..<count])) { Self.handshake.read($0) } == .incomplete)
        }
        #expect(withBytes(Self.good) { Self.handshake.read($0) } == .upgraded(headEnd: bytes.count))
        let more = bytes + Self.frame(1, Array("{}\r\n\r\n".utf8)) + Array(repeating: 0, count: 30_000)
        #expect(guarded.atEnd(more) { Self.handshake.read($0) } == .upgraded(headEnd: bytes.count))
    }

    @Test(
        "says what the server answered instead",
        arguments: [
            (
                "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnope\n",
                .refused(status: 403, reason: "Forbidden", body: "nope ")
            ),
            (
                "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>\r\n<h1>502</h1>",
                .refused(status: 502, reason: "Bad Gateway", body: "<html> <h1>502</h1>")
            ),
            ("HTTP/1.1 429\r\n\r\n", .refused(status: 429, reason: "", body: "")),
            ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", .refused(status: 200, reason: "OK", body: "")),
            ("SSH-2.0-OpenSSH\r\n\r\n", .invalid("not an HTTP answer: SSH-2.0-OpenSSH  ")),
            ("HTTP/1.1 abc\r\n\r\n", .invalid("an HTTP answer without status: HTTP/1.1 abc")),
            (good.replacing("upgrade: WebSocket", with: "upgrade: h2c"), .invalid("101 without Upgrade: websocket")),
            (good.replacing("s3p", with: "S3p"), .invalid("101 with a wrong Sec-WebSocket-Accept")),
            (
                good.replacing("Connection: Upgrade", with: "Sec-WebSocket-Extensions: permessage-deflate"),
                .invalid("101 with an extension nobody offered")
            ),
        ] as [(String, WebSocketHandshake.Answer)]
    )
    func refusals(_ answer: String, _ expected: WebSocketHandshake.Answer) {
        #expect(withBytes(answer) { Self.handshake.read($0) } == expected)
    }

    @Test("waits for a refusal's body, but not for ever or beyond reason")
    func bodies() {
        let head = "HTTP/1.1 403 Forbidden\r\nContent-Length: 10\r\n\r\n"
        func read(_ text: String, ended: Bool = false) -> WebSocketHandshake.Answer {
            withBytes(text) { Self.handshake.read($0, ended: ended) }
        }
        #expect(read(head + "12345") == .incomplete)
        #expect(read(head + "12345", ended: true) == .refused(status: 403, reason: "Forbidden", body: "12345"))
        #expect(read("HTTP/1.1 101", ended: true) == .invalid("closed in the middle of its answer"))
        #expect(read("", ended: true) == .invalid("closed without an answer"))
        #expect(read(String(repeating: "x", count: 20_000)) == .invalid("an answer without end of head in 16384 bytes"))
        let long = "HTTP/1.1 500 E\r\nContent-Length: 99999999999\r\n\r\n" + String(repeating: "é", count: 4000)
        #expect(read(long) == .refused(status: 500, reason: "E", body: String(repeating: "é", count: 200)))
    }

    @Test("what the operator gets to see is one short line, whatever the server sends")
    func excerpts() {
        func refusal(_ reason: String, _ body: String) -> WebSocketHandshake.Answer {
            withBytes("HTTP/1.1 403 \(reason)\r\n\r\n\(body)") { Self.handshake.read($0) }
        }
        #expect(
            refusal("a\u{7F}b\u{9B}31mc", "x\u{202E}y\u{0}\tz\r\n")
                == .refused(status: 403, reason: "ab31mc", body: "xy z ")
        )
        // One character to the eye, thousands of bytes to the log.
        let tower = "e" + String(repeating: "\u{301}", count: 1_500)
        #expect(refusal("No \(tower)", "No \(tower)") == .refused(status: 403, reason: "No ", body: "No "))
        #expect(
            refusal("No", String(repeating: "e\u{301}", count: 400))
                == .refused(status: 403, reason: "No", body: String(repeating: "e\u{301}", count: 100))
        )
    }

    @Test("any bytes are answered", arguments: 1...2)
    func garbage(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let guarded = GuardedBytes(capacity: 4096)
        for _ in 0..<3000 {
            var bytes = Array(Self.good.utf8)
            for _ in 0..<random.below(6) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            bytes = Array(bytes[..<random.below(bytes.count + 1)])
            _ = guarded.atEnd(bytes) { Self.handshake.read($0, ended: random.chance(2)) }
        }
    }

    // MARK: Endpoint

    @Test(
        "reads WebSocket addresses",
        arguments: [
            ("wss://stream.bybit.com/v5/private", "true stream.bybit.com 443 /v5/private stream.bybit.com"),
            ("ws://127.0.0.1:8080", "false 127.0.0.1 8080 / 127.0.0.1:8080"),
            ("ws://h?max_active_time=30s", "false h 80 /?max_active_time=30s h"),
            ("wss://h:80/a?b=c", "true h 80 /a?b=c h:80"), ("ws://[::1]:9/x", "false ::1 9 /x [::1]:9"),
            ("wss://[::1]", "true ::1 443 / [::1]"),
            ("", nil), ("http://h", nil), ("ws://", nil), ("ws:///x", nil), ("ws://:80", nil), ("ws://h:", nil),
            ("ws://h:0", nil),
            ("ws://h:65536", nil), ("ws://h:x", nil), ("ws://a:b:c", nil), ("ws://[::1", nil), ("ws://[::1]x", nil),
            ("ws://[]", nil),
            ("ws://h/a b", nil), ("ws://h/a\r\nX: y", nil),
            // What would end up in the Host header must be a host.
            ("ws://a b/", nil), ("ws://a\r\nX: y/", nil), ("ws://user@h/", nil), ("ws://h#f", nil), ("ws://h:+80", nil),
        ] as [(String, String?)]
    )
    func endpoints(_ url: String, _ expected: String?) {
        let endpoint = WebSocketEndpoint(url)
        #expect(
            endpoint.map { "\($0.isSecure) \($0.host) \($0.port) \($0.target) \($0.hostHeader)" } == expected
        )
    }
}

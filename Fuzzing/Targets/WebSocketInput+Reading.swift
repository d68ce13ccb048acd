@testable import HybridStream

/// Frames by the letter of RFC 6455, from all bytes at once.
struct FrameReading {
    static let maxPayload = 1_024
    private(set) var summary: [String] = []
    private var rest: ArraySlice<UInt8>

    init(_ stream: ArraySlice<UInt8>) {
        self.rest = stream
        do throws(WebSocketFrameParser.Violation) {
            while try self.readFrame() {}
            self.summary.append("\(self.rest.count) left")
        } catch {
            self.summary.append("\(error)")
        }
    }

    private mutating func readFrame() throws(WebSocketFrameParser.Violation) -> Bool {
        var header = self.rest
        guard let first = header.popFirst(), let second = header.popFirst() else { return false }
        let opcode = first & 0x0F
        let isFinal = first & 0x80 != 0
        if first & 0x70 != 0 { throw .reservedBits }
        guard [0, 1, 2, 8, 9, 10].contains(opcode) else { throw .unknownOpcode(opcode) }
        if second & 0x80 != 0 { throw .maskedByServer }
        let short = second & 0x7F
        if opcode >= 8, short > 125 { throw .controlTooLong }
        if opcode >= 8, !isFinal { throw .fragmentedControl }
        let extra = short == 126 ? 2 : short == 127 ? 8 : 0
        guard header.count >= extra else { return false }
        let length = extra == 0 ? UInt64(short) : header.prefix(extra).reduce(0) { $0 << 8 | UInt64($1) }
        header = header.dropFirst(extra)
        // Said as soon as the head is there.
        if length > UInt64(Self.maxPayload) { throw .tooLong(length) }
        guard header.count >= Int(length) else { return false }
        self.summary.append(Self.line(opcode, isFinal, Array(header.prefix(Int(length)))))
        self.rest = header.dropFirst(Int(length))
        return true
    }

    static func line(_ opcode: UInt8, _ isFinal: Bool, _ payload: [UInt8]) -> String {
        "\(opcode) \(isFinal) \(payload.count): \(payload.text)"
    }
}

/// The answer to the upgrade and the frames behind it, from all bytes at once.
struct AnswerReading {
    private(set) var summary = ["invalid"]

    init(_ stream: [UInt8]) {
        let end = Array("\r\n\r\n".utf8)
        let limit = min(stream.count, WebSocketHandshake.maxHead)
        let heads = stride(from: 4, through: limit, by: 1)
        guard let head = heads.first(where: { stream[$0 - 4..<$0].elementsEqual(end) }) else { return }
        let handshake = WebSocketHandshake(host: "h", target: "/", nonce: Array("the sample nonce".utf8))
        let plain = Self.plainAnswer(Array(stream[..<head]))
        switch withExactCopy(stream, { handshake.read($0, ended: true) }) {
        case .incomplete: self.summary = ["incomplete"]
        case .invalid: break
        case .refused(let status, _, _): self.summary = ["refused \(status)"]
        case .upgraded(let headEnd):
            expect(headEnd == head, "frames begin at \(headEnd), the head ends at \(head)")
            self.summary = ["upgraded"]
        }
        expect(plain == nil || self.summary == plain, "\(self.summary) to a head that says \(plain ?? [])")
        if self.summary == ["upgraded"] {
            let key = Array(stream[..<head]).pieces(separatedBy: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            expect(key.count > 1, "upgraded by a foreign key")
            self.summary += FrameReading(stream[head...]).summary
        }
    }

    /// What a head of printable ASCII says; nil for any other.
    private static func plainAnswer(_ head: [UInt8]) -> [String]? {
        let lines = head.dropLast(4).map(\.self).pieces(separatedBy: "\r\n")
        guard lines.allSatisfy({ $0.allSatisfy { (0x20..<0x7F).contains($0) } }), let first = lines.first,
            !first.isEmpty
        else { return nil }
        guard first.starts(with: "HTTP/1.".utf8) else { return ["invalid"] }
        let words = first.split(separator: 0x20)
        guard words.count >= 2, words[1].count == 3, words[1].first != 0x30,
            words[1].allSatisfy({ (0x30...0x39).contains($0) })
        else {
            return nil
        }
        guard words[1].isEqual(to: "101") else { return ["refused \(words[1].text)"] }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let value = line[line.index(after: colon)...].text.split(separator: " ", omittingEmptySubsequences: false)
            let words = value.drop { $0.isEmpty }.reversed().drop { $0.isEmpty }.reversed()
            headers[line[..<colon].text.lowercased()] = words.joined(separator: " ")
        }
        let isRight =
            headers["upgrade"]?.lowercased() == "websocket" && headers["sec-websocket-extensions"] == nil
            && headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        return [isRight ? "upgraded" : "invalid"]
    }
}

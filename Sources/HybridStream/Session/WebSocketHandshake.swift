import CCrypto

/// The client's half of the opening handshake (RFC 6455, section 4), as values.
public struct WebSocketHandshake: Sendable {
    /// What the server answered.
    public enum Answer: Equatable, Sendable {
        /// More bytes are needed.
        case incomplete
        /// Upgraded; frames begin at this place in the bytes shown.
        case upgraded(headEnd: Int)
        /// An HTTP answer other than 101, with the beginning of its body for the operator.
        case refused(status: Int, reason: String, body: String)
        case invalid(String)
    }

    /// A larger answer is not one of a WebSocket server.
    public static let maxHead = 16 * 1024

    private let host: String
    private let target: String
    private let key: String

    /// - Parameters:
    ///   - host: the value of the `Host` header, with the port unless it is the scheme's own.
    ///   - target: path and query.
    ///   - nonce: 16 random bytes.
    public init(host: String, target: String, nonce: [UInt8]) {
        self.host = host
        self.target = target
        self.key = Self.base64(nonce)
    }

    public var request: String {
        """
        GET \(self.target) HTTP/1.1\r
        Host: \(self.host)\r
        Connection: Upgrade\r
        Upgrade: websocket\r
        Sec-WebSocket-Version: 13\r
        Sec-WebSocket-Key: \(self.key)\r
        User-Agent: bybitctl\r
        \r\n
        """
    }

    /// Judges what has been received so far.
    /// - Parameter ended: the server has closed, so that no more will come.
    public func read(_ bytes: UnsafeRawBufferPointer, ended: Bool = false) -> Answer {
        guard let headEnd = Self.headEnd(bytes) else {
            if bytes.count > Self.maxHead { return .invalid("an answer without end of head in \(Self.maxHead) bytes") }
            if ended {
                return .invalid(bytes.isEmpty ? "closed without an answer" : "closed in the middle of its answer")
            }
            return .incomplete
        }
        let head = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<headEnd]), as: UTF8.self)
        // `\r\n` is one Character, so both line ends are handled alike.
        let lines = head.split(whereSeparator: \.isNewline)
        guard let statusLine = lines.first, statusLine.hasPrefix("HTTP/1.") else {
            return .invalid("not an HTTP answer: \(Self.excerpt(head, 60))")
        }
        let words = statusLine.split(separator: " ", maxSplits: 2)
        guard words.count >= 2, let status = Int(words[1]) else {
            return .invalid("an HTTP answer without status: \(Self.excerpt(String(statusLine), 60))")
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...]
            headers[line[..<colon].lowercased()] = Self.trimmed(value)
        }
        guard status == 101 else {
            let body = UnsafeRawBufferPointer(rebasing: bytes[headEnd...])
            let expected = min(headers["content-length"].flatMap(Int.init) ?? 0, 4096)
            if body.count < expected, !ended { return .incomplete }
            let reason = words.count > 2 ? String(words[2]) : ""
            return .refused(
                status: status,
                reason: Self.excerpt(reason, 60),
                body: Self.excerpt(String(decoding: body.prefix(4096), as: UTF8.self), 200)
            )
        }
        guard headers["upgrade"]?.lowercased() == "websocket" else { return .invalid("101 without Upgrade: websocket") }
        guard let expected = self.acceptKey, headers["sec-websocket-accept"] == expected else {
            return .invalid("101 with a wrong Sec-WebSocket-Accept")
        }
        if headers["sec-websocket-extensions"] != nil { return .invalid("101 with an extension nobody offered") }
        return .upgraded(headEnd: headEnd)
    }

    /// What the server must answer: base64(SHA-1(key + GUID)).
    var acceptKey: String? {
        let text = Array((self.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        var digest = [UInt8](repeating: 0, count: 20)
        guard SHA1(text, text.count, &digest) != nil else { return nil }
        return Self.base64(digest)
    }

    private static func headEnd(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 0...(min(bytes.count, Self.maxHead) - 4)
        where bytes[index] == 0x0D && bytes[index + 1] == 0x0A && bytes[index + 2] == 0x0D && bytes[index + 3] == 0x0A {
            return index + 4
        }
        return nil
    }

    private static func trimmed(_ text: Substring) -> String {
        var rest = text.drop { $0 == " " || $0 == "\t" }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }

    /// One printable line of at most so many Unicode scalars; a single character may be made of thousands.
    private static func excerpt(_ text: String, _ limit: Int) -> String {
        var line = ""
        var room = limit
        for character in text {
            if character.isNewline || character == "\t" {
                line.append(" ")
                room -= 1
            } else if !character.unicodeScalars.contains(where: Self.isInvisible) {
                room -= character.unicodeScalars.count
                if room < 0 { break }
                line.append(character)
            }
            if room <= 0 { break }
        }
        return line
    }

    /// Control characters and those that change the direction of what follows.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        // EVP_EncodeBlock ends its output with a NUL that it does not count.
        var text = [UInt8](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        let count = EVP_EncodeBlock(&text, bytes, Int32(bytes.count))
        return String(decoding: text.prefix(Int(count)), as: UTF8.self)
    }
}

import NIOCore

/// One HTTP/1.1 request, with the few headers the exchange looks at.
struct HTTPRequest {
    var method = ""
    var path = ""
    var query = ""
    var body: [UInt8] = []
    var apiKey: String?
    var timestamp: String?
    var receiveWindow: String?
    var signature: String?
    var webSocketKey: String?
    var wantsUpgrade = false
    var closes = false
    fileprivate var contentLength = 0
    fileprivate var isChunked = false

    /// Path and query as they were sent.
    var target: String { self.query.isEmpty ? self.path : "\(self.path)?\(self.query)" }
}

/// Takes requests off a byte buffer, one by one.
struct HTTPRequestParser {
    enum Step {
        case needMore
        case request(HTTPRequest)
        /// The bytes are no request this server takes; the connection is to be closed after this status.
        case invalid(status: Int)
    }

    private static let headLimit = 64 * 1024
    private static let bodyLimit = 1 << 20
    /// A head that was read while its body is still on the way.
    private var head: HTTPRequest?

    mutating func next(_ buffer: inout ByteBuffer) -> Step {
        if self.head == nil {
            guard let length = Self.headLength(buffer) else {
                return buffer.readableBytes > Self.headLimit ? .invalid(status: 431) : .needMore
            }
            guard let slice = buffer.readSlice(length: length),
                let head = slice.withUnsafeReadableBytes({ Self.parse($0) })
            else { return .invalid(status: 400) }
            if head.isChunked { return .invalid(status: 411) }
            if head.contentLength > Self.bodyLimit { return .invalid(status: 413) }
            self.head = head
        }
        guard var request = self.head else { return .needMore }
        guard buffer.readableBytes >= request.contentLength else { return .needMore }
        request.body = buffer.readBytes(length: request.contentLength) ?? []
        self.head = nil
        return .request(request)
    }

    private static func headLength(_ buffer: ByteBuffer) -> Int? {
        buffer.withUnsafeReadableBytes { bytes in
            var position = 3
            while position < bytes.count {
                if bytes[position] == 0x0A, bytes[position - 1] == 0x0D, bytes[position - 2] == 0x0A {
                    return position + 1
                }
                position += 1
            }
            return nil
        }
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> HTTPRequest? {
        var request = HTTPRequest()
        var isFirst = true
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != 0x0D { end += 1 }
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            start = end + 2
            if isFirst {
                isFirst = false
                let words = line.split(separator: UInt8(ascii: " "))
                guard words.count == 3 else { return nil }
                request.method = String(decoding: words[0], as: UTF8.self)
                let target = words[1].split(
                    separator: UInt8(ascii: "?"),
                    maxSplits: 1,
                    omittingEmptySubsequences: false
                )
                request.path = String(decoding: target[0], as: UTF8.self)
                if target.count > 1 { request.query = String(decoding: target[1], as: UTF8.self) }
            } else if !line.isEmpty {
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
                let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
                var from = colon + 1
                while from < line.count, line[from] == 0x20 || line[from] == 0x09 { from += 1 }
                guard self.note(name, UnsafeRawBufferPointer(rebasing: line[from...]), in: &request) else { return nil }
            }
        }
        return isFirst ? nil : request
    }

    private static func note(
        _ name: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer,
        in request: inout HTTPRequest
    )
        -> Bool
    {
        if self.matches(name, "x-bapi-api-key") {
            request.apiKey = String(decoding: value, as: UTF8.self)
        } else if self.matches(name, "x-bapi-timestamp") {
            request.timestamp = String(decoding: value, as: UTF8.self)
        } else if self.matches(name, "x-bapi-recv-window") {
            request.receiveWindow = String(decoding: value, as: UTF8.self)
        } else if self.matches(name, "x-bapi-sign") {
            request.signature = String(decoding: value, as: UTF8.self)
        } else if self.matches(name, "sec-websocket-key") {
            request.webSocketKey = String(decoding: value, as: UTF8.self)
        } else if self.matches(name, "upgrade") {
            request.wantsUpgrade = self.matches(value, "websocket")
        } else if self.matches(name, "connection") {
            request.closes = self.matches(value, "close")
        } else if self.matches(name, "content-length") {
            guard let length = Int(String(decoding: value, as: UTF8.self)), length >= 0 else { return false }
            request.contentLength = length
        } else if self.matches(name, "transfer-encoding") {
            request.isChunked = true
        }
        return true
    }

    /// Compares without regard to case; `text` is lower case.
    private static func matches(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for position in 0..<bytes.count {
            let byte = bytes[position]
            let lower = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            guard lower == text.utf8Start[position] else { return false }
        }
        return true
    }
}

/// Writes replies.
enum HTTPReplyWriter {
    static func reason(_ status: Int) -> String {
        switch status {
        case 101: "Switching Protocols"
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        default: "Status"
        }
    }

    static func write(_ reply: RESTReply, into buffer: inout ByteBuffer) {
        var head = JSONWriter(capacity: 420)
        self.start(&head, status: reply.status, contentType: reply.contentType, length: reply.body.count)
        head.raw("Traceid: ")
        head.plain(reply.trace)
        head.raw("\r\nTimenow: ")
        head.integer(reply.time)
        head.raw("\r\nRet_code: ")
        head.integer(reply.retCode)
        if let limit = reply.limit {
            head.raw("\r\nX-Bapi-Limit: ")
            head.integer(limit.limit)
            head.raw("\r\nX-Bapi-Limit-Status: ")
            head.integer(limit.left)
            if !reply.withoutResetHeader {
                head.raw("\r\nX-Bapi-Limit-Reset-Timestamp: ")
                head.integer(limit.reset)
            }
        }
        head.raw("\r\n\r\n")
        buffer.writeBytes(head.bytes)
        buffer.writeBytes(reply.body)
    }

    static func write(status: Int, contentType: String, body: [UInt8], into buffer: inout ByteBuffer) {
        var head = JSONWriter(capacity: 160)
        self.start(&head, status: status, contentType: contentType, length: body.count)
        head.raw("\r\n")
        buffer.writeBytes(head.bytes)
        buffer.writeBytes(body)
    }

    static func switchProtocols(_ key: String, into buffer: inout ByteBuffer) {
        buffer.writeString(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: \(Digest.webSocketAccept(key))\r\n\r\n"
        )
    }

    private static func start(_ head: inout JSONWriter, status: Int, contentType: String, length: Int) {
        head.raw("HTTP/1.1 ")
        head.integer(status)
        head.raw(" ")
        head.plain(self.reason(status))
        head.raw("\r\nContent-Type: ")
        head.plain(contentType)
        head.raw("\r\nContent-Length: ")
        head.integer(length)
        head.raw("\r\n")
    }
}

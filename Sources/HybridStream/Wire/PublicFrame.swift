/// A text frame of the public socket.
public enum PublicFrame {
    case ticker(TickerFrame)
    case reply(OperationReply)
    /// A topic nobody asked for, or JSON of another shape.
    case other
    /// Not readable.
    case malformed

    public init(_ bytes: UnsafeRawBufferPointer) {
        if let frame = TickerFrame(fast: bytes) {
            self = .ticker(frame)
        } else {
            self.init(unusual: bytes)
        }
    }

    init(unusual bytes: UnsafeRawBufferPointer) {
        if let frame = TickerFrame(tolerant: bytes) {
            self = .ticker(frame)
            return
        }
        guard var reader = JSONReader(bytes) else {
            self = .malformed
            return
        }
        var reply = OperationReply()
        var hasTopic = false
        var brokenTicker = false
        do {
            try reader.forEachMember { key, value in
                if key == "topic" {
                    hasTopic = true
                    brokenTicker = try value.readScalar()?.string.hasPrefix("tickers.") ?? false
                } else {
                    try reply.take(key, from: &value)
                }
            }
            try reader.expectEnd()
        } catch {
            self = .malformed
            return
        }
        if brokenTicker {
            self = .malformed
        } else if hasTopic || reply == OperationReply() {
            self = .other
        } else {
            self = .reply(reply)
        }
    }
}

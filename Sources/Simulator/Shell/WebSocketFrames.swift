import NIOCore

/// Reads frames of a client (RFC 6455) off a byte buffer: masked, possibly fragmented.
struct WebSocketFrameParser {
    enum Step {
        case needMore
        case message([UInt8])
        case ping([UInt8])
        case pong
        case close(code: Int?)
        /// The client broke the protocol; close with this code.
        case violation(code: Int)
    }

    private static let messageLimit = 1 << 20
    private var fragments: [UInt8]?

    mutating func next(_ buffer: inout ByteBuffer) -> Step {
        while true {
            guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self),
                let second = buffer.getInteger(at: buffer.readerIndex + 1, as: UInt8.self)
            else { return .needMore }
            guard first & 0x70 == 0, second & 0x80 != 0 else { return .violation(code: 1002) }
            var header = 2
            var length = Int(second & 0x7F)
            if length == 126 {
                guard let long = buffer.getInteger(at: buffer.readerIndex + 2, as: UInt16.self) else {
                    return .needMore
                }
                length = Int(long)
                header = 4
            } else if length == 127 {
                guard let long = buffer.getInteger(at: buffer.readerIndex + 2, as: UInt64.self) else {
                    return .needMore
                }
                guard long <= UInt64(Self.messageLimit) else { return .violation(code: 1009) }
                length = Int(long)
                header = 10
            }
            guard length <= Self.messageLimit else { return .violation(code: 1009) }
            guard buffer.readableBytes >= header + 4 + length else { return .needMore }
            buffer.moveReaderIndex(forwardBy: header)
            let mask = buffer.readBytes(length: 4) ?? [0, 0, 0, 0]
            var payload = buffer.readBytes(length: length) ?? []
            for position in payload.indices { payload[position] ^= mask[position & 3] }
            if let step = self.take(payload, opcode: first & 0x0F, isFinal: first & 0x80 != 0) { return step }
        }
    }

    /// Nil when the frame only adds to a message.
    private mutating func take(_ payload: [UInt8], opcode: UInt8, isFinal: Bool) -> Step? {
        switch opcode {
        case 0:
            guard let start = self.fragments else { return .violation(code: 1002) }
            guard start.count + payload.count <= Self.messageLimit else { return .violation(code: 1009) }
            self.fragments = isFinal ? nil : start + payload
            return isFinal ? .message(start + payload) : nil
        case 1, 2:
            guard self.fragments == nil else { return .violation(code: 1002) }
            if isFinal { return .message(payload) }
            self.fragments = payload
            return nil
        case 8: return .close(code: payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : nil)
        case 9: return .ping(payload)
        case 10: return .pong
        default: return .violation(code: 1002)
        }
    }
}

/// Writes frames of a server: never masked.
enum WebSocketFrameWriter {
    static let text: UInt8 = 1
    static let close: UInt8 = 8
    static let pong: UInt8 = 10

    static func write(
        _ payload: some Collection<UInt8>,
        opcode: UInt8,
        isFinal: Bool = true,
        into buffer: inout ByteBuffer
    ) {
        let count = payload.count
        buffer.reserveCapacity(minimumWritableBytes: count + 10)
        buffer.writeInteger((isFinal ? 0x80 : 0) | opcode)
        if count < 126 {
            buffer.writeInteger(UInt8(count))
        } else if count < 65_536 {
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(count))
        } else {
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(count))
        }
        buffer.writeBytes(payload)
    }

    /// A text message in fragments of `size` bytes.
    static func writeFragmented(_ payload: [UInt8], size: Int, into buffer: inout ByteBuffer) {
        var start = 0
        repeat {
            let end = min(payload.count, start + size)
            self.write(
                payload[start..<end],
                opcode: start == 0 ? self.text : 0,
                isFinal: end == payload.count,
                into: &buffer
            )
            start = end
        } while start < payload.count
    }
}

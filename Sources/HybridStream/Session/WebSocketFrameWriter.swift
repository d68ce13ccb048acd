import NIOCore

/// Writes one masked client frame (RFC 6455, section 5.3).
enum WebSocketFrameWriter {
    static func write(
        _ opcode: WebSocketFrameParser.Opcode,
        _ payload: UnsafeRawBufferPointer,
        mask: UInt32,
        into buffer: inout ByteBuffer
    ) {
        buffer.writeInteger(0x80 | opcode.rawValue)
        switch payload.count {
        case ..<126:
            buffer.writeInteger(0x80 | UInt8(payload.count))
        case ..<65536:
            buffer.writeInteger(0x80 | 126 as UInt8)
            buffer.writeInteger(UInt16(payload.count))
        default:
            buffer.writeInteger(0x80 | 127 as UInt8)
            buffer.writeInteger(UInt64(payload.count))
        }
        buffer.writeInteger(mask)
        for (index, byte) in payload.enumerated() {
            buffer.writeInteger(byte ^ UInt8(truncatingIfNeeded: mask >> UInt32(24 - 8 * (index & 3))))
        }
    }
}

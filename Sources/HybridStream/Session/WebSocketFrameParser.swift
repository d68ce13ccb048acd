/// Cuts a stream of bytes into WebSocket frames, in place.
///
/// The value keeps no bytes of its own: it is shown what has been received, answers with the next frame's place in it,
/// and is shown the rest again when more has come. Bounds are checked as soon as a header is complete, before waiting
/// for its payload. Source: RFC 6455, section 5.
public struct WebSocketFrameParser: Sendable {
    public enum Opcode: UInt8, Sendable {
        case continuation = 0x0
        case text = 0x1
        case binary = 0x2
        case close = 0x8
        case ping = 0x9
        case pong = 0xA

        public var isControl: Bool { self.rawValue >= 0x8 }
    }

    /// Why a stream cannot be read on; the connection must be closed with 1002 or 1009.
    public enum Violation: Error, Equatable, Sendable {
        case reservedBits
        case unknownOpcode(UInt8)
        case maskedByServer
        case controlTooLong
        case fragmentedControl
        case tooLong(UInt64)
    }

    public struct Frame: Equatable, Sendable {
        public var opcode: Opcode
        public var isFinal: Bool
        /// Where the payload lies in the bytes shown.
        public var payloadStart: Int
        public var payloadCount: Int

        public var end: Int { self.payloadStart &+ self.payloadCount }
    }

    public let maxPayload: Int

    public init(maxPayload: Int) {
        self.maxPayload = maxPayload
    }

    /// The frame that begins at `start`, or nil if it is not complete yet.
    public func next(in bytes: UnsafeRawBufferPointer, from start: Int) throws(Violation) -> Frame? {
        guard start &+ 2 <= bytes.count else { return nil }
        let first = bytes[start]
        let second = bytes[start &+ 1]
        if first & 0x70 != 0 { throw .reservedBits }
        guard let opcode = Opcode(rawValue: first & 0x0F) else { throw .unknownOpcode(first & 0x0F) }
        if second & 0x80 != 0 { throw .maskedByServer }
        let final = first & 0x80 != 0
        var length = Int(second & 0x7F)
        var header = 2
        if opcode.isControl {
            if length > 125 { throw .controlTooLong }
            if !final { throw .fragmentedControl }
        } else if length == 126 {
            guard start &+ 4 <= bytes.count else { return nil }
            length = Int(bytes[start &+ 2]) &<< 8 | Int(bytes[start &+ 3])
            header = 4
        } else if length == 127 {
            guard start &+ 10 <= bytes.count else { return nil }
            var wide: UInt64 = 0
            for index in 2..<10 { wide = wide &<< 8 | UInt64(bytes[start &+ index]) }
            guard wide <= UInt64(self.maxPayload) else { throw .tooLong(wide) }
            length = Int(wide)
            header = 10
        }
        if length > self.maxPayload { throw .tooLong(UInt64(length)) }
        guard start &+ header &+ length <= bytes.count else { return nil }
        return Frame(opcode: opcode, isFinal: final, payloadStart: start &+ header, payloadCount: length)
    }
}

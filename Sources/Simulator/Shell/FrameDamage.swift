import NIOCore

/// Puts text messages into frames, through the faults that act on frames. One per connection.
struct FrameDamage {
    /// Data frames written so far.
    private var count = 0

    /// The pieces in which a message is to be written.
    mutating func frames(_ bytes: [UInt8], isData: Bool, faults: Faults) -> [ByteBuffer] {
        var payload = bytes
        if isData, faults.garbleEvery > 0 {
            self.count += 1
            if self.count % faults.garbleEvery == 0 { payload = Self.garbled(bytes, number: self.count) }
        }
        var buffer = ByteBufferAllocator().buffer(capacity: payload.count + 10)
        if faults.fragmentBytes > 0 {
            WebSocketFrameWriter.writeFragmented(payload, size: faults.fragmentBytes, into: &buffer)
        } else {
            WebSocketFrameWriter.write(payload, opcode: WebSocketFrameWriter.text, into: &buffer)
        }
        guard faults.splitBytes > 0 else { return [buffer] }
        var pieces: [ByteBuffer] = []
        while let piece = buffer.readSlice(length: min(faults.splitBytes, buffer.readableBytes)),
            piece.readableBytes > 0
        {
            pieces.append(piece)
        }
        return pieces
    }

    /// Cut in half, or with bytes in it that are neither JSON nor UTF-8.
    private static func garbled(_ bytes: [UInt8], number: Int) -> [UInt8] {
        guard number % 2 == 0 else { return Array(bytes.prefix(bytes.count / 2)) }
        var damaged = bytes
        for position in bytes.count / 2..<min(bytes.count, bytes.count / 2 + 4) { damaged[position] = 0xFF }
        return damaged
    }
}

import NIOCore

/// Finds whole lines in chunks of a stream.
struct LineSplitter {
    private var pending = ByteBuffer()

    mutating func append(_ chunk: ByteBuffer) {
        self.pending.discardReadBytes()
        self.pending.writeImmutableBuffer(chunk)
    }

    /// The next line without its line feed; nil if there is no whole one yet.
    mutating func next() -> ByteBuffer? {
        let bytes = self.pending.readableBytesView
        guard let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
            let line = self.pending.readSlice(length: end - bytes.startIndex)
        else { return nil }
        self.pending.moveReaderIndex(forwardBy: 1)
        return line
    }
}

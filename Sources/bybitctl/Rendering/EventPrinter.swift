import NIOCore

/// Turns chunks of the event stream into output: whole lines, at most so many, as they are or as a table.
struct EventPrinter {
    private var table: EventTable?
    private var left: Int?
    private var pending = ByteBuffer()

    /// - Parameters:
    ///   - table: nil passes the lines on as they are.
    ///   - limit: how many events at most; nil for no limit.
    init(table: EventTable?, limit: Int?) {
        self.table = table
        self.left = limit
    }

    mutating func heading() -> String {
        self.table?.heading() ?? ""
    }

    /// - Returns: what to print, and whether the limit is reached.
    mutating func take(_ chunk: ByteBuffer) -> (text: ByteBuffer, isDone: Bool) {
        var output = ByteBuffer()
        self.pending.writeImmutableBuffer(chunk)
        while self.left != 0,
            let length = self.pending.readableBytesView.firstIndex(of: UInt8(ascii: "\n")).map({
                $0 - self.pending.readerIndex
            }),
            let line = self.pending.readSlice(length: length)
        {
            self.pending.moveReaderIndex(forwardBy: 1)
            if self.table != nil {
                output.writeString(self.table?.row(line.readableBytesView) ?? "")
            } else {
                output.writeImmutableBuffer(line)
                output.writeInteger(UInt8(ascii: "\n"))
            }
            if let left = self.left { self.left = left - 1 }
        }
        self.pending.discardReadBytes()
        return (output, self.left == 0)
    }
}

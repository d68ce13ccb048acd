/// A text frame of the private socket.
public enum PrivateFrame {
    /// Rows of the `position` topic, in the order of the frame; rows that could not be read apart.
    case positions([Position], refused: [PositionRow.Refusal], creationTime: Int64)
    case reply(OperationReply)
    /// A topic nobody asked for, or JSON of another shape.
    case other
    /// Not readable.
    case malformed

    /// - Parameter category: for rows that do not name theirs.
    public init(_ bytes: UnsafeRawBufferPointer, category: Category) {
        // Text that is not UTF-8 was damaged on its way (RFC 6455, section 8.1), though every token may look well.
        guard Self.isText(bytes), var reader = JSONReader(bytes) else {
            self = .malformed
            return
        }
        var reply = OperationReply()
        var topic = ""
        var creationTime: Int64 = 0
        var rows: [Position] = []
        var refused: [PositionRow.Refusal] = []
        do {
            // `data` usually comes last, but its order is not promised: it is read on a second pass if it came first.
            var early: JSONReader?
            try reader.forEachMember { key, value in
                switch key {
                case "topic": topic = try value.readScalar()?.string ?? ""
                case "creationTime": creationTime = try value.readScalar()?.integer ?? 0
                case "data":
                    early = value
                    try value.skipValue()
                default: try reply.take(key, from: &value)
                }
            }
            try reader.expectEnd()
            if topic == "position" || topic.hasPrefix("position."), var data = early {
                try data.forEachElement { element in
                    switch try PositionRow.read(from: &element, category: category) {
                    case .success(let position): rows.append(position)
                    case .failure(let refusal): refused.append(refusal)
                    }
                }
                self = .positions(rows, refused: refused, creationTime: creationTime)
                return
            }
        } catch {
            self = .malformed
            return
        }
        if !topic.isEmpty || reply == OperationReply() {
            self = .other
        } else {
            self = .reply(reply)
        }
    }

    private static func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.allSatisfy { $0 < 0x80 } || String(validating: bytes, as: UTF8.self) != nil
    }
}

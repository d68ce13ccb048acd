import NIOCore

/// Writes JSON text into a buffer, piece by piece. The caller keeps the grammar; this keeps the escaping.
///
/// A class, so that a key and its value read as one line: `json.raw("\"pid\":").integer(pid)`.
final class ReportWriter {
    private(set) var buffer: ByteBuffer

    init(buffer: ByteBuffer = ByteBuffer()) {
        self.buffer = buffer
    }

    /// Text that is JSON already.
    @discardableResult
    func raw(_ text: StaticString) -> ReportWriter {
        self.buffer.writeStaticString(text)
        return self
    }

    @discardableResult
    func integer(_ value: some BinaryInteger) -> ReportWriter {
        self.buffer.writeString(String(value))
        return self
    }

    @discardableResult
    func integer(_ value: Int64?) -> ReportWriter {
        guard let value else { return self.raw("null") }
        return self.integer(value)
    }

    @discardableResult
    func boolean(_ value: Bool) -> ReportWriter {
        self.raw(value ? "true" : "false")
    }

    /// A number with one decimal; 0.0 for what JSON cannot say.
    @discardableResult
    func tenths(_ value: Double) -> ReportWriter {
        let scaled = (value * 10).rounded()
        guard scaled.isFinite, scaled.magnitude < 1e15 else { return self.raw("0.0") }
        let tenths = Int64(scaled)
        self.buffer.writeString("\(tenths < 0 ? "-" : "")\(tenths.magnitude / 10).\(tenths.magnitude % 10)")
        return self
    }

    @discardableResult
    func string(_ value: String?) -> ReportWriter {
        guard let value else { return self.raw("null") }
        self.raw("\"")
        if value.utf8.contains(where: ReportWriter.needsEscape) {
            self.escape(value)
        } else {
            self.buffer.writeString(value)
        }
        return self.raw("\"")
    }

    @discardableResult
    func array<Element>(_ elements: [Element], _ write: (Element, ReportWriter) -> Void) -> ReportWriter {
        self.raw("[")
        var isFirst = true
        for element in elements {
            if !isFirst { self.raw(",") }
            isFirst = false
            write(element, self)
        }
        return self.raw("]")
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private func escape(_ value: String) {
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""): self.raw("\\\"")
            case UInt8(ascii: "\\"): self.raw("\\\\")
            case UInt8(ascii: "\n"): self.raw("\\n")
            case UInt8(ascii: "\r"): self.raw("\\r")
            case UInt8(ascii: "\t"): self.raw("\\t")
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                self.raw("\\u00")
                if digits.utf8.count == 1 { self.raw("0") }
                self.buffer.writeString(digits)
            default:
                self.buffer.writeInteger(byte)
            }
        }
    }
}

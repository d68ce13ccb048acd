/// A scalar inside a JSON document, not yet turned into anything. Valid as long as the document's buffer.
public struct JSONSlice {
    public enum Kind: Sendable {
        case string
        /// A string with backslashes in it.
        case escapedString
        /// A number, `true`, `false` or `null`.
        case bareword
    }

    /// Without quotes; escapes are still in it.
    public let bytes: UnsafeRawBufferPointer
    public let kind: Kind

    public var isNull: Bool { self.kind == .bareword && self.matches("null") }

    /// Text with escapes resolved; bytes that are not UTF-8 become U+FFFD. `null` is `""`.
    public var string: String {
        if self.isNull { return "" }
        if self.kind != .escapedString { return String(decoding: self.bytes, as: UTF8.self) }
        return self.unescaped
    }

    /// An integer, from a string or a number alike; nil if it is neither or too large.
    public var integer: Int64? {
        var index = 0
        let negative = self.bytes.first == UInt8(ascii: "-")
        if negative { index = 1 }
        guard index < self.bytes.count else { return nil }
        var value: Int64 = 0
        while index < self.bytes.count {
            let digit = self.bytes[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = product.addingReportingOverflow(Int64(digit))
            if overflow || overflow2 { return nil }
            value = sum
            index += 1
        }
        return negative ? -value : value
    }

    /// A decimal, from a string or a number alike; nil if it is neither.
    public var decimal: FixedPoint? { FixedPoint(bytes: self.bytes) }

    /// True for the word `true`, quoted or not.
    public var isTrue: Bool { self.matches("true") }

    /// Whether the bytes are exactly `text`.
    public func matches(_ text: StaticString) -> Bool {
        guard self.bytes.count == text.utf8CodeUnitCount else { return false }
        for (index, byte) in self.bytes.enumerated() where byte != text.utf8Start[index] { return false }
        return true
    }

    public static func == (slice: JSONSlice, text: StaticString) -> Bool { slice.matches(text) }
    public static func ~= (text: StaticString, slice: JSONSlice) -> Bool { slice.matches(text) }

    private var unescaped: String {
        var units: [UInt8] = []
        units.reserveCapacity(self.bytes.count)
        var index = 0
        while index < self.bytes.count {
            let byte = self.bytes[index]
            guard byte == UInt8(ascii: "\\"), index + 1 < self.bytes.count else {
                units.append(byte)
                index += 1
                continue
            }
            index += 2
            switch self.bytes[index - 1] {
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "u"): index += self.appendUnicode(at: index, to: &units)
            case let other: units.append(other)
            }
        }
        return String(decoding: units, as: UTF8.self)
    }

    /// Appends the character of a `\uXXXX`, or of a pair of them. Returns how many bytes it took behind the `u`.
    private func appendUnicode(at start: Int, to units: inout [UInt8]) -> Int {
        guard let first = self.hex(at: start) else {
            units.append(contentsOf: Array("\u{FFFD}".utf8))
            return 0
        }
        if (0xD800..<0xDC00).contains(first), start + 6 <= self.bytes.count,
            self.bytes[start + 4] == UInt8(ascii: "\\"), self.bytes[start + 5] == UInt8(ascii: "u"),
            let second = self.hex(at: start + 6), (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        {
            units.append(contentsOf: Array(String(Character(scalar)).utf8))
            return 10
        }
        let scalar = Unicode.Scalar(first) ?? "\u{FFFD}"
        units.append(contentsOf: Array(String(Character(scalar)).utf8))
        return 4
    }

    private func hex(at start: Int) -> UInt32? {
        guard start + 4 <= self.bytes.count else { return nil }
        var value: UInt32 = 0
        for index in start..<start + 4 {
            switch self.bytes[index] {
            case let byte where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
                value = value << 4 + UInt32(byte - UInt8(ascii: "0"))
            case let byte where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20):
                value = value << 4 + UInt32((byte | 0x20) - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}

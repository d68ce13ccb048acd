import Foundation

/// Reads single values out of a line of JSON whose keys come in a known order.
///
/// A soak reads thousands of lines a second beside the processes it watches: nothing here takes a line apart, and all
/// searching is the C library's. Keys have to be asked for in the line's order; a missing one costs nothing but its value.
struct LineFields {
    private var cursor: UnsafePointer<CChar>

    /// - Parameter line: ends with a zero byte.
    init(_ line: UnsafePointer<CChar>) {
        self.cursor = line
    }

    /// Moves behind the next occurrence of `key`, which is written with its punctuation: `"n":`.
    private mutating func seek(_ key: StaticString) -> Bool {
        let text = UnsafeRawPointer(key.utf8Start).assumingMemoryBound(to: CChar.self)
        guard let found = strstr(self.cursor, text) else { return false }
        self.cursor = UnsafePointer(found) + key.utf8CodeUnitCount
        return true
    }

    /// The string that `key`, which ends with the opening quote, begins. Escapes stay as they are.
    mutating func text(_ key: StaticString) -> String? {
        guard self.seek(key), let end = strchr(self.cursor, Int32(UInt8(ascii: "\""))) else { return nil }
        let count = UnsafePointer(end) - self.cursor
        let text = String(decoding: UnsafeRawBufferPointer(start: self.cursor, count: count), as: UTF8.self)
        self.cursor += count
        return text
    }

    mutating func integer(_ key: StaticString) -> Int64? {
        guard self.seek(key) else { return nil }
        var end: UnsafeMutablePointer<CChar>?
        let value = strtoll(self.cursor, &end, 10)
        guard let end, UnsafePointer(end) > self.cursor else { return nil }
        return Int64(value)
    }

    mutating func flag(_ key: StaticString) -> Bool? {
        self.seek(key) ? self.cursor.pointee == CChar(bitPattern: UInt8(ascii: "t")) : nil
    }

    /// A decimal in quotes, in units of 10⁻⁸; 0 for an empty text.
    mutating func amount(_ key: StaticString) -> Int64? {
        guard self.seek(key) else { return nil }
        return Self.amount(self.cursor)
    }

    /// Up to the first byte that belongs to no decimal.
    static func amount(_ text: UnsafePointer<CChar>) -> Int64 {
        var next = text
        let isNegative = next.pointee == CChar(bitPattern: UInt8(ascii: "-"))
        if isNegative { next += 1 }
        var value: Int64 = 0
        var decimals = -1
        while decimals < 8 {
            let byte = UInt8(bitPattern: next.pointee)
            next += 1
            if byte == UInt8(ascii: "."), decimals < 0 {
                decimals = 0
            } else if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                value = value &* 10 &+ Int64(byte &- UInt8(ascii: "0"))
                if decimals >= 0 { decimals += 1 }
            } else {
                break
            }
        }
        for _ in max(0, decimals)..<8 { value = value &* 10 }
        return isNegative ? -value : value
    }
}

extension Int64 {
    /// Units of 10⁻⁸ as a decimal without zeros at the end.
    var unitsText: String {
        let (whole, rest) = self.magnitude.quotientAndRemainder(dividingBy: 100_000_000)
        var text = "\(self < 0 ? "-" : "")\(whole)"
        guard rest > 0 else { return text }
        let digits = String(rest)
        text += "." + String(repeating: "0", count: 8 - digits.count) + digits
        while text.hasSuffix("0") { text.removeLast() }
        return text
    }
}

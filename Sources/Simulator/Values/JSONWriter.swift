/// Appends JSON by hand to a byte array.
///
/// Frames and rows are written thousands of times a second, so there is no tree and no encoder in between.
struct JSONWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int = 0) {
        if capacity > 0 { self.bytes.reserveCapacity(capacity) }
    }

    /// The text written so far.
    var string: String { String(decoding: self.bytes, as: UTF8.self) }

    mutating func raw(_ text: StaticString) {
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends text that is known to need no escaping.
    mutating func plain(_ text: String) {
        var text = text
        text.withUTF8 { self.bytes.append(contentsOf: $0) }
    }

    mutating func byte(_ byte: UInt8) {
        self.bytes.append(byte)
    }

    mutating func append(_ other: [UInt8]) {
        self.bytes.append(contentsOf: other)
    }

    /// A JSON string with escapes.
    mutating func quoted(_ text: String) {
        self.bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { utf8 in
            for byte in utf8 {
                switch byte {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                    self.bytes.append(UInt8(ascii: "\\"))
                    self.bytes.append(byte)
                case 0..<0x20:
                    self.bytes.append(contentsOf: [0x5C, 0x75, 0x30, 0x30])
                    self.bytes.append(Self.hexadecimal(byte >> 4))
                    self.bytes.append(Self.hexadecimal(byte & 15))
                default: self.bytes.append(byte)
                }
            }
        }
        self.bytes.append(UInt8(ascii: "\""))
    }

    private static func hexadecimal(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }

    mutating func integer(_ value: some BinaryInteger) {
        self.unsigned(UInt64(value.magnitude), negative: value < 0)
    }

    mutating func bool(_ value: Bool) {
        if value { self.raw("true") } else { self.raw("false") }
    }

    private mutating func unsigned(_ value: UInt64, negative: Bool) {
        if negative { self.bytes.append(UInt8(ascii: "-")) }
        guard value > 0 else {
            self.bytes.append(UInt8(ascii: "0"))
            return
        }
        let start = self.bytes.count
        var rest = value
        while rest > 0 {
            self.bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        }
        self.bytes[start...].reverse()
    }

    /// Units (10⁻⁸) with exactly `decimals` decimals.
    mutating func units(_ value: Int64, decimals: Int) {
        let magnitude = value.magnitude
        let scale = Self.powers[8 - decimals]
        let cut = magnitude / scale
        let fraction = Self.powers[decimals]
        self.unsigned(cut / fraction, negative: value < 0 && cut > 0)
        self.fraction(cut % fraction, digits: decimals)
    }

    /// Units (10⁻⁸) without trailing zeros.
    mutating func units(_ value: Int64) {
        let magnitude = value.magnitude
        var fraction = magnitude % 100_000_000
        var digits = 8
        if fraction == 0 {
            digits = 0
        } else {
            while fraction % 10 == 0 {
                fraction /= 10
                digits -= 1
            }
        }
        self.unsigned(magnitude / 100_000_000, negative: value < 0)
        self.fraction(fraction, digits: digits)
    }

    private mutating func fraction(_ value: UInt64, digits: Int) {
        guard digits > 0 else { return }
        self.bytes.append(UInt8(ascii: "."))
        var divisor = Self.powers[digits - 1]
        for _ in 0..<digits {
            self.bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor = max(1, divisor / 10)
        }
    }

    private static let powers: [UInt64] = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]
}

extension JSONWriter {
    /// `"key":"units",` with a fixed number of decimals.
    mutating func price(_ key: StaticString, _ value: Int64, _ decimals: Int) {
        self.raw(key)
        self.units(value, decimals: decimals)
        self.raw("\",")
    }

    /// `"key":"units",` without trailing zeros.
    mutating func amount(_ key: StaticString, _ value: Int64) {
        self.raw(key)
        self.units(value)
        self.raw("\",")
    }

    /// `"key":"text",` for text that needs no escaping.
    mutating func text(_ key: StaticString, _ value: String) {
        self.raw(key)
        self.plain(value)
        self.raw("\",")
    }

    /// `"key":"number",`.
    mutating func number(_ key: StaticString, _ value: Int64) {
        self.raw(key)
        self.integer(value)
        self.raw("\",")
    }

    /// Takes back the comma after the last field.
    mutating func dropComma() {
        if self.bytes.last == UInt8(ascii: ",") { self.bytes.removeLast() }
    }
}

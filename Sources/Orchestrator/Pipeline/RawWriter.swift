import HybridStream

/// Writes text into raw memory that the caller has made large enough.
///
/// The path of an event writes each line once, straight to where it is handed over from; bounds are checked once per
/// line (see ``EventEncoder``), not per byte.
struct RawWriter {
    /// Where the next byte goes.
    private(set) var position: UnsafeMutableRawPointer

    /// The most that ``integer(_:)`` writes.
    static let maxIntegerLength = 20

    @inline(__always)
    init(_ position: UnsafeMutableRawPointer) {
        self.position = position
    }

    @inline(__always)
    mutating func bytes(_ source: UnsafeRawPointer, count: Int) {
        self.position.copyMemory(from: source, byteCount: count)
        self.position += count
    }

    /// ASCII text that needs no escapes.
    @inline(__always)
    mutating func text(_ text: StaticString) {
        self.bytes(text.utf8Start, count: text.utf8CodeUnitCount)
    }

    @inline(__always)
    mutating func byte(_ byte: UInt8) {
        self.position.storeBytes(of: byte, as: UInt8.self)
        self.position += 1
    }

    /// At most ``maxIntegerLength`` bytes.
    @inline(__always)
    mutating func integer(_ value: Int64) {
        if value < 0 { self.byte(UInt8(ascii: "-")) }
        self.digits(value.magnitude)
    }

    @inline(__always)
    private mutating func digits(_ value: UInt64) {
        self.digits(value, count: RawWriter.digitCount(value))
    }

    /// The last `count` digits of a number, with leading zeros where it has fewer.
    private mutating func digits(_ value: UInt64, count: Int) {
        // Two digits per division, from the end.
        let pairs = UnsafeRawPointer(RawWriter.pairs.utf8Start)
        var rest = value
        var at = count
        while at >= 2 {
            at &-= 2
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            self.position.storeBytes(
                of: pairs.loadUnaligned(fromByteOffset: Int(truncatingIfNeeded: pair) &* 2, as: UInt16.self),
                toByteOffset: at,
                as: UInt16.self
            )
            rest = quotient
        }
        if at == 1 {
            self.position.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10), as: UInt8.self)
        }
        self.position += count
    }

    private static func digitCount(_ value: UInt64) -> Int {
        var count = 1
        var limit: UInt64 = 10
        while value >= limit {
            count &+= 1
            if count == 20 { break }
            limit &*= 10
        }
        return count
    }

    /// The number as ``FixedPoint/description`` writes it: trailing zeros are kept. At most
    /// ``FixedPoint/maxTextLength`` bytes.
    @inline(__always)
    mutating func decimal(_ value: FixedPoint) {
        if let small = Int64(exactly: value.mantissa), value.scale <= 18 {
            if small < 0 { self.byte(UInt8(ascii: "-")) }
            if value.scale == 0 {
                self.digits(small.magnitude)
            } else {
                let scale = Int(value.scale)
                let (whole, fraction) = small.magnitude.quotientAndRemainder(dividingBy: RawWriter.powerOfTen(scale))
                self.digits(whole)
                self.byte(UInt8(ascii: "."))
                self.digits(fraction, count: scale)
            }
        } else {
            let room = UnsafeMutableRawBufferPointer(start: self.position, count: FixedPoint.maxTextLength)
            self.position += value.write(into: room)
        }
    }

    @inline(__always)
    private static func powerOfTen(_ exponent: Int) -> UInt64 {
        var power: UInt64 = 1
        for _ in 0..<exponent { power &*= 10 }
        return power
    }

    private static let pairs: StaticString = """
        0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
        5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899
        """

    // MARK: JSON strings

    /// The most that ``string(_:)`` writes for a text: every byte may become `\u00xx`.
    static func maxLength(of text: String) -> Int {
        text.utf8.count * 6
    }

    /// The inside of a JSON string: quotes, backslashes and control characters escaped.
    mutating func string(_ text: String) {
        var copy = text
        copy.withUTF8 { bytes in
            for byte in bytes {
                switch byte {
                case UInt8(ascii: "\""): self.text("\\\"")
                case UInt8(ascii: "\\"): self.text("\\\\")
                case UInt8(ascii: "\n"): self.text("\\n")
                case UInt8(ascii: "\r"): self.text("\\r")
                case UInt8(ascii: "\t"): self.text("\\t")
                case 0..<0x20:
                    self.text("\\u00")
                    self.byte(RawWriter.hexadecimal(byte >> 4))
                    self.byte(RawWriter.hexadecimal(byte & 15))
                default: self.byte(byte)
                }
            }
        }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}

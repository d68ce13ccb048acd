/// Arithmetic of the exchange: decimals as integers in units of 10⁻⁸, products in 128 bits.
///
/// Nothing the exchange emits ever passes through a floating point number.
enum Units {
    /// One, in units.
    static let one: Int64 = 100_000_000
    /// Scale of a product of two unit values.
    static let oneSquared: Int128 = 10_000_000_000_000_000

    /// Divides and rounds half away from zero. A zero divisor gives zero.
    static func divide(_ numerator: Int128, by divisor: Int128) -> Int128 {
        guard divisor != 0 else { return 0 }
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: divisor)
        let twice = (remainder < 0 ? -remainder : remainder) * 2
        guard twice >= (divisor < 0 ? -divisor : divisor) else { return quotient }
        return (numerator < 0) == (divisor < 0) ? quotient + 1 : quotient - 1
    }

    /// Narrows to 64 bits, saturating: the exchange's numbers stay far below.
    static func narrow(_ value: Int128) -> Int64 {
        Int64(clamping: value)
    }

    /// a × b, rounded to units.
    static func multiply(_ left: Int64, _ right: Int64) -> Int64 {
        narrow(divide(Int128(left) * Int128(right), by: Int128(self.one)))
    }

    /// a ÷ b, rounded to units.
    static func ratio(_ left: Int64, _ right: Int64) -> Int64 {
        narrow(divide(Int128(left) * Int128(self.one), by: Int128(right)))
    }

    /// Reads a plain decimal ("-12.50"). Nil for anything else, for more than eight decimals, and beyond 64 bits.
    static func parse(_ text: some StringProtocol) -> Int64? {
        var negative = false
        var value: Int64 = 0
        var decimals = -1
        var digits = 0
        for (position, byte) in text.utf8.enumerated() {
            switch byte {
            case UInt8(ascii: "-") where position == 0: negative = true
            case UInt8(ascii: ".") where decimals < 0: decimals = 0
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits += 1
                let digit = Int64(byte - UInt8(ascii: "0"))
                if decimals >= 8 {
                    guard digit == 0 else { return nil }
                    continue
                }
                guard let next = appendDigit(digit, to: value) else { return nil }
                value = next
                if decimals >= 0 { decimals += 1 }
            default: return nil
            }
        }
        guard digits > 0 else { return nil }
        for _ in max(0, decimals)..<8 {
            guard let next = appendDigit(0, to: value) else { return nil }
            value = next
        }
        return negative ? -value : value
    }

    private static func appendDigit(_ digit: Int64, to value: Int64) -> Int64? {
        let (shifted, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = shifted.addingReportingOverflow(digit)
        return overflow || carry ? nil : sum
    }

    /// The value as text with exactly `decimals` decimals (0…8); more precise digits are cut.
    static func text(_ value: Int64, decimals: Int) -> String {
        var writer = JSONWriter()
        writer.units(value, decimals: decimals)
        return writer.string
    }

    /// The value as text without trailing zeros.
    static func text(_ value: Int64) -> String {
        var writer = JSONWriter()
        writer.units(value)
        return writer.string
    }
}

/// An exact decimal number: `mantissa × 10^-scale`.
///
/// Bybit sends prices and quantities as decimal strings whose trailing zeros follow the tick size. A `FixedPoint`
/// keeps those zeros (`"66666.60"` is 6666660 with scale 2), so ``description`` gives back the wire's own text, and
/// nothing on the way from the wire to an event passes through binary floating point. Up to 38 digits fit.
///
/// Equality and order are those of the numbers: `1.0 == 1`.
public struct FixedPoint: Sendable {
    /// The digits, with sign, without the point.
    public let mantissa: Int128
    /// How many of the digits stand after the point: at most ``maxScale``.
    public let scale: UInt8

    /// More digits after the point than this are refused.
    public static let maxScale = 36

    public static let zero = FixedPoint(mantissa: 0, scale: 0)

    /// - Precondition: `scale` is at most ``maxScale``.
    @inlinable
    public init(mantissa: Int128, scale: UInt8) {
        assert(scale <= FixedPoint.maxScale, "a scale of \(scale) digits")
        self.mantissa = mantissa
        self.scale = scale
    }

    @inlinable
    public init(_ integer: Int) {
        self.init(mantissa: Int128(integer), scale: 0)
    }

    @inlinable public var isZero: Bool { self.mantissa == 0 }
    @inlinable public var isNegative: Bool { self.mantissa < 0 }
    @inlinable public var isPositive: Bool { self.mantissa > 0 }

    /// Parses a decimal: `-?digits[.digits][e±digits]`. Nil if it is anything else or does not fit.
    public init?(_ text: some StringProtocol) {
        var copy = String(text)
        let parsed = copy.withUTF8 { FixedPoint(bytes: UnsafeRawBufferPointer($0)) }
        guard let parsed else { return nil }
        self = parsed
    }

    /// The same for bytes of a frame. Does not allocate.
    @inlinable
    public init?(bytes: UnsafeRawBufferPointer) {
        let count = bytes.count
        guard count > 0, let base = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return nil }
        var index = 0
        let negative = base[0] == UInt8(ascii: "-")
        if negative { index = 1 }
        // 18 digits always fit into Int64, which is several times faster than Int128.
        guard count - index <= 19 else {
            self.init(wide: base, count: count, from: index, negative: negative)
            return
        }
        var value: Int64 = 0
        var digits = 0
        var pointAt = -1
        while index < count {
            let byte = base[index]
            let digit = byte &- UInt8(ascii: "0")
            if digit < 10 {
                value = value &* 10 &+ Int64(digit)
                digits &+= 1
            } else if byte == UInt8(ascii: "."), pointAt < 0 {
                pointAt = digits
            } else {
                self.init(wide: base, count: count, from: negative ? 1 : 0, negative: negative)
                return
            }
            index &+= 1
        }
        guard digits > 0, digits <= 18, pointAt != 0, pointAt != digits else {
            self.init(wide: base, count: count, from: negative ? 1 : 0, negative: negative)
            return
        }
        self.init(
            mantissa: Int128(negative ? 0 &- value : value),
            scale: pointAt < 0 ? 0 : UInt8(truncatingIfNeeded: digits &- pointAt)
        )
    }

    /// Long numbers and exponents.
    @usableFromInline
    init?(wide base: UnsafePointer<UInt8>, count: Int, from: Int, negative: Bool) {
        var value: Int128 = 0
        var digits = 0
        var fraction = 0
        var seenPoint = false
        var index = from
        scan: while index < count {
            let byte = base[index]
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                let (sum, overflow2) = product.addingReportingOverflow(Int128(byte &- UInt8(ascii: "0")))
                if overflow || overflow2 { return nil }
                value = sum
                digits += 1
                if seenPoint { fraction += 1 }
            case UInt8(ascii: "."):
                if seenPoint || digits == 0 { return nil }
                seenPoint = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                break scan
            default:
                return nil
            }
            index += 1
        }
        guard digits > 0, !seenPoint || fraction > 0 else { return nil }
        var scale = fraction
        if index < count {
            guard let exponent = FixedPoint.exponent(base, from: index + 1, count: count) else { return nil }
            scale -= exponent
        }
        while scale < 0 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            value = product
            scale += 1
        }
        guard scale <= FixedPoint.maxScale else { return nil }
        self.init(mantissa: negative ? -value : value, scale: UInt8(scale))
    }

    private static func exponent(_ base: UnsafePointer<UInt8>, from: Int, count: Int) -> Int? {
        var index = from
        var negative = false
        if index < count, base[index] == UInt8(ascii: "-") || base[index] == UInt8(ascii: "+") {
            negative = base[index] == UInt8(ascii: "-")
            index += 1
        }
        guard index < count, count - index <= 3 else { return nil }
        var value = 0
        while index < count {
            let digit = base[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            value = value * 10 + Int(digit)
            index += 1
        }
        return negative ? -value : value
    }
}

extension FixedPoint: CustomStringConvertible {
    public var description: String {
        withUnsafeTemporaryAllocation(byteCount: FixedPoint.maxTextLength, alignment: 1) { buffer in
            let written = self.write(into: buffer)
            return String(decoding: UnsafeRawBufferPointer(buffer)[..<written], as: UTF8.self)
        }
    }

    /// The longest text that ``write(into:)`` produces.
    public static let maxTextLength = 48

    /// Writes the number as text, keeping trailing zeros. The buffer holds at least ``maxTextLength`` bytes.
    /// - Returns: how many bytes were written.
    @inlinable
    public func write(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        // Digits come out last first, so they are laid from the end of the buffer and moved to its start.
        let last = FixedPoint.maxTextLength
        var at = last
        var fraction = Int(self.scale)
        let magnitude = self.mantissa.magnitude
        var high = magnitude
        // All but the highest digits of a long number; at most two rounds.
        while high > UInt128(UInt64.max) {
            let (quotient, rest) = high.quotientAndRemainder(dividingBy: 10)
            if fraction == 0, self.scale > 0 { at &-= 1; buffer[at] = UInt8(ascii: ".") }
            fraction &-= 1
            at &-= 1
            buffer[at] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest)
            high = quotient
        }
        var low = UInt64(truncatingIfNeeded: high)
        repeat {
            if fraction == 0, self.scale > 0 { at &-= 1; buffer[at] = UInt8(ascii: ".") }
            fraction &-= 1
            at &-= 1
            let (quotient, rest) = low.quotientAndRemainder(dividingBy: 10)
            buffer[at] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest)
            low = quotient
        } while low > 0 || fraction >= 0 && self.scale > 0
        if self.mantissa < 0 {
            at &-= 1
            buffer[at] = UInt8(ascii: "-")
        }
        let count = last &- at
        guard let start = buffer.baseAddress else { return 0 }
        start.copyMemory(from: UnsafeRawPointer(start + at), byteCount: count)
        return count
    }
}

extension FixedPoint: Comparable {
    @inlinable
    public static func == (left: FixedPoint, right: FixedPoint) -> Bool {
        if left.scale == right.scale { return left.mantissa == right.mantissa }
        return FixedPoint.order(left, right) == 0
    }

    @inlinable
    public static func < (left: FixedPoint, right: FixedPoint) -> Bool {
        if left.scale == right.scale { return left.mantissa < right.mantissa }
        return FixedPoint.order(left, right) < 0
    }

    /// -1, 0 or 1, for different scales; right even where aligning would overflow.
    @usableFromInline
    static func order(_ left: FixedPoint, _ right: FixedPoint) -> Int {
        if let (a, b, _) = FixedPoint.aligned(left, right) {
            return a < b ? -1 : (a == b ? 0 : 1)
        }
        // One of them overflows when both have the same scale, so its magnitude decides.
        let leftGrows = left.scale < right.scale
        let grown = leftGrows ? left : right
        let grownIsLess = grown.isNegative
        return leftGrows == grownIsLess ? -1 : 1
    }

    /// Both mantissas at the larger of the two scales; nil on overflow.
    @inlinable
    static func aligned(_ left: FixedPoint, _ right: FixedPoint) -> (Int128, Int128, UInt8)? {
        if left.scale == right.scale { return (left.mantissa, right.mantissa, left.scale) }
        if left.scale < right.scale {
            guard let grown = left.mantissa(atScale: right.scale) else { return nil }
            return (grown, right.mantissa, right.scale)
        }
        guard let grown = right.mantissa(atScale: left.scale) else { return nil }
        return (left.mantissa, grown, left.scale)
    }

    /// The mantissa with more zeros behind it; nil on overflow.
    @inlinable
    func mantissa(atScale newScale: UInt8) -> Int128? {
        let (product, overflow) = self.mantissa.multipliedReportingOverflow(
            by: FixedPoint.powerOfTen(Int(newScale) &- Int(self.scale))
        )
        return overflow ? nil : product
    }

    /// 10^exponent for 0…38.
    @inlinable
    static func powerOfTen(_ exponent: Int) -> Int128 {
        var result: Int128 = 1
        var left = exponent
        while left >= 18 {
            result &*= 1_000_000_000_000_000_000
            left &-= 18
        }
        var small: Int64 = 1
        while left > 0 {
            small &*= 10
            left &-= 1
        }
        return result &* Int128(small)
    }
}

extension FixedPoint {
    @inlinable
    public static prefix func - (value: FixedPoint) -> FixedPoint {
        FixedPoint(mantissa: 0 &- value.mantissa, scale: value.scale)
    }

    public var magnitude: FixedPoint { self.isNegative ? -self : self }

    /// Exact sum, or nil where 38 digits do not hold it.
    @inlinable
    public func adding(_ other: FixedPoint) -> FixedPoint? {
        guard let (a, b, scale) = FixedPoint.aligned(self, other) else { return nil }
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? nil : FixedPoint(mantissa: sum, scale: scale)
    }

    /// Exact difference, or nil where 38 digits do not hold it.
    @inlinable
    public func subtracting(_ other: FixedPoint) -> FixedPoint? {
        self.adding(-other)
    }

    /// Exact product, or nil where 38 digits do not hold it.
    @inlinable
    public func multiplied(by other: FixedPoint) -> FixedPoint? {
        let scale = Int(self.scale) &+ Int(other.scale)
        let (product, overflow) = self.mantissa.multipliedReportingOverflow(by: other.mantissa)
        if overflow || scale > FixedPoint.maxScale {
            return self.normalized.multipliedSlowly(by: other.normalized)
        }
        return FixedPoint(mantissa: product, scale: UInt8(truncatingIfNeeded: scale))
    }

    @usableFromInline
    func multipliedSlowly(by other: FixedPoint) -> FixedPoint? {
        let scale = Int(self.scale) + Int(other.scale)
        let (product, overflow) = self.mantissa.multipliedReportingOverflow(by: other.mantissa)
        guard !overflow, scale <= FixedPoint.maxScale else { return nil }
        return FixedPoint(mantissa: product, scale: UInt8(scale))
    }

    /// Without trailing zeros after the point: the form in which computed values are written.
    @inlinable
    public var normalized: FixedPoint {
        if self.scale == 0 { return self }
        var scale = self.scale
        if let small = Int64(exactly: self.mantissa) {
            var value = small
            while scale > 0 {
                let (quotient, rest) = value.quotientAndRemainder(dividingBy: 10)
                if rest != 0 { break }
                value = quotient
                scale &-= 1
            }
            return FixedPoint(mantissa: Int128(value), scale: scale)
        }
        var value = self.mantissa
        while scale > 0 {
            let (quotient, rest) = value.quotientAndRemainder(dividingBy: 10)
            if rest != 0 { break }
            value = quotient
            scale &-= 1
        }
        return FixedPoint(mantissa: value, scale: scale)
    }
}

/// A natural number of any size: nine decimal digits to a limb, the lowest first. Slow, and unlike the code under test.
struct BigNatural: Equatable, Comparable, CustomStringConvertible {
    private static let base: UInt64 = 1_000_000_000
    private(set) var limbs: [UInt32]

    init(_ value: UInt64) {
        var rest = value
        self.limbs = []
        while rest > 0 {
            self.limbs.append(UInt32(rest % Self.base))
            rest /= Self.base
        }
    }

    /// From decimal digits.
    init(digits: String) {
        var rest = Substring(digits)
        self.limbs = []
        while !rest.isEmpty {
            self.limbs.append(UInt32(rest.suffix(9)) ?? 0)
            rest = rest.dropLast(9)
        }
        self.trim()
    }

    static func power(ofTen exponent: Int) -> BigNatural {
        BigNatural(digits: "1" + String(repeating: "0", count: exponent))
    }

    var isZero: Bool { self.limbs.isEmpty }
    var isOdd: Bool { (self.limbs.first ?? 0) % 2 == 1 }

    var description: String {
        guard let top = self.limbs.last else { return "0" }
        return self.limbs.dropLast().reversed().reduce(String(top)) { text, limb in
            let digits = String(limb)
            return text + String(repeating: "0", count: 9 - digits.count) + digits
        }
    }

    private mutating func trim() {
        while self.limbs.last == 0 { self.limbs.removeLast() }
    }

    static func < (left: BigNatural, right: BigNatural) -> Bool {
        if left.limbs.count != right.limbs.count { return left.limbs.count < right.limbs.count }
        for (a, b) in zip(left.limbs.reversed(), right.limbs.reversed()) where a != b { return a < b }
        return false
    }

    static func + (left: BigNatural, right: BigNatural) -> BigNatural {
        var result = BigNatural(0)
        var carry: UInt64 = 0
        for index in 0..<max(left.limbs.count, right.limbs.count) {
            let a = index < left.limbs.count ? UInt64(left.limbs[index]) : 0
            let b = index < right.limbs.count ? UInt64(right.limbs[index]) : 0
            result.limbs.append(UInt32((a + b + carry) % self.base))
            carry = (a + b + carry) / self.base
        }
        if carry > 0 { result.limbs.append(UInt32(carry)) }
        return result
    }

    /// `right` is not larger than `left`.
    static func - (left: BigNatural, right: BigNatural) -> BigNatural {
        var result = left
        var borrow: Int64 = 0
        for index in result.limbs.indices {
            var digit =
                Int64(result.limbs[index]) - borrow - (index < right.limbs.count ? Int64(right.limbs[index]) : 0)
            borrow = digit < 0 ? 1 : 0
            if digit < 0 { digit += Int64(self.base) }
            result.limbs[index] = UInt32(digit)
        }
        result.trim()
        return result
    }

    static func * (left: BigNatural, right: BigNatural) -> BigNatural {
        var result = BigNatural(0)
        result.limbs = Array(repeating: 0, count: left.limbs.count + right.limbs.count + 1)
        for (i, a) in left.limbs.enumerated() {
            var carry: UInt64 = 0
            var at = i
            for b in right.limbs {
                let sum = UInt64(result.limbs[at]) + UInt64(a) * UInt64(b) + carry
                result.limbs[at] = UInt32(sum % self.base)
                carry = sum / self.base
                at += 1
            }
            while carry > 0 {
                let sum = UInt64(result.limbs[at]) + carry
                result.limbs[at] = UInt32(sum % self.base)
                carry = sum / self.base
                at += 1
            }
        }
        result.trim()
        return result
    }

    /// Digit by digit, as at school.
    func divided(by divisor: BigNatural) -> (quotient: BigNatural, rest: BigNatural) {
        var digits = ""
        var rest = BigNatural(0)
        for character in self.description {
            rest = rest * BigNatural(10) + BigNatural(UInt64(String(character)) ?? 0)
            var digit = 0
            while rest >= divisor {
                rest = rest - divisor
                digit += 1
            }
            digits += String(digit)
        }
        return (BigNatural(digits: digits), rest)
    }
}

/// A decimal as sign, digits and scale, computed with ``BigNatural``.
struct BigDecimal: Equatable {
    var isNegative: Bool
    var digits: BigNatural
    var scale: Int

    init(isNegative: Bool, digits: BigNatural, scale: Int) {
        self.isNegative = isNegative && !digits.isZero
        self.digits = digits
        self.scale = scale
    }

    init(_ text: String) {
        let negative = text.hasPrefix("-")
        let parts = text.drop { $0 == "-" }.split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? String(parts[1]) : ""
        self.init(isNegative: negative, digits: BigNatural(digits: parts[0] + fraction), scale: fraction.count)
    }

    private func digits(atScale scale: Int) -> BigNatural { self.digits * .power(ofTen: scale - self.scale) }

    static func compare(_ left: BigDecimal, _ right: BigDecimal) -> Int {
        if left.isNegative != right.isNegative { return left.isNegative ? -1 : 1 }
        let scale = max(left.scale, right.scale)
        let (a, b) = (left.digits(atScale: scale), right.digits(atScale: scale))
        if a == b { return 0 }
        return (a < b) != left.isNegative ? -1 : 1
    }

    var negated: BigDecimal { BigDecimal(isNegative: !self.isNegative, digits: self.digits, scale: self.scale) }

    static func - (left: BigDecimal, right: BigDecimal) -> BigDecimal {
        let scale = max(left.scale, right.scale)
        let (a, b) = (left.digits(atScale: scale), right.digits(atScale: scale))
        if left.isNegative != right.isNegative {
            return BigDecimal(isNegative: left.isNegative, digits: a + b, scale: scale)
        }
        return a < b
            ? BigDecimal(isNegative: !left.isNegative, digits: b - a, scale: scale)
            : BigDecimal(isNegative: left.isNegative, digits: a - b, scale: scale)
    }

    static func * (left: BigDecimal, right: BigDecimal) -> BigDecimal {
        BigDecimal(
            isNegative: left.isNegative != right.isNegative,
            digits: left.digits * right.digits,
            scale: left.scale + right.scale
        )
    }

    /// Half to even at `places` digits.
    func divided(by divisor: BigDecimal, places: Int) -> BigDecimal {
        // (a / 10^s) / (b / 10^t) × 10^places = a × 10^(places + t) / (b × 10^s)
        let numerator = self.digits * .power(ofTen: places + divisor.scale)
        let denominator = divisor.digits * .power(ofTen: self.scale)
        var (quotient, rest) = numerator.divided(by: denominator)
        let twice = rest + rest
        if twice > denominator || (twice == denominator && quotient.isOdd) { quotient = quotient + BigNatural(1) }
        return BigDecimal(isNegative: self.isNegative != divisor.isNegative, digits: quotient, scale: places)
    }

    /// Without exponent and trailing zeros.
    var text: String {
        var digits = self.digits.description
        if digits.count <= self.scale { digits = String(repeating: "0", count: self.scale + 1 - digits.count) + digits }
        let whole = digits.dropLast(self.scale)
        var fraction = digits.suffix(self.scale)
        while fraction.last == "0" { fraction.removeLast() }
        return (self.isNegative ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
    }
}

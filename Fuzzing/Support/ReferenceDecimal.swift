@testable import HybridStream

/// `-?digits[.digits][e±ddd]` as sign, digits and scale, over text alone.
struct ReferenceDecimal {
    let isNegative: Bool
    /// The digits of the mantissa, without zeros in front; empty for zero.
    let mantissa: [UInt8]
    let scale: Int

    init?(_ bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        func digits(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
            let run = rest.prefix { (0x30...0x39).contains($0) }
            rest = rest.dropFirst(run.count)
            return Array(run)
        }
        self.isNegative = rest.first == UInt8(ascii: "-")
        if self.isNegative { rest = rest.dropFirst() }
        var all = digits(&rest)
        guard !all.isEmpty else { return nil }
        var scale = 0
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            let fraction = digits(&rest)
            guard !fraction.isEmpty else { return nil }
            all += fraction
            scale = fraction.count
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            let isDown = rest.first == UInt8(ascii: "-")
            if isDown || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
            let power = digits(&rest)
            guard (1...3).contains(power.count), let exponent = Int(power.text) else { return nil }
            scale += isDown ? exponent : -exponent
        }
        guard rest.isEmpty else { return nil }
        let significant = Array(all.drop { $0 == 0x30 })
        self.mantissa = significant.isEmpty ? [] : significant + Array(repeating: 0x30, count: max(0, -scale))
        self.scale = max(0, scale)
    }

    /// Whether a ``FixedPoint`` has room for it.
    var fits: Bool {
        let largest = Array("\(Int128.max)".utf8)
        guard self.scale <= FixedPoint.maxScale, self.mantissa.count <= largest.count else { return false }
        return self.mantissa.count < largest.count || !largest.lexicographicallyPrecedes(self.mantissa)
    }

    var isZero: Bool { self.mantissa.isEmpty }
    var isPositive: Bool { !self.isZero && !self.isNegative }

    /// `-12.50` as `-1250/2`.
    var summary: String {
        self.isZero ? "0/\(self.scale)" : (self.isNegative ? "-" : "") + self.mantissa.text + "/\(self.scale)"
    }

    /// Checks a reading of the same bytes, and that it is written as it came.
    static func check(_ value: FixedPoint?, of bytes: [UInt8]) {
        let reference = ReferenceDecimal(bytes).flatMap { $0.fits ? $0 : nil }
        expect(
            value.map { "\($0.mantissa)/\($0.scale)" } == reference?.summary,
            "\(bytes.text) was read as \(value.map { "\($0)" } ?? "nothing"), not \(reference?.summary ?? "nothing")"
        )
        guard let value, let reference else { return }
        let text = value.description
        expect(FixedPoint(text).map { $0.mantissa == value.mantissa && $0.scale == value.scale } == true, text)
        expect(text.utf8.count <= FixedPoint.maxTextLength, text)
        let isPlain = !bytes.contains(UInt8(ascii: "e")) && !bytes.contains(UInt8(ascii: "E"))
        let whole = bytes.drop { $0 == UInt8(ascii: "-") }.prefix { $0 != UInt8(ascii: ".") }
        if isPlain, whole.count == 1 || whole.first != 0x30, !reference.isZero || !reference.isNegative {
            expect(text == bytes.text, "\(bytes.text) was written as \(text)")
        }
    }
}

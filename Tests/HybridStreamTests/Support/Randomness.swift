@testable import HybridStream

extension SplitMix64 {
    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    mutating func chance(_ oneIn: Int) -> Bool { self.below(oneIn) == 0 }
    mutating func pick<T>(_ choices: [T]) -> T { choices[self.below(choices.count)] }

    /// Decimal digits without a leading zero.
    mutating func digits(_ count: Int) -> String {
        var text = count == 0 ? "" : String(Int.random(in: 1...9, using: &self))
        while text.count < count { text += String(self.below(10)) }
        return text
    }

    /// A plain decimal as the wire writes them.
    mutating func decimal(whole: ClosedRange<Int>, fraction: ClosedRange<Int>, negative: Bool = false) -> String {
        let wholeDigits = Int.random(in: whole, using: &self)
        var text = wholeDigits == 0 ? "0" : self.digits(wholeDigits)
        let fractionDigits = Int.random(in: fraction, using: &self)
        if fractionDigits > 0 { text += "." + (0..<fractionDigits).map { _ in String(self.below(10)) }.joined() }
        return (negative && self.chance(2) ? "-" : "") + text
    }
}

extension Uptime {
    static func seconds(_ value: Double) -> Uptime { Uptime(nanoseconds: Int64(value * 1e9)) }
}

internal import HybridStream

/// Durations as the file writes them: one number, one unit.
enum DurationText {
    /// Units with their length in nanoseconds, longest first.
    private static let units: [(name: String, nanoseconds: Int128)] = [
        ("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000),
        ("ms", 1_000_000),
    ]

    /// Nil if it is not `number unit`, is finer than a nanosecond, or longer than a thousand years.
    static func duration(_ text: String) -> Duration? {
        let number = text.utf8.prefix { ScalarText.isDigit($0) || $0 == UInt8(ascii: ".") }
        let unit = text.utf8.dropFirst(number.count)
        guard let first = number.first, ScalarText.isDigit(first), let last = number.last, ScalarText.isDigit(last),
            let value = FixedPoint(Substring(number)),
            let length = DurationText.units.first(where: { unit.elementsEqual($0.name.utf8) })?.nanoseconds,
            let product = value.multiplied(by: FixedPoint(mantissa: length, scale: 0))?.normalized,
            product.scale == 0, product.mantissa <= 31_536_000_000_000_000_000_000
        else { return nil }
        return .seconds(Int64(product.mantissa / 1_000_000_000))
            + .nanoseconds(Int64(product.mantissa % 1_000_000_000))
    }

    /// In the largest unit that needs no fraction.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000)
        if nanoseconds == 0 { return "0s" }
        for unit in DurationText.units where nanoseconds % unit.nanoseconds == 0 {
            return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
        }
        return "\(FixedPoint(mantissa: nanoseconds, scale: 6).normalized)ms"
    }

    static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
    static func hours(_ count: Int) -> Duration { .seconds(count * 3_600) }
    static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
}

/// Sizes as the file writes them.
enum SizeText {
    private static let units: [(name: String, bytes: Int)] = [
        ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("KB", 1_000), ("GiB", 1_073_741_824),
        ("MiB", 1_048_576), ("KiB", 1_024), ("B", 1),
    ]

    /// Nil if it is not a number with a unit, or not a whole number of bytes.
    static func bytes(_ text: String) -> Int? {
        let number = text.utf8.prefix { ScalarText.isDigit($0) || $0 == UInt8(ascii: ".") }
        let unit = text.utf8.dropFirst(number.count)
        guard let first = number.first, ScalarText.isDigit(first), let last = number.last, ScalarText.isDigit(last),
            let value = FixedPoint(Substring(number)),
            let size = SizeText.units.first(where: { unit.elementsEqual($0.name.utf8) })?.bytes,
            let product = value.multiplied(by: FixedPoint(size))?.normalized, product.scale == 0
        else { return nil }
        return Int(exactly: product.mantissa)
    }

    static func text(_ bytes: Int) -> String {
        for unit in SizeText.units where bytes >= unit.bytes && bytes % unit.bytes == 0 {
            return "\(bytes / unit.bytes)\(unit.name)"
        }
        return "\(bytes)B"
    }
}

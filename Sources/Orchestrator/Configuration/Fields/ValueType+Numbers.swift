internal import HybridStream

extension ValueType<Bool> {
    /// `true` or `false`, and no other word that YAML 1.1 took for one.
    static var boolean: ValueType<Bool> {
        ValueType(shape: .boolean, describe: { $0 ? "true" : "false" }) { node, value, context in
            guard let text = context.text(of: node, expected: "true or false") else { return false }
            if node.mayBeTyped, text == "true" || text == "false" {
                value = text == "true"
                return true
            }
            let meant: String? =
                switch text.lowercased() {
                case "yes", "on", "y", "true": "true"
                case "no", "off", "n", "false": "false"
                default: nil
                }
            context.badValue(
                .wrongType,
                node,
                "is not a truth value",
                expected: "true or false",
                suggestion: text == meant ? nil : meant,
                help: text == meant ? "remove the quotes" : nil
            )
            return false
        }
    }
}

extension ValueType<Int> {
    /// A whole number.
    static func integer(_ range: ClosedRange<Int>, why: String? = nil) -> ValueType<Int> {
        let expected =
            "a whole number from \(MessageText.grouped(range.lowerBound)) to \(MessageText.grouped(range.upperBound))"
        return ValueType(shape: .integer(range), describe: { String($0) }) { node, value, context in
            guard let text = context.text(of: node, expected: expected) else { return false }
            guard node.mayBeTyped, !text.hasPrefix("+"), let number = Int(text) else {
                context.badValue(
                    .wrongType,
                    node,
                    "is not a whole number",
                    expected: expected,
                    help: !node.mayBeTyped && Int(text) != nil ? "remove the quotes" : nil
                )
                return false
            }
            guard range.contains(number) else {
                context.badValue(.outOfRange, node, "is out of range", expected: expected, help: why)
                return false
            }
            value = number
            return true
        }
    }

    /// A number of bytes: `100MB`. Units are decimal; `KiB`, `MiB` and `GiB` are binary.
    static func size(_ range: ClosedRange<Int>) -> ValueType<Int> {
        let limits = "from \(SizeText.text(range.lowerBound)) to \(SizeText.text(range.upperBound))"
        let expected = "a size with its unit, such as 500kB, 100MB or 1GiB, \(limits)"
        return ValueType(shape: .size(range), describe: { SizeText.text($0) }) { node, value, context in
            guard let text = context.text(of: node, expected: expected) else { return false }
            guard let bytes = SizeText.bytes(text) else {
                let isNumber = ScalarText.isNumber(text)
                context.badValue(
                    isNumber ? .missingUnit : .badValue,
                    node,
                    isNumber ? "has no unit" : "is not a size",
                    expected: expected
                )
                return false
            }
            guard range.contains(bytes) else {
                context.badValue(.outOfRange, node, "is out of range", expected: expected)
                return false
            }
            value = bytes
            return true
        }
    }
}

extension ValueType<FixedPoint> {
    /// An exact decimal. With `orZero` the value 0 is allowed below the range; it turns something off.
    static func decimal(
        _ range: ClosedRange<FixedPoint>,
        orZero: Bool = false,
        why: String? = nil
    ) -> ValueType<FixedPoint> {
        let expected = "a number from \(range.lowerBound) to \(range.upperBound)\(orZero ? ", or 0" : "")"
        let shape = ValueShape.decimal(range, isZeroAllowed: orZero)
        return ValueType(shape: shape, describe: { $0.description }) { node, value, context in
            guard let text = context.text(of: node, expected: expected) else { return false }
            guard node.mayBeTyped, let number = FixedPoint(text) else {
                let isQuoted = !node.mayBeTyped && FixedPoint(text) != nil
                context.badValue(
                    .wrongType,
                    node,
                    "is not a number",
                    expected: expected,
                    help: isQuoted
                        ? "remove the quotes"
                        : text.hasSuffix("%") ? "leave the % out: the key ends in _percent" : nil
                )
                return false
            }
            guard range.contains(number) || (orZero && number.isZero) else {
                context.badValue(.outOfRange, node, "is out of range", expected: expected, help: why)
                return false
            }
            value = number.normalized
            return true
        }
    }
}

extension ValueType<Duration> {
    /// A span of time with its unit.
    static func duration(_ range: ClosedRange<Duration>, why: String? = nil) -> ValueType<Duration> {
        let limits = "from \(DurationText.text(range.lowerBound)) to \(DurationText.text(range.upperBound))"
        let expected = "a duration \(limits)"
        return ValueType(shape: .duration(range), describe: { DurationText.text($0) }) { node, value, context in
            guard let text = context.text(of: node, expected: expected) else { return false }
            guard let duration = DurationText.duration(text) else {
                if ScalarText.isNumber(text) {
                    context.badValue(
                        .missingUnit,
                        node,
                        "has no unit",
                        expected: expected,
                        help: "units are ms, s, m, h and d, as in 250ms, 5s, 10m, 3h, 2d"
                    )
                } else {
                    context.badValue(
                        .badValue,
                        node,
                        "is not a duration",
                        expected: expected,
                        help: "write one number and one unit (ms, s, m, h, d), as in 250ms or 1.5h"
                    )
                }
                return false
            }
            guard range.contains(duration) else {
                context.badValue(.outOfRange, node, "is out of range", expected: expected, help: why)
                return false
            }
            value = duration
            return true
        }
    }
}

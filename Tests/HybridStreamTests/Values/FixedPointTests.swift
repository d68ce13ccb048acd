import Testing

@testable import HybridStream

@Suite("FixedPoint")
struct FixedPointTests {
    struct Reading: Sendable {
        var text: String
        var mantissa: Int128
        var scale: UInt8
    }

    @Test(
        "reads digits, point and exponent",
        arguments: [
            Reading(text: "0", mantissa: 0, scale: 0), Reading(text: "-0", mantissa: 0, scale: 0),
            Reading(text: "0.0000", mantissa: 0, scale: 4), Reading(text: "66666.60", mantissa: 6_666_660, scale: 2),
            Reading(text: "-0.005", mantissa: -5, scale: 3),
            Reading(text: "007", mantissa: 7, scale: 0),
            Reading(text: "141946527.22907118", mantissa: 14_194_652_722_907_118, scale: 8),
            Reading(text: "999999999999999999", mantissa: 999_999_999_999_999_999, scale: 0),
            Reading(text: "9999999999999999999", mantissa: 9_999_999_999_999_999_999, scale: 0),
            Reading(text: "0.000000000000000001", mantissa: 1, scale: 18),
            Reading(text: "1e3", mantissa: 1000, scale: 0), Reading(text: "1.5E-3", mantissa: 15, scale: 4),
            Reading(text: "12.5e+1", mantissa: 125, scale: 0), Reading(text: "-2.50e0", mantissa: -250, scale: 2),
            Reading(text: "0e9", mantissa: 0, scale: 0),
            Reading(
                text: "170141183460469231731687303715884105727",
                mantissa: .max,
                scale: 0
            ),
            Reading(
                text: "-170141183460469231731687303715884105727",
                mantissa: -.max,
                scale: 0
            ),
            Reading(
                text: "99.999999999999999999999999999999999999",
                mantissa: 99_999_999_999_999_999_999_999_999_999_999_999_999,
                scale: 36
            ),
        ]
    )
    func reads(_ reading: Reading) throws {
        let value = try #require(FixedPoint(reading.text))
        #expect(value.mantissa == reading.mantissa)
        #expect(value.scale == reading.scale)
    }

    @Test(
        "refuses what is no decimal or does not fit",
        arguments: [
            "", "-", "+1", ".", "-.", ".5", "5.", "-.5", "5.e1", "123456789012345678901.", "e5", "1e", "1e+", "1e1234",
            "1.2.3", "1,5", " 1", "1 ", "0x10", "NaN", "null",
            "--1",
            "1-", "1e-37", "1e39", "170141183460469231731687303715884105728", "1e5.5", "١",
            "0.0000000000000000000000000000000000001", "12345678901234567890x", "1\u{0}",
        ]
    )
    func refuses(_ text: String) {
        #expect(FixedPoint(text) == nil)
    }

    @Test("prints what it read, digit by digit", arguments: 1...4)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<5_000 {
            let fraction = random.below(37)
            let whole = random.below(38 - fraction) + 1
            let text = random.decimal(whole: 0...whole, fraction: fraction...fraction, negative: true)
            let significant = text.filter(\.isNumber).drop { $0 == "0" }
            if significant.count > 38 || significant.count == 38 && significant.first != "1" { continue }
            if significant.count == 38, BigNatural(digits: String(significant)) > BigNatural(digits: "\(Int128.max)") {
                continue
            }
            let value = try #require(FixedPoint(text), "\(text)")
            let expected = significant.isEmpty ? text.drop { $0 == "-" } : Substring(text)
            #expect(value.description == expected)
            #expect(Int(value.scale) == fraction)
        }
    }

    @Test("any bytes are read or refused, and what was read is read alike again", arguments: 1...4)
    func garbage(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let buffer = GuardedBytes(capacity: 64)
        let alphabet = Array("0123456789.-+eE ".utf8)
        for _ in 0..<20_000 {
            let bytes = (0..<random.below(48)).map { _ in
                random.chance(60) ? UInt8(random.below(256)) : random.pick(alphabet)
            }
            guard let value = buffer.atEnd(bytes, { FixedPoint(bytes: $0) }) else { continue }
            let again = FixedPoint(value.description)
            #expect(again?.mantissa == value.mantissa && again?.scale == value.scale, "\(bytes)")
        }
    }

    @Test("orders numbers of any scales as the numbers are", arguments: 1...4)
    func order(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2_000 {
            // Long and short, so that aligning often overflows; and near twins.
            let first = random.decimal(
                whole: 0...random.pick([2, 20, 37]),
                fraction: 0...random.pick([0, 3, 36]),
                negative: true
            )
            var second = random.decimal(
                whole: 0...random.pick([2, 20, 37]),
                fraction: 0...random.pick([0, 3, 36]),
                negative: true
            )
            if random.chance(3) { second = first + (first.contains(".") ? "0" : ".0") }
            guard let a = FixedPoint(first), let b = FixedPoint(second) else { continue }
            let expected = BigDecimal.compare(BigDecimal(first), BigDecimal(second))
            #expect((a < b ? -1 : (a == b ? 0 : 1)) == expected, "\(first) \(second)")
            #expect((b < a ? -1 : (b == a ? 0 : 1)) == -expected, "\(second) \(first)")
        }
    }

    @Test("sums, differences and products are exact or nil", arguments: 1...4)
    func arithmetic(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var computed = 0
        for _ in 0..<2_000 {
            let first = random.decimal(
                whole: 0...random.pick([6, 14]),
                fraction: 0...random.pick([4, 10]),
                negative: true
            )
            let second = random.decimal(
                whole: 0...random.pick([6, 14]),
                fraction: 0...random.pick([4, 10]),
                negative: true
            )
            let a = try #require(FixedPoint(first))
            let b = try #require(FixedPoint(second))
            let (x, y) = (BigDecimal(first), BigDecimal(second))
            #expect(a.subtracting(b)?.normalized.description == (x - y).text)
            #expect(a.adding(b)?.normalized.description == (x - y.negated).text)
            guard let product = a.multiplied(by: b) else { continue }
            computed += 1
            #expect(product.normalized.description == (x * y).text)
        }
        #expect(computed > 1_600)
    }

    @Test("a sum or product that does not fit is nil, never wrong")
    func overflow() throws {
        let huge = try #require(FixedPoint("170141183460469231731687303715884105727"))
        #expect(huge.adding(FixedPoint(1)) == nil)
        #expect((-huge).subtracting(FixedPoint(2)) == nil)
        #expect(huge.multiplied(by: FixedPoint(2)) == nil)
        let tiny = try #require(FixedPoint("0.000000000000000000000000000000000001"))
        #expect(tiny.multiplied(by: tiny) == nil)
        #expect(huge.adding(tiny) == nil)
        #expect(tiny < huge && -huge < tiny && huge != tiny)
    }
}

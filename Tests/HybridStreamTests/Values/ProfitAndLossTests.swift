import Testing

@testable import HybridStream

@Suite("ProfitAndLoss")
struct ProfitAndLossTests {
    struct Example: Sendable {
        var category: Category = .linear
        var side: Side
        var size: String
        var entry: String
        var mark: String
        var expected: String?
    }

    @Test(
        "captured and computed examples",
        arguments: [
            // The exchange's own row says 5.60024: it rounds what is computed exactly here.
            Example(side: .buy, size: "0.006", entry: "23989.61666667", mark: "24922.99", expected: "5.60023999998"),
            Example(side: .sell, size: "0.006", entry: "23989.61666667", mark: "24922.99", expected: "-5.60023999998"),
            Example(side: .buy, size: "0.5", entry: "60000", mark: "60123.40", expected: "61.7"),
            Example(side: .sell, size: "1000", entry: "0.0001", mark: "0.00009", expected: "0.01"),
            Example(side: .buy, size: "3", entry: "10", mark: "10.00", expected: "0"),
            Example(side: .none, size: "0", entry: "0", mark: "10", expected: "0"),
            // Without an entry price nothing can be said: a size times a mark is not a profit.
            Example(side: .buy, size: "3", entry: "0", mark: "10", expected: nil),
            Example(side: .sell, size: "3", entry: "0", mark: "10", expected: nil),
            Example(side: .buy, size: "3", entry: "10", mark: "0", expected: nil),
            Example(
                category: .inverse,
                side: .sell,
                size: "300",
                entry: "27464.50",
                mark: "28224.50",
                expected: "-0.00029413"
            ),
            Example(
                category: .inverse,
                side: .sell,
                size: "300",
                entry: "27464.50441675",
                mark: "28224.50",
                expected: "-0.00029413"
            ),
            Example(
                category: .inverse,
                side: .buy,
                size: "300",
                entry: "27464.50",
                mark: "28224.50",
                expected: "0.00029413"
            ),
            // Rounds up to 2^128, which is more than there is room for on the way.
            Example(
                category: .inverse,
                side: .buy,
                size: "162219818297390089428416098904401459887",
                entry: "6904",
                mark: "6905",
                expected: nil
            ),
            // 1/4 − 1/8 = 0.125 exactly.
            Example(category: .inverse, side: .buy, size: "1", entry: "4", mark: "8", expected: "0.125"),
            // Halves at the ninth digit: 0.000000005 × odd and even.
            Example(category: .inverse, side: .buy, size: "1", entry: "100000000", mark: "200000000", expected: "0"),
            Example(
                category: .inverse,
                side: .buy,
                size: "3",
                entry: "100000000",
                mark: "200000000",
                expected: "0.00000002"
            ),
            Example(
                category: .inverse,
                side: .sell,
                size: "3",
                entry: "100000000",
                mark: "200000000",
                expected: "-0.00000002"
            ),
            Example(
                category: .inverse,
                side: .buy,
                size: "5",
                entry: "100000000",
                mark: "200000000",
                expected: "0.00000002"
            ),
            Example(category: .inverse, side: .buy, size: "300", entry: "0", mark: "28224.50", expected: nil),
            Example(category: .inverse, side: .buy, size: "300", entry: "27464.50", mark: "0", expected: nil),
        ]
    )
    func examples(_ example: Example) throws {
        let position = try Self.position(example)
        let mark = try #require(FixedPoint(example.mark))
        #expect(position.unrealizedPnL(at: mark)?.description == example.expected)
    }

    static func position(_ example: Example) throws -> Position {
        Position(
            key: PositionKey(category: example.category, symbol: "X", positionIndex: 0),
            side: example.side,
            size: try #require(FixedPoint(example.size)),
            entryPrice: try #require(FixedPoint(example.entry))
        )
    }

    @Test("linear is exact", arguments: 1...3)
    func linear(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<1_000 {
            let size = random.decimal(whole: 0...9, fraction: 0...8)
            let entry = random.digits(1) + random.decimal(whole: 1...7, fraction: 0...8)
            let mark = random.digits(1) + random.decimal(whole: 1...7, fraction: 0...8)
            let move = BigDecimal(mark) - BigDecimal(entry)
            for side in [Side.buy, .sell] {
                let expected = ((side == .sell ? move.negated : move) * BigDecimal(size)).text
                let position = try Self.position(Example(side: side, size: size, entry: entry, mark: mark))
                let actual = position.unrealizedPnL(at: try #require(FixedPoint(mark)))
                #expect(actual?.description == expected, "\(side) \(size) \(entry) → \(mark)")
            }
        }
    }

    @Test("inverse is the exact quotient, rounded half to even at eight digits", arguments: 1...3)
    func inverse(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<300 {
            let size = random.decimal(whole: 1...10, fraction: 0...random.pick([0, 0, 3, 12]))
            let entry = random.decimal(whole: 1...7, fraction: 0...8)
            let mark = random.decimal(whole: 1...7, fraction: 0...8)
            let (e, m) = (BigDecimal(entry), BigDecimal(mark))
            let long = (BigDecimal(size) * (m - e)).divided(by: e * m, places: 8)
            for side in [Side.buy, .sell] {
                let expected = (side == .sell ? long.negated : long).text
                let position = try Self.position(
                    Example(category: .inverse, side: side, size: size, entry: entry, mark: mark)
                )
                let actual = position.unrealizedPnL(at: try #require(FixedPoint(mark)))
                #expect(actual?.description == expected, "\(side) \(size) \(entry) → \(mark)")
            }
        }
    }

    @Test("what 38 digits do not hold is nil")
    func overflow() throws {
        let long = "99999999999999999999.999999999999999999"
        for category in [Category.linear, .inverse] {
            let position = try Self.position(
                Example(category: category, side: .buy, size: long, entry: "1.000000000000000001", mark: long)
            )
            #expect(position.unrealizedPnL(at: try #require(FixedPoint(long))) == nil)
        }
    }
}

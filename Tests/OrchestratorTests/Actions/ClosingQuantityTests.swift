import HybridStream
import Testing

@testable import Orchestrator

@Suite struct ClosingQuantityTests {
    struct Row: Sendable {
        var size: String
        var step: String?
        var least: String?
        var most: String?
        var marketMost: String?
        var isMarket = true
        /// Nil: an order without a quantity.
        var quantity: String?
    }

    private static func number(_ text: String) throws -> FixedPoint { try #require(FixedPoint(text)) }

    @Test(arguments: [
        // All of it, as the row wrote it.
        Row(size: "0.500", step: "0.001", least: "0.001", most: "1190", marketMost: "500", quantity: "0.500"),
        Row(size: "500.000", step: "0.001", least: "0.001", most: "1190", marketMost: "500.000", quantity: "500.000"),
        // More than one order may have.
        Row(size: "500.001", step: "0.001", least: "0.001", most: "1190", marketMost: "500", quantity: "500"),
        Row(
            size: "1190.001",
            step: "0.001",
            least: "0.001",
            most: "1190",
            marketMost: "500",
            isMarket: false,
            quantity: "1190"
        ),
        Row(size: "800", step: "1", least: "1", most: "1190", marketMost: "500", isMarket: false, quantity: "800"),
        Row(size: "2000", step: "1", least: "1", most: "1190", quantity: "1190"),
        Row(size: "2000", step: "300", least: "300", most: "1000", quantity: "900"),
        // Off the steps, which the exchange has revised: never more than there is.
        Row(size: "1005", step: "10", least: "10", most: "5000", quantity: "1000"),
        Row(size: "0.0999", step: "0.01", least: "0.01", most: "5000", quantity: "0.09"),
        // Less than an order may have.
        Row(size: "5", step: "10", least: "10", most: "5000", quantity: nil),
        Row(size: "0.4", step: "0.1", least: "0.5", most: "5000", quantity: nil),
        Row(size: "0.4", least: "0.5", quantity: nil),
        Row(size: "0.5", step: "0.1", least: "0.5", quantity: "0.5"),
        // Rules that are not told, or make no sense, change nothing.
        Row(size: "7.5", quantity: "7.5"),
        Row(size: "7.5", step: "0", least: "0", most: "0", marketMost: "0", quantity: "7.5"),
        Row(size: "7.5", step: "-1", least: "-1", most: "-1", quantity: "7.5"),
        Row(size: "7.5", step: "1", least: "5", most: "2", quantity: "7.5"),
        Row(size: "7.5", step: "10", most: "2", quantity: "7.5"),
        Row(
            size: "170141183460469231731687303715884105727",
            step: "0.01",
            quantity: "170141183460469231731687303715884105727"
        ),
    ])
    func quantities(row: Row) throws {
        var rules = Instrument(symbol: "A")
        rules.qtyStep = try row.step.map(Self.number)
        rules.minOrderQty = try row.least.map(Self.number)
        rules.maxOrderQty = try row.most.map(Self.number)
        rules.maxMarketOrderQty = try row.marketMost.map(Self.number)
        let quantity = ClosingQuantity(try Self.number(row.size), rules: rules, isMarket: row.isMarket)
        switch quantity {
        case .part(let part): #expect(part.description == row.quantity)
        case .rest: #expect(row.quantity == nil)
        }
    }

    /// However the rules are, no order asks for more than there is, and closing goes on until nothing is left.
    @Test func everyPositionEndsAfterSomeOrders() throws {
        var random = SplitMix64(seed: 4)
        for _ in 0..<2_000 {
            func number(_ most: UInt64, _ scale: UInt8) -> FixedPoint {
                FixedPoint(mantissa: Int128(random.next() % most) + 1, scale: scale)
            }
            var rules = Instrument(symbol: "A")
            rules.qtyStep = number(20, 2)
            rules.minOrderQty = number(40, 2)
            rules.maxOrderQty = number(3_000, 2)
            rules.maxMarketOrderQty = number(3_000, 2)
            var size = number(10_000, 3)
            var orders = 0
            while size.isPositive, orders < 2_000 {
                orders += 1
                guard case .part(let part) = ClosingQuantity(size, rules: rules, isMarket: orders % 2 == 0) else {
                    size = .zero
                    break
                }
                #expect(part.isPositive && part <= size)
                guard part.isPositive, let rest = size.subtracting(part) else { break }
                size = rest
            }
            #expect(!size.isPositive)
        }
    }
}

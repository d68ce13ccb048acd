import Foundation
import HybridStream
import Testing

@testable import Orchestrator

@Suite struct PercentMathTests {
    struct Rounding: Sendable {
        var price: String
        var tick: String
        var down: String
        var up: String
    }

    @Test(
        arguments: [
            Rounding(price: "100.07", tick: "0.1", down: "100", up: "100.1"),
            Rounding(price: "100.1", tick: "0.1", down: "100.1", up: "100.1"),
            Rounding(price: "100.10000000001", tick: "0.10", down: "100.1", up: "100.2"),
            Rounding(price: "100.09999999999", tick: "0.10", down: "100", up: "100.1"),
            Rounding(price: "60123.4", tick: "5", down: "60120", up: "60125"),
            Rounding(price: "60125.000", tick: "5", down: "60125", up: "60125"),
            Rounding(price: "1.37", tick: "0.25", down: "1.25", up: "1.5"),
            Rounding(price: "0.000012345", tick: "0.00000001", down: "0.00001234", up: "0.00001235"),
            Rounding(price: "0.04", tick: "0.1", down: "0", up: "0.1"),
            Rounding(price: "0", tick: "0.1", down: "0", up: "0"),
            Rounding(price: "-0.04", tick: "0.1", down: "-0.1", up: "0"),
            Rounding(price: "12", tick: "0.001", down: "12", up: "12"),
        ]
    )
    func roundsToTheTick(_ example: Rounding) throws {
        let price = try Scene.decimal(example.price)
        let tick = try Scene.decimal(example.tick)
        #expect(try PercentMath.rounded(price, to: tick, up: false, "a price").description == example.down)
        #expect(try PercentMath.rounded(price, to: tick, up: true, "a price").description == example.up)
    }

    struct Move: Sendable {
        var price: String
        var percent: String
        var moved: String
        var share: String
    }

    @Test(
        arguments: [
            Move(price: "100", percent: "4", moved: "104", share: "4"),
            Move(price: "100", percent: "-4", moved: "96", share: "-4"),
            Move(price: "23989.61666667", percent: "0.05", moved: "24001.611475003335", share: "11.994808333335"),
            Move(price: "0.00001", percent: "-0.001", moved: "0.0000099999", share: "-0.0000000001"),
            Move(price: "3", percent: "-100", moved: "0", share: "-3"),
            Move(price: "3", percent: "-150", moved: "-1.5", share: "-4.5"),
            Move(price: "3", percent: "0", moved: "3", share: "0"),
        ]
    )
    func percentagesAreExact(_ example: Move) throws {
        let price = try Scene.decimal(example.price)
        let percent = try Scene.decimal(example.percent)
        #expect(try PercentMath.moved(price, by: percent, "x").normalized.description == example.moved)
        #expect(try PercentMath.share(percent, of: price, "x").normalized.description == example.share)
    }

    @Test func whatDoesNotFitIsNamed() throws {
        let long = try Scene.decimal("12345678901234567890123456789012345678")
        let tick = try Scene.decimal("0.00000001")
        let fine = FixedPoint(mantissa: 1, scale: 36)
        func error(_ work: () throws -> FixedPoint) -> String? {
            do {
                _ = try work()
                return nil
            } catch { return "\(error)" }
        }
        let errors = [
            error { try PercentMath.moved(long, by: FixedPoint(250), "the stop") },
            error { try PercentMath.share(fine, of: FixedPoint(3), "the stop") },
            error { try PercentMath.rounded(long, to: tick, up: true, "the stop") },
            error { try PercentMath.product(long, long, "the stop") },
            error { try PercentMath.sum(FixedPoint(mantissa: .max, scale: 0), FixedPoint(1), "the stop") },
        ]
        for text in errors { #expect(text?.hasPrefix("the stop does not fit into 38 digits") == true) }
        let untold = error { try PercentMath.rounded(FixedPoint(1), to: .zero, up: true, "the stop") }
        #expect(untold?.hasPrefix("the stop cannot be rounded to a tick size of 0") == true)
    }

    @Test func zerosBehindThePointDoNotCountAgainstTheRoom() throws {
        let half = try Scene.decimal("0.50000000000000000000000000000000000")
        #expect(half.scale == 35)
        #expect(try PercentMath.share(half, of: FixedPoint(200), "x") == FixedPoint(1))
    }

    @Test func quotientsAreRoundedAtAFineDigit() throws {
        let third = try Scene.decimal("0.3333333")
        #expect(PercentMath.quotient(try Scene.decimal("1.0"), by: 3, up: false) == third)
        #expect(PercentMath.quotient(try Scene.decimal("1.0"), by: 3, up: true) > third)
        #expect(PercentMath.quotient(FixedPoint(-1), by: 3, up: false) == (try Scene.decimal("-0.333334")))
        #expect(PercentMath.quotient(FixedPoint(6), by: 3, up: true) == FixedPoint(2))
        // Where no digits can be added the whole number is rounded.
        let long = FixedPoint(mantissa: .max, scale: 0)
        #expect(PercentMath.quotient(long, by: 2, up: false).mantissa == Int128.max / 2)
    }

    @Test func partsAreCounted() throws {
        #expect(PercentMath.count(of: try Scene.decimal("0.5"), in: FixedPoint(10)) == 20)
        #expect(PercentMath.count(of: FixedPoint(3), in: FixedPoint(10)) == 4)
        #expect(PercentMath.count(of: .zero, in: FixedPoint(10)) == nil)
        #expect(PercentMath.count(of: FixedPoint(mantissa: 1, scale: 30), in: FixedPoint(10)) == nil)
    }

    @Test func aShortMirrorsALong() throws {
        let (low, high) = (FixedPoint(1), FixedPoint(2))
        #expect(Side.buy.isBetter(high, than: low) && Side.sell.isBetter(low, than: high))
        #expect(!Side.buy.isBetter(low, than: low) && !Side.sell.isBetter(low, than: low))
        #expect(Side.buy.best(low, high) == high && Side.sell.best(low, high) == low)
        #expect(Side.buy.reaches(high, high) && Side.buy.reaches(high, low) && !Side.buy.reaches(low, high))
        #expect(Side.sell.reaches(low, low) && Side.sell.reaches(low, high) && !Side.sell.reaches(high, low))
        #expect(Side.buy.move(high) == high && Side.sell.move(high) == FixedPoint(-2))
    }

    @Test func bandsNarrowOnTheRightSide() throws {
        var long = QuietBand.everything()
        var short = QuietBand.everything(until: 9)
        for price in [3, 5, 4] {
            long.endAtGain(FixedPoint(price), .buy)
            short.endAtGain(FixedPoint(price), .sell)
        }
        for price in [1, 2] {
            long.endAtLoss(FixedPoint(price), .buy)
            short.endAtLoss(FixedPoint(10 - price), .sell)
        }
        long.end(at: 7)
        short.end(at: 11)
        #expect(long == QuietBand(low: FixedPoint(2), high: FixedPoint(3), until: 7))
        #expect(short == QuietBand(low: FixedPoint(5), high: FixedPoint(8), until: 9))
    }

    @Test func numbersAreStoredAsTheirText() throws {
        for text in ["60123.40", "-0.005", "0", "12345678901234567890123456789012345678"] {
            let value = try Scene.decimal(text)
            let data = try JSONEncoder().encode([value])
            #expect(String(decoding: data, as: UTF8.self) == "[\"\(text)\"]")
            #expect(try JSONDecoder().decode([FixedPoint].self, from: data).map(\.description) == [text])
        }
        for text in ["[\"1,5\"]", "[1.5]", "[\"\"]"] {
            #expect(throws: DecodingError.self) { try JSONDecoder().decode([FixedPoint].self, from: Data(text.utf8)) }
        }
    }

    @Test func equalNumbersAreOneInASet() throws {
        let texts = ["1", "1.0", "1.00", "10", "10.0", "0", "0.00", "-1", "-1.0"]
        #expect(Set(try texts.map(Scene.decimal)).count == 4)
    }
}

import Testing

@testable import Simulator

struct PositionStateTests {
    private let linear = InstrumentList.make(linear: 1)[0]
    private let inverse = InstrumentList.make(linear: 1).first { $0.symbol == "BTCUSD" }

    private func units(_ text: String) throws -> Int64 { try #require(Units.parse(text)) }

    @discardableResult
    private func fill(
        _ state: inout PositionState,
        _ side: Side,
        _ quantity: String,
        _ price: String,
        fee: Int64 = 0,
        on instrument: Instrument? = nil
    ) throws -> RowCause {
        state.apply(
            side,
            try self.units(quantity),
            at: try self.units(price),
            fee: fee,
            instrument: instrument ?? self.linear,
            now: 1000
        )
    }

    @Test func averagesTheEntryToEightDecimals() throws {
        var state = PositionState()
        #expect(try self.fill(&state, .buy, "0.001", "23989.5") == .open)
        #expect(try self.fill(&state, .buy, "0.002", "23989.7") == .increase)
        // (23989.5 + 2 × 23989.7) ÷ 3
        #expect(Units.text(state.entry) == "23989.63333333")
        #expect(try self.fill(&state, .buy, "0.003", "23989.6") == .increase)
        #expect(Units.text(state.entry) == "23989.61666667")
        #expect(
            state.profit(state.size, at: try self.units("24922.99"), instrument: self.linear)
                == (try self.units("5.60024"))
        )
    }

    @Test func reducingKeepsTheEntryAndRealises() throws {
        var state = PositionState()
        try self.fill(&state, .sell, "3", "100")
        #expect(try self.fill(&state, .buy, "1", "90", fee: 5) == .reduce)
        #expect(Units.text(state.entry) == "100")
        #expect(Units.text(state.size) == "2")
        #expect(state.realised == 10 * Units.one - 5)
        try self.fill(&state, .sell, "2", "110")
        #expect(Units.text(state.entry) == "105")
    }

    @Test func flippingStartsClean() throws {
        var state = PositionState()
        try self.fill(&state, .buy, "1", "100")
        state.stopLoss = 90 * Units.one
        state.setTrailing(Units.one, activation: 0)
        #expect(try self.fill(&state, .sell, "3", "120") == .flip)
        #expect(state.side == .sell)
        #expect(Units.text(state.size) == "2")
        #expect(Units.text(state.entry) == "120")
        #expect(state.realised == 0)
        #expect(state.realisedEver == 20 * Units.one)
        #expect(!state.hasStops)
    }

    @Test func closingLeavesNothing() throws {
        var state = PositionState()
        try self.fill(&state, .buy, "1", "100")
        state.takeProfit = 130 * Units.one
        #expect(try self.fill(&state, .sell, "1", "101") == .close)
        #expect(state.side == .none)
        #expect(state.size == 0 && state.entry == 0 && state.openTime == 0 && !state.hasStops)
        #expect(state.realisedEver == Units.one)
    }

    @Test func inversePaysInCoin() throws {
        let instrument = try #require(self.inverse)
        var state = PositionState()
        try self.fill(&state, .sell, "300", "27464.50", on: instrument)
        let profit = state.profit(state.size, at: try self.units("28224.50"), instrument: instrument)
        #expect(Units.text(profit) == "-0.00029413")
        // Harmonic: 300 at 27464.5 and 100 at 30000 were sold for 300/27464.5 + 100/30000 coin.
        try self.fill(&state, .sell, "100", "30000", on: instrument)
        #expect(Units.text(state.entry) == "28057.32795866")
    }

    @Test(arguments: [
        (Side.buy, StopKind.stopLoss, "95", "95.1", "95"), (.sell, .stopLoss, "105", "104.9", "105"),
        (.buy, .takeProfit, "105", "104.9", "105"), (.sell, .takeProfit, "95", "95.1", "95"),
    ])
    func stopsFireAtTheirPrice(side: Side, kind: StopKind, stop: String, before: String, at: String) throws {
        var state = PositionState()
        try self.fill(&state, side, "1", "100")
        if kind == .stopLoss { state.stopLoss = try self.units(stop) } else { state.takeProfit = try self.units(stop) }
        let calm = try self.units(before)
        let hit = try self.units(at)
        #expect(state.firingStop(last: calm, mark: hit) == nil)
        #expect(state.firingStop(last: hit, mark: calm) == kind)
        state.stopByMark = true
        state.profitByMark = true
        #expect(state.firingStop(last: hit, mark: calm) == nil)
        #expect(state.firingStop(last: calm, mark: hit) == kind)
    }

    @Test func trailingStopFollowsAndFires() throws {
        var state = PositionState()
        try self.fill(&state, .buy, "1", "100")
        state.setTrailing(try self.units("5"), activation: try self.units("110"))
        func at(_ price: String) throws -> StopKind? {
            let price = try self.units(price)
            return state.firingStop(last: price, mark: price)
        }
        // Not armed before the activation price trades.
        #expect(try at("90") == nil)
        #expect(try at("109.9") == nil)
        #expect(try at("110") == nil)
        #expect(try at("120") == nil)
        #expect(try at("115.1") == nil)
        #expect(try at("115") == .trailing)
    }
}

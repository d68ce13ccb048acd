import Chaos
import HybridStream
import Orchestrator
import Testing

/// More than a day of the whole client at the exchange: when aged positions are closed, and at which price.
@Suite("Aged positions over hours")
struct AgedHoursTests {
    private static let hour = Duration.seconds(3_600)

    /// Marks that stand still are told once; every half minute each moves by its smallest step and back.
    private struct Script {
        var entries: [ChaosPlan.Entry] = []
        let end: Duration

        mutating func hold(
            _ symbol: String,
            _ side: String,
            index: Int = 0,
            marks: [(from: Duration, price: Int)],
            step: FixedPoint
        ) {
            for (place, level) in marks.enumerated() {
                let until = place + 1 < marks.count ? marks[place + 1].from : self.end
                var time = level.from
                var isUp = false
                while time < until {
                    let price = FixedPoint(level.price).adding(isUp ? step : .zero) ?? .zero
                    self.entries.append(ChaosPlan.Entry(time, .mark(symbol: symbol, price: price)))
                    isUp.toggle()
                    time += .seconds(30)
                }
            }
            let body =
                #"{"account":"a0","symbol":"\#(symbol)","position_idx":\#(index),"side":"\#(side)","size":"100"}"#
            self.entries.append(ChaosPlan.Entry(.seconds(10), .exchange(path: "/positions", body: body)))
        }
    }

    @Test("profit, break-even and a growing loss: each at its time; who trails is left alone")
    func hours() async throws {
        var strategy = Strategy()
        strategy.agedMonitor = AgedMonitorParameters()
        var trailing = TrailingStopParameters()
        trailing.breakevenPercent = .zero
        strategy.trailingStop = trailing
        let hour = Self.hour
        var script = Script(end: hour * 27)
        let tick = FixedPoint(mantissa: 1, scale: 2)
        // In profit all the time, but not old before three hours; then at once.
        // Prices move by the script alone.
        script.entries.append(ChaosPlan.Entry(.zero, .exchange(path: "/prices", body: #"{"running":false}"#)))
        script.hold("ETHUSDT", "Sell", marks: [(.zero, 3_000), (hour, 2_990)], step: tick)
        // Three hours are over, a dollar less than entry and twice 0.05 %: 60060 comes only later.
        script.hold(
            "BTCUSDT",
            "Buy",
            marks: [(.zero, 60_000), (hour, 61_000), (hour * 2, 60_059), (hour * 4 + .seconds(600), 60_060)],
            step: FixedPoint(mantissa: 1, scale: 1)
        )
        // Two percent below entry: less 0.1 % of costs that is 2.1 %, accepted 4.2 hours after the grace period.
        script.hold("SOLUSDT", "Buy", marks: [(.zero, 150), (.seconds(60), 147)], step: -tick)
        // Twelve percent against it: after twenty hours of growing ten are too much, and it goes whatever the price.
        script.hold("XRPUSDT", "Sell", marks: [(.zero, 100), (.seconds(60), 112)], step: tick)
        // Trailing at +3 %: its own stop ends it in the ninth hour.
        script.hold(
            "SHIB1000USDT",
            "Buy",
            marks: [(.zero, 1_000), (hour, 1_030), (hour * 8, 1_020)],
            step: tick
        )
        let plan = ChaosPlan(strategy: strategy, symbols: 6, until: script.end, entries: script.entries)
        let outcome = await ChaosRun.apart(plan)
        #expect(outcome.violation == nil)
        #expect(outcome.closings.allSatisfy { $0.consumer == "aged_monitor" })
        let closings = Dictionary(grouping: outcome.closings, by: \.symbol)
        #expect(closings.count == 4 && outcome.closings.count == 4, "\(outcome.closings)")
        func expect(_ symbol: String, after age: Duration, at price: FixedPoint) throws {
            let closing = try #require(closings[symbol]?.first, "\(symbol) is not closed")
            // Positions open ten seconds after the start; the mark is at its price once a minute.
            let late = closing.time - age - .seconds(10)
            #expect(late >= .zero && late <= .seconds(61), "\(symbol) after \(closing.time)")
            #expect(closing.mark == price || closing.mark == price.adding(tick), "\(symbol) at \(closing.mark)")
        }
        try expect("ETHUSDT", after: hour * 3, at: FixedPoint(2_990))
        try expect("BTCUSDT", after: hour * 4 + .seconds(590), at: FixedPoint(60_060))
        try expect("SOLUSDT", after: hour * 6 + .seconds(15_120), at: FixedPoint(147))
        try expect("XRPUSDT", after: hour * 26, at: FixedPoint(112))
    }
}

import HybridStream
import Testing

@testable import Orchestrator

/// An exchange with a true history of positions and marks, a stream and a REST interface that are both late, and a comparison
/// that sees only those. Everything follows from the seed.
struct ComparisonSimulation {
    struct Faults {
        /// From then on the stream is told nothing, in seconds.
        var deafFrom = Double.infinity
        /// From then on REST's marks are wrong by two percent.
        var wrongMarksFrom = Double.infinity
        /// Nothing changes any more, in seconds.
        var quietFrom = Double.infinity
    }

    struct Result {
        var divergences: [(time: Double, divergence: Divergence)] = []
        /// When each sweep arrived.
        var sweeps: [Double] = []
        var changes = 0
        var comparison: StreamComparison
    }

    private struct Change {
        var time: Double
        /// When the stream has it.
        var told: Double
        var position: Position
    }

    private static let symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]

    let faults: Faults
    /// Mean seconds between two changes of one leg.
    let pace: Double
    private var random: SplitMix64
    private var changes: [[Change]] = []
    private var priceSteps: [(time: Double, price: Int)] = []

    init(seed: UInt64, pace: Double, duration: Double, faults: Faults = Faults()) throws {
        self.faults = faults
        self.pace = pace
        self.random = SplitMix64(seed: seed)
        for symbol in Self.symbols { self.changes.append(try self.history(of: symbol, duration)) }
        var price = 1_000_000
        var time = 0.0
        while time < duration {
            self.priceSteps.append((time, price))
            price += Int.random(in: -200...200, using: &self.random)
            time += Double.random(in: 0.05...1, using: &self.random)
        }
    }

    /// Opens, grows, shrinks, flips, closes, reopens; sometimes back to what it was before, sometimes in bursts.
    private mutating func history(of symbol: String, _ duration: Double) throws -> [Change] {
        var time = Double.random(in: 0...self.pace, using: &self.random)
        var told = 0.0
        var changes: [Change] = []
        while time < min(duration, self.faults.quietFrom) {
            let roll = Int.random(in: 0..<10, using: &self.random)
            let position: Position
            if roll < 3 {
                position = try flat(symbol)
            } else if roll < 5, changes.count > 1 {
                position = changes[changes.count - 2].position
            } else {
                position = try leg(
                    of: symbol,
                    roll < 8 ? .buy : .sell,
                    "\(Int.random(in: 1...6, using: &self.random))",
                    entry: "\(Int.random(in: 99...101, using: &self.random))"
                )
            }
            // The stream is one connection: what comes later is not told earlier.
            let isLate = Bool.random(using: &self.random)
            told = max(told, time + Double.random(in: (isLate ? 1.8 : 0)...2, using: &self.random))
            changes.append(Change(time: time, told: told, position: position))
            let isBurst = Int.random(in: 0..<4, using: &self.random) == 0
            time += isBurst ? 0.02 : Double.random(in: 0...(2 * self.pace), using: &self.random)
        }
        // The last state is one with positions: a fault is to be seen.
        changes.append(
            Change(time: time, told: max(told, time + 0.5), position: try leg(of: symbol, .buy, "7", entry: "100"))
        )
        return changes
    }

    // MARK: Run

    mutating func run(until end: Double, pollInterval: Double = 5) throws -> Result {
        let comparison = StreamComparison(configuration: RolloutConfiguration(), window: .seconds(1_800))
        var result = Result(comparison: comparison)
        var events = self.changes.joined().filter { $0.told < self.faults.deafFrom }
        events.sort { $0.told < $1.told }
        result.changes = events.count
        result.comparison.streamConfirmed(now: at(0))
        var next = events[...]
        var departure = 6.0
        while departure < end {
            let isQuick = Bool.random(using: &self.random)
            let arrival = departure + Double.random(in: 0...(isQuick ? 0.2 : 4), using: &self.random)
            // The reply may have waited while events went on.
            let handled = arrival + Double.random(in: 0...0.2, using: &self.random)
            while let event = next.first, event.told <= handled {
                next.removeFirst()
                result.comparison.streamChanged(event.position, now: at(event.told))
            }
            let sweep = try self.reply(departure, arrival)
            let range = self.markRange(departure, arrival)
            let outcome = result.comparison.sweep(sweep) { _ in range }
            result.sweeps.append(arrival)
            result.divergences += outcome.confirmed.map { (arrival, $0) }
            departure = handled + (outcome.needsConfirmation ? 1 : pollInterval)
        }
        return result
    }

    /// Each row is as old as it may be; the rows of one reply need not be of one moment.
    private mutating func reply(_ departure: Double, _ arrival: Double) throws -> StreamComparison.Sweep {
        var rows: [Position] = []
        let coversAll = Int.random(in: 0..<8, using: &self.random) > 0
        for index in self.changes.indices {
            if !coversAll, Bool.random(using: &self.random) { continue }
            let isFresh = Bool.random(using: &self.random)
            let moment = Double.random(in: (departure - (isFresh ? 0 : 4.9))...arrival, using: &self.random)
            guard let position = self.changes[index].last(where: { $0.time <= moment })?.position, position.isOpen
            else {
                continue
            }
            let sampled = Double.random(in: departure...arrival, using: &self.random)
            var price = self.price(at: sampled)
            if arrival >= self.faults.wrongMarksFrom { price = price * 102 / 100 }
            rows.append(
                Position(
                    key: position.key,
                    side: position.side,
                    size: position.size,
                    entryPrice: position.entryPrice,
                    rowMarkPrice: FixedPoint(mantissa: Int128(price), scale: 2)
                )
            )
        }
        return StreamComparison.Sweep(
            rows: rows,
            coversAll: coversAll,
            departure: at(departure),
            arrival: at(arrival)
        )
    }

    private func price(at time: Double) -> Int { self.priceSteps.last { $0.time <= time }?.price ?? 1_000_000 }

    private func markRange(_ departure: Double, _ arrival: Double) -> MarkRange {
        var prices = self.priceSteps.filter { $0.time > departure && $0.time <= arrival }.map(\.price)
        prices.append(self.price(at: departure))
        return MarkRange(
            low: FixedPoint(mantissa: Int128(prices.min() ?? 0), scale: 2),
            high: FixedPoint(mantissa: Int128(prices.max() ?? 0), scale: 2)
        )
    }
}

import HybridStream
import Testing

@testable import Orchestrator

/// A band says when a consumer need not be asked: asking it all the same must change nothing.
@Suite struct ConsumerBandTests {
    @Test(arguments: 1...20)
    func positionManagerMissesNothing(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var parameters = PositionManagerParameters()
        parameters.stopLossPercent = FixedPoint(mantissa: Int128(random.pick([0, 5, 40, 900, 1_000])), scale: 1)
        try self.compare(PositionManager(parameters), seed, longestStep: 10_000)
    }

    @Test(arguments: 1...80)
    func trailingStopMissesNothing(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var parameters = TrailingStopParameters()
        parameters.execution = random.pick([.managed, .managed, .exchange])
        parameters.activationPercent = FixedPoint(mantissa: Int128(random.pick([0, 5, 20, 60])), scale: 1)
        parameters.callbackPercent = FixedPoint(mantissa: Int128(random.pick([1, 5, 30])), scale: 1)
        parameters.breakevenPercent = FixedPoint(mantissa: Int128(random.pick([0, 5, 25])), scale: 1)
        parameters.minUpdateInterval = .milliseconds(random.pick([0, 30_000, 120_000]))
        parameters.minImprovementPercent = FixedPoint(mantissa: Int128(random.pick([0, 5, 60])), scale: 2)
        parameters.urgentImprovementPercent = FixedPoint(mantissa: Int128(random.pick([0, 10, 20])), scale: 1)
        try self.compare(TrailingStop(parameters), seed, longestStep: 20_000)
    }

    @Test(arguments: 1...80)
    func agedMonitorMissesNothing(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var parameters = AgedMonitorParameters()
        parameters.maxAge = .seconds(random.pick([1, 300, 900]))
        parameters.gracePeriod = .seconds(random.pick([0, 300, 1_000]))
        parameters.lossStepPercent = FixedPoint(mantissa: Int128(random.pick([0, 3, 70, 700, 1_000])), scale: 1)
        parameters.maxLossPercent = FixedPoint(mantissa: Int128(random.pick([0, 7, 50, 1_000])), scale: 1)
        parameters.commissionPercent = FixedPoint(mantissa: Int128(random.pick([0, 5, 55])), scale: 2)
        parameters.closeWith = random.pick([.market, .limit])
        parameters.isSkippedWhileTrailing = random.chance(2)
        try self.compare(AgedMonitor(parameters), seed, longestStep: 20_000)
    }

    /// The comparisons above would also hold if no band ever covered anything.
    @Test func bandsCoverMostMarks() throws {
        var shares: [String: Double] = [:]
        for seed in UInt64(1)...20 {
            let script = Script(seed: seed, longestStep: 2_000)
            for (name, share) in [
                (PositionManager.name, try Replay(PositionManager(.init()), script, withBands: true).quietShare),
                (TrailingStop.name, try Replay(TrailingStop(.init()), script, withBands: true).quietShare),
                (AgedMonitor.name, try Replay(AgedMonitor(.init()), script, withBands: true).quietShare),
            ] { shares[name, default: 0] += share / 20 }
        }
        for (name, share) in shares { #expect(share > 0.6, "\(name)") }
    }

    private func compare<Compared: Consumer>(
        _ consumer: Compared,
        _ seed: UInt64,
        longestStep: Int
    ) throws {
        let script = Script(seed: seed, longestStep: longestStep)
        let shown = try Replay(consumer, script, withBands: false)
        let spared = try Replay(consumer, script, withBands: true)
        #expect(shown.quietShare == 0)
        #expect(shown.missed == nil)
        #expect(spared.intents == shown.intents)
        let different = zip(shown.memories, spared.memories).enumerated().first { $1.0 != $1.1 }
        #expect(different == nil)
        #expect(shown.memories.count == script.steps.count && spared.memories.count == script.steps.count)
    }
}

/// A long row of moments, the same for every run with the same seed.
private struct Script {
    struct Step {
        var time: Int64
        var mark: FixedPoint
        /// Something else than the mark has changed.
        var row: Scene?
    }

    var first: Scene
    var steps: [Step] = []
    var seed: UInt64

    init(seed: UInt64, longestStep: Int) {
        var random = SplitMix64(seed: seed &* 7_919)
        self.seed = seed
        self.first = Scene(side: random.chance(2) ? .buy : .sell, tickSize: random.pick(["0.1", "0.05", "0.01"]))
        var scene = self.first
        var time: Int64 = 1_000_000
        var price = 10_000
        for _ in 0..<500 {
            time += Int64(random.chance(3) ? random.below(longestStep) : random.below(900))
            price = max(8_500, min(11_500, price + random.below(61) - 30))
            // Marks need not have the same number of digits, nor be multiples of the tick.
            let mark =
                random.chance(8)
                ? FixedPoint(mantissa: Int128(price * 1_000 + random.below(1_000)), scale: 5)
                : FixedPoint(mantissa: Int128(price), scale: 2)
            var step = Step(time: time, mark: mark)
            if random.chance(40) {
                scene.updatedTime += 1
                switch random.below(5) {
                case 0: scene.entry = "\(9_900 + random.below(200))e-2"
                case 1: scene.size = "\(1 + random.below(9))"
                case 2: scene.isTrailing.toggle()
                case 3: scene.entry = scene.entry == "0" ? "100" : "0"
                default: scene.trailingStop = random.pick(["", "0", "1.5"])
                }
                step.row = scene
            }
            self.steps.append(step)
        }
    }
}

/// Shows a script to a consumer and answers its intents as a moody exchange does.
private struct Replay<Shown: Consumer> {
    private(set) var intents: [String] = []
    /// After each step.
    private(set) var memories: [Shown.Memory] = []
    /// What a look into a band has found.
    private(set) var missed: String?
    private var quiet = 0
    var quietShare: Double { Double(self.quiet) / Double(self.memories.count) }

    init(_ consumer: Shown, _ script: Script, withBands: Bool) throws {
        var outcomes = SplitMix64(seed: script.seed &+ 99)
        var probing = SplitMix64(seed: script.seed &+ 5)
        var watch = try Watch(consumer, script.first)
        var band = QuietBand.none
        var flight: (intent: Intent, outcome: IntentOutcome, due: Int)?
        var stop: (price: FixedPoint?, due: Int)?
        for (index, step) in script.steps.enumerated() {
            if let row = step.row {
                let standing = watch.scene.stop
                watch.scene = row
                // Now and then somebody takes the stop away.
                watch.scene.stop = index.isMultiple(of: 5) ? nil : standing
                band = .none
            }
            if let (price, due) = stop, index >= due {
                watch.scene.stop = price?.description
                stop = nil
                band = .none
            }
            if let (intent, outcome, due) = flight, index >= due {
                consumer.settled(intent, outcome, &watch.memory, time: step.time)
                band = .none
                flight = nil
                if outcome == .accepted, case .setStop(let price, _) = intent {
                    stop = (price, index + outcomes.below(6))
                } else if outcome == .accepted, intent.isClosing, outcomes.chance(3) {
                    flight = (intent, .leftover, index + 1 + outcomes.below(4))
                }
            }
            if withBands, step.mark > band.low, step.mark < band.high, step.time < band.until {
                self.quiet += 1
            } else {
                let (intent, quiet) = try watch.look(step.mark, at: step.time)
                band = quiet
                if let intent {
                    self.intents.append("\(index) \(Scene.text(intent))")
                    if flight == nil {
                        let outcome: IntentOutcome = outcomes.pick([
                            .accepted, .accepted, .accepted, .refused(isRateLimit: false), .refused(isRateLimit: true),
                            outcomes.chance(4) ? .impossible : .refused(isRateLimit: false),
                        ])
                        flight = (intent, outcome, index + 1 + outcomes.below(4))
                    }
                } else if !withBands, self.missed == nil {
                    self.missed = try watch.probe(quiet, at: step.time, &probing)
                }
            }
            self.memories.append(watch.memory)
        }
    }
}

/// The surroundings of a moment; what a test does not care about has a value already.
struct Scene: Sendable {
    var side = Side.buy
    var entry = "100"
    var size = "1"
    var tickSize = "0.1"
    var trailingStop = ""
    /// Milliseconds since 1970, as ``updatedTime`` and ``firstSeen``.
    var openTime: Int64 = 1_000_000
    var firstSeen: Int64 = 1_000_500
    var updatedTime: Int64 = 1
    var stop: String?
    var isTrailing = false

    static func decimal(_ text: String) throws -> FixedPoint { try #require(FixedPoint(text)) }

    private static let key = PositionKey(category: .linear, symbol: "BTCUSDT", positionIndex: 0)

    var opening: Opening {
        Opening(key: Self.key, side: self.side, openTime: self.openTime, firstSeen: self.firstSeen)
    }

    func moment(_ mark: FixedPoint, at time: Int64) throws -> Moment {
        Moment(
            opening: self.opening,
            position: Position(
                key: Self.key,
                side: self.side,
                size: try Self.decimal(self.size),
                entryPrice: try Self.decimal(self.entry),
                trailingStop: self.trailingStop,
                updatedTime: self.updatedTime,
                openTime: self.openTime
            ),
            mark: mark,
            time: time,
            tickSize: try Self.decimal(self.tickSize),
            stop: try self.stop.map(Self.decimal),
            isTrailing: self.isTrailing
        )
    }

    /// An intent as the tables of the tests write it.
    static func text(_ intent: Intent?) -> String {
        switch intent {
        case nil: "-"
        case .setStop(let price, _): "stop \(price)"
        case .setTrailingStop(let distance, let activation, _): "trail \(distance) from \(activation)"
        case .closePosition(.market): "close"
        case .closePosition(.limit(let price)): "close at \(price)"
        }
    }
}

/// A consumer and what it remembers. Checks with every look what must hold always.
struct Watch<Watched: Consumer> {
    let consumer: Watched
    var scene: Scene
    var memory: Watched.Memory
    private(set) var band = QuietBand.none
    private(set) var last: Intent?

    init(_ consumer: Watched, _ scene: Scene = Scene()) throws {
        self.consumer = consumer
        self.scene = scene
        self.memory = consumer.begin(scene.opening)
    }

    /// What is asked for at a mark, as text.
    mutating func see(_ mark: String, at time: Int64 = 2_000_000) throws -> String {
        Scene.text(try self.look(try Scene.decimal(mark), at: time).intent)
    }

    mutating func look(_ mark: FixedPoint, at time: Int64) throws -> (intent: Intent?, quiet: QuietBand) {
        let moment = try self.scene.moment(mark, at: time)
        let (intent, quiet) = try self.consumer.decide(moment, &self.memory)
        self.band = quiet
        self.last = intent ?? self.last
        try self.check(intent, moment)
        #expect(intent == nil || quiet == .none)
        // What it asks for is no reason to remember anything.
        var again = self.memory
        let second = try self.consumer.decide(moment, &again)
        #expect(second.intent == intent && second.quiet == quiet && again == self.memory)
        return (intent, quiet)
    }

    /// The exchange's word to what was asked for last.
    mutating func settle(_ outcome: IntentOutcome, at time: Int64 = 2_000_000) throws {
        self.consumer.settled(try #require(self.last), outcome, &self.memory, time: time)
    }

    private func check(_ intent: Intent?, _ moment: Moment) throws {
        let side = moment.opening.side
        switch intent {
        case nil, .closePosition(.market): break
        case .setStop(let price, _):
            try self.checkPrice(price, moment)
            #expect(side == .buy ? price < moment.mark : price > moment.mark)
            if let stop = moment.stop { #expect(side == .buy ? price > stop : price < stop) }
        case .setTrailingStop(let distance, let activation, _):
            try self.checkPrice(distance, moment)
            if activation.isZero { break }
            try self.checkPrice(activation, moment)
            #expect(side == .buy ? activation > moment.mark : activation < moment.mark)
        case .closePosition(.limit(let price)):
            try self.checkPrice(price, moment)
            #expect(side == .buy ? price <= moment.mark : price >= moment.mark)
        }
    }

    private func checkPrice(_ price: FixedPoint, _ moment: Moment) throws {
        #expect(price.isPositive)
        #expect(try PercentMath.rounded(price, to: moment.tickSize, up: false, "it") == price)
        #expect(price.normalized.description == price.description)
    }

    /// Looks at moments inside a band, close to its edges above all.
    /// - Returns: where something would have been missed.
    func probe(_ band: QuietBand, at time: Int64, _ random: inout SplitMix64) throws -> String? {
        let least = FixedPoint(mantissa: 1, scale: 12)
        let low = max(band.low, FixedPoint(1))
        let high = min(band.high, FixedPoint(10_000))
        guard low < high, time < band.until else { return nil }
        let last = band.until == .max ? time + 10_000_000 : band.until - 1
        let width = try #require(high.subtracting(low))
        let part = FixedPoint(mantissa: Int128(1 + random.below(998)), scale: 3)
        let marks = [
            try #require(low.adding(least)), try #require(high.subtracting(least)),
            try #require(width.multiplied(by: part)?.adding(low)),
        ]
        for mark in marks where mark > band.low && mark < band.high && mark.isPositive {
            for instant in [time, Int64.random(in: time...last, using: &random), last] {
                var changed = self.memory
                let moment = try self.scene.moment(mark, at: instant)
                let intent = try self.consumer.decide(moment, &changed).intent
                if intent != nil { return "\(Scene.text(intent)) at \(mark) and \(instant) in \(band)" }
                if changed != self.memory { return "something seen at \(mark) and \(instant) in \(band)" }
            }
        }
        return nil
    }
}

extension SplitMix64 {
    fileprivate mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
    fileprivate mutating func chance(_ oneIn: Int) -> Bool { self.below(oneIn) == 0 }
    fileprivate mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[self.below(choices.count)] }
}

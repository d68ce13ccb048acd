/// The live state of one instrument: prices in units on the tick grid, statistics, and who listens.
final class Market {
    /// Groups of ticker fields that travel together in a delta.
    struct Groups: OptionSet {
        let rawValue: Int
        static let bid = Groups(rawValue: 1)
        static let ask = Groups(rawValue: 2)
        static let last = Groups(rawValue: 4)
        static let mark = Groups(rawValue: 8)
        static let index = Groups(rawValue: 16)
        static let interest = Groups(rawValue: 32)
        static let funding = Groups(rawValue: 64)
        static let range = Groups(rawValue: 128)
    }

    let instrument: Instrument
    let number: Int
    let topic: String
    var random: SeededRandom
    /// Where the price returns to; a mark set from outside moves it.
    var anchor: Int64
    var last: Int64
    var mark: Int64
    var index: Int64
    var bid: Int64
    var ask: Int64
    var bidSize: Int64
    var askSize: Int64
    var high: Int64
    var low: Int64
    var dayAgo: Int64
    var hourAgo: Int64
    var volume: Int64
    var turnover: Int64
    var openInterest: Int64
    /// Funding rate in units.
    var fundingRate: Int64
    var nextFunding: Int64
    var tickDirection: StaticString = "ZeroPlusTick"
    /// Cross sequence: shared by ticker frames, executions and position rows of this symbol.
    private(set) var sequence: Int64
    var changed: Groups = []
    /// Connections that get this topic's frames.
    var subscribers: [Int] = []
    /// Every position ever held in it.
    var positions: [Position] = []
    /// Orders that rest or wait for a trigger.
    var orders: [Order] = []
    /// Whether the topic stays silent for new subscribers too.
    var silenced = false

    init(_ instrument: Instrument, number: Int, seed: UInt64, now: Int64) {
        self.instrument = instrument
        self.number = number
        self.topic = "tickers." + instrument.symbol
        var random = SeededRandom(seed: seed, purpose: "\(instrument.category) \(instrument.symbol)")
        let tick = instrument.tick
        let spread = max(1, instrument.basePrice / tick / 50)
        let price = instrument.basePrice + random.between(-spread, spread) * tick
        self.anchor = price
        self.last = price
        self.mark = price
        self.index = instrument.onGrid(price + random.between(-3, 3) * tick)
        self.bid = max(tick, price - tick)
        self.ask = price + tick
        self.bidSize = random.between(1, 5000) * instrument.quantityStep
        self.askSize = random.between(1, 5000) * instrument.quantityStep
        self.high = instrument.onGrid(price / 100 * 103)
        self.low = instrument.onGrid(price / 100 * 97)
        self.dayAgo = instrument.onGrid(price / 1000 * random.between(960, 1040))
        self.hourAgo = instrument.onGrid(price / 1000 * random.between(990, 1010))
        let daily = random.between(200_000, 9_000_000) * Units.one
        self.turnover = instrument.category == .inverse ? Units.ratio(daily, price) : daily
        let volume = instrument.category == .inverse ? daily : Units.ratio(daily, price)
        self.volume = volume / instrument.quantityStep * instrument.quantityStep
        self.openInterest = self.volume / 3 / instrument.quantityStep * instrument.quantityStep
        self.fundingRate = random.between(-10_000, 20_000)
        self.nextFunding = 0
        self.sequence = 10_000_000_000 + random.between(0, 800_000_000_000)
        self.random = random
        self.nextFunding = Self.funding(after: now, hours: instrument.fundingHours)
    }

    static func funding(after now: Int64, hours: Int) -> Int64 {
        let period = Int64(hours) * 3_600_000
        return (now / period + 1) * period
    }

    /// The mark, so many thousandths higher.
    func mark(skewedBy perMille: Int64) -> Int64 {
        perMille == 0 ? self.mark : self.instrument.onGrid(self.mark + self.mark / 1_000 * perMille)
    }

    func nextSequence() -> Int64 {
        self.sequence += self.random.between(1, 40)
        return self.sequence
    }

    /// One step of the price process: what changed is noted in `changed`.
    func step(now: Int64) {
        let tick = self.instrument.tick
        if self.random.chance(35) {
            let span = max(1, self.last / tick / 8000)
            let pull = (self.anchor - self.last) / tick / 400
            let move = self.random.between(-span, span) + pull
            self.setLast(max(tick, self.last + move * tick))
            self.setBook(around: self.last)
        } else if self.random.chance(45) {
            // One side's size changes, its price often not: a pair with an unchanged member.
            if self.random.chance(50) {
                self.bidSize = self.random.between(1, 5000) * self.instrument.quantityStep
                self.changed.insert(.bid)
            } else {
                self.askSize = self.random.between(1, 5000) * self.instrument.quantityStep
                self.changed.insert(.ask)
            }
        }
        if self.random.chance(45) {
            let target = self.last + self.random.between(-2, 2) * tick
            self.setMark(
                max(tick, self.mark + (target - self.mark) / (2 * tick) * tick + self.random.between(-1, 1) * tick)
            )
        }
        if self.random.chance(4) {
            self.openInterest += self.random.between(-50, 50) * self.instrument.quantityStep
            self.openInterest = max(self.instrument.quantityStep, self.openInterest)
            self.changed.insert(.interest)
        }
        if now >= self.nextFunding {
            self.nextFunding = Self.funding(after: now, hours: self.instrument.fundingHours)
            self.fundingRate = self.random.between(-10_000, 20_000)
            self.changed.insert(.funding)
        }
    }

    private func setLast(_ price: Int64) {
        guard price != self.last else { return }
        self.tickDirection = price > self.last ? "PlusTick" : "MinusTick"
        self.last = price
        let quantity = self.random.between(1, 300) * self.instrument.quantityStep
        self.volume += quantity
        self.turnover += self.instrument.value(quantity, at: price)
        if price > self.high {
            self.high = price
            self.changed.insert(.range)
        }
        if price < self.low {
            self.low = price
            self.changed.insert(.range)
        }
        self.changed.insert(.last)
    }

    private func setMark(_ price: Int64) {
        guard price != self.mark else { return }
        self.mark = price
        self.changed.insert(.mark)
        if self.random.chance(60) {
            let index = self.instrument.onGrid(price + self.random.between(-4, 4) * self.instrument.tick)
            if index != self.index {
                self.index = index
                self.changed.insert(.index)
            }
        }
    }

    private func setBook(around price: Int64) {
        let tick = self.instrument.tick
        let bid = max(tick, price - tick * self.random.between(0, 1))
        let ask = bid + tick * self.random.between(1, 2)
        if bid != self.bid {
            self.bid = bid
            self.bidSize = self.random.between(1, 5000) * self.instrument.quantityStep
            self.changed.insert(.bid)
        }
        if ask != self.ask {
            self.ask = ask
            self.changed.insert(.ask)
        }
    }

    /// Puts every price to `price` at once: mark, last, index and the book around it.
    func pin(to price: Int64) {
        let price = self.instrument.onGrid(price)
        self.anchor = price
        self.setLast(price)
        if price != self.mark {
            self.mark = price
            self.changed.insert(.mark)
        }
        if price != self.index {
            self.index = price
            self.changed.insert(.index)
        }
        self.bid = max(self.instrument.tick, price - self.instrument.tick)
        self.ask = price + self.instrument.tick
        self.changed.formUnion([.bid, .ask])
    }
}

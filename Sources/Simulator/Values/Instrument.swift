/// Product category as the URLs and requests write it.
enum Category: String, CaseIterable {
    case linear, inverse, spot
}

/// One tradable contract. Prices and quantities are in units (10⁻⁸).
struct Instrument {
    let symbol: String
    let category: Category
    let base: String
    let quote: String
    let settle: String
    let tick: Int64
    let priceDecimals: Int
    let quantityStep: Int64
    let minimumQuantity: Int64
    let maximumQuantity: Int64
    let minimumNotional: Int64
    let basePrice: Int64
    let fundingHours: Int
    let launchTime: Int64

    /// Only USDT perpetuals can be hedged.
    var canHedge: Bool { self.category == .linear && self.settle == "USDT" }

    init(
        _ symbol: String,
        _ category: Category,
        base: String,
        quote: String,
        settle: String,
        price: String,
        tick: String,
        step: String,
        maximum: String,
        hours: Int = 8
    ) {
        self.symbol = symbol
        self.category = category
        self.base = base
        self.quote = quote
        self.settle = settle
        self.tick = Units.parse(tick) ?? 1
        self.priceDecimals = tick.split(separator: ".").dropFirst().first?.count ?? 0
        self.quantityStep = Units.parse(step) ?? 1
        self.minimumQuantity = self.quantityStep
        let most = Units.parse(maximum) ?? Units.one
        self.maximumQuantity = most / self.quantityStep * self.quantityStep
        self.minimumNotional = category == .inverse ? 0 : 5 * Units.one
        let price = Units.parse(price) ?? self.tick * 1000
        self.basePrice = price / self.tick * self.tick
        self.fundingHours = hours
        self.launchTime = 1_577_836_800_000 + Int64(SeededRandom.hash(symbol) % 1500) * 86_400_000
    }

    /// The nearest price on the tick grid, never below one tick.
    func onGrid(_ price: Int64) -> Int64 {
        max(self.tick, (price + self.tick / 2) / self.tick * self.tick)
    }

    func hasStep(_ quantity: Int64) -> Bool { quantity % self.quantityStep == 0 }

    /// Value of a quantity at a price, in the settle coin, rounded to units.
    func value(_ quantity: Int64, at price: Int64) -> Int64 {
        self.category == .inverse ? Units.ratio(quantity, price) : Units.multiply(quantity, price)
    }
}

/// What the exchange lists.
enum InstrumentList {
    /// `count` linear perpetuals, and the inverse and spot ones that are always there.
    static func make(linear count: Int) -> [Instrument] {
        var list = self.linear.prefix(max(1, count)).map { self.linearPerpetual($0) }
        if count > self.linear.count {
            for number in (self.linear.count + 1)...count { list.append(self.generated(number)) }
        }
        list += self.inverse.map { row in
            Instrument(
                row.0 + "USD",
                .inverse,
                base: row.0,
                quote: "USD",
                settle: row.0,
                price: row.1,
                tick: row.2,
                step: "1",
                maximum: "12000000"
            )
        }
        list += self.spot.map { row in
            Instrument(
                row.0 + "USDT",
                .spot,
                base: row.0,
                quote: "USDT",
                settle: "USDT",
                price: row.1,
                tick: row.2,
                step: "0.000001",
                maximum: "100000"
            )
        }
        return list
    }

    /// Symbol, price, tick, step. USDC contracts end in PERP.
    private static let linear: [(String, String, String, String)] = [
        ("BTCUSDT", "97435.20", "0.10", "0.001"), ("ETHUSDT", "3381.45", "0.01", "0.01"),
        ("SOLUSDT", "189.230", "0.010", "0.1"), ("1000PEPEUSDT", "0.0182345", "0.0000001", "100"),
        ("SHIB1000USDT", "0.021870", "0.000001", "10"), ("XRPUSDT", "2.4183", "0.0001", "0.1"),
        ("BTCPERP", "97441.0", "0.1", "0.001"), ("ETHPERP", "3382.10", "0.01", "0.01"),
        ("DOGEUSDT", "0.33412", "0.00001", "1"), ("ADAUSDT", "0.9871", "0.0001", "1"),
        ("LINKUSDT", "22.481", "0.001", "0.1"), ("AVAXUSDT", "37.205", "0.005", "0.1"),
        ("LTCUSDT", "104.62", "0.01", "0.1"), ("DOTUSDT", "7.1220", "0.0005", "0.1"),
        ("1000BONKUSDT", "0.029310", "0.000010", "100"), ("NEARUSDT", "5.1850", "0.0010", "0.1"),
        ("ARBUSDT", "0.74230", "0.00010", "0.1"), ("OPUSDT", "1.84210", "0.00010", "0.1"),
        ("SUIUSDT", "4.44870", "0.00010", "10"), ("APTUSDT", "9.1325", "0.0005", "0.01"),
        ("INJUSDT", "21.4050", "0.0050", "0.1"), ("TRXUSDT", "0.24519", "0.00001", "1"),
        ("1000FLOKIUSDT", "0.17432", "0.00002", "10"), ("WIFUSDT", "1.8331", "0.0001", "1"),
        ("BNBUSDT", "693.40", "0.10", "0.01"), ("TONUSDT", "5.4210", "0.0001", "0.1"),
        ("ATOMUSDT", "6.4830", "0.0010", "0.1"), ("FILUSDT", "5.0410", "0.0010", "0.1"),
        ("1000000MOGUSDT", "2.0119", "0.0001", "0.1"), ("RUNEUSDT", "4.9120", "0.0010", "0.1"),
        ("HBARUSDT", "0.28312", "0.00001", "1"), ("XLMUSDT", "0.41172", "0.00001", "1"),
    ]

    private static let inverse: [(String, String, String)] = [
        ("BTC", "97410.50", "0.50"), ("ETH", "3379.25", "0.05"), ("XRP", "2.4171", "0.0001"),
    ]

    private static let spot: [(String, String, String)] = [
        ("BTC", "97428.10", "0.01"), ("ETH", "3381.02", "0.01"), ("SOL", "189.22", "0.01"),
    ]

    private static func linearPerpetual(_ row: (String, String, String, String)) -> Instrument {
        let usdc = row.0.hasSuffix("PERP")
        let base = String(row.0.dropLast(4))
        let coin = usdc ? "USDC" : "USDT"
        // A position of about a hundred million is more than any test needs.
        let maximum = (Units.parse("100000000") ?? 0) / max(1, (Units.parse(row.1) ?? 1) / 10_000) * 10_000
        return Instrument(
            row.0,
            .linear,
            base: base,
            quote: coin,
            settle: coin,
            price: row.1,
            tick: row.2,
            step: row.3,
            maximum: String(max(1000, maximum / Units.one))
        )
    }

    private static func generated(_ number: Int) -> Instrument {
        var random = SeededRandom(seed: UInt64(number), purpose: "instrument")
        let ticks = ["0.1", "0.01", "0.001", "0.0001", "0.00001", "0.000001", "0.0000001"]
        let steps = ["0.01", "0.1", "1", "1", "10", "10", "100"]
        let kind = random.below(ticks.count)
        let price = (Units.parse(ticks[kind]) ?? 1) * random.between(4_000, 90_000)
        let digits = String(number)
        let name = "SYM" + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
        return Instrument(
            name + "USDT",
            .linear,
            base: name,
            quote: "USDT",
            settle: "USDT",
            price: Units.text(price),
            tick: ticks[kind],
            step: steps[kind],
            maximum: "10000000",
            hours: [1, 4, 8][random.below(3)]
        )
    }
}

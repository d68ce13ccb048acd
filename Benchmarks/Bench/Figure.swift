/// One measured number and what it may be.
struct Figure {
    enum Verdict: String {
        /// Where we are going.
        case aim = "OK, aim met"
        case met = "OK"
        /// The median is above the budget, but not all rounds are.
        case withinSpread = "over, within the spread"
        case missed = "MISSED"
        /// Measured for information.
        case none = ""

        var isFailure: Bool { self == .missed }
    }

    /// Short, for `--only` and JSON.
    let name: String
    let title: String
    let unit: String
    /// The most that may be; nil for a number without a budget.
    var must: Double?
    var aim: Double?
    /// One value per round.
    var samples: [Double]
    /// What is included, or why there is no value.
    var note = ""

    init(
        _ name: String,
        _ title: String,
        unit: String,
        must: Double? = nil,
        aim: Double? = nil,
        samples: [Double] = [],
        note: String = ""
    ) {
        self.name = name
        self.title = title
        self.unit = unit
        self.must = must
        self.aim = aim
        self.samples = samples
        self.note = note
    }

    var minimum: Double { self.samples.min() ?? 0 }
    var maximum: Double { self.samples.max() ?? 0 }

    var median: Double {
        let sorted = self.samples.sorted()
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    var spread: Double { self.maximum - self.minimum }

    /// A budget is missed if even the best round is above it: by more than the distance between that and the median.
    var verdict: Verdict {
        guard let must = self.must, !self.samples.isEmpty else { return .none }
        if let aim = self.aim, self.median <= aim { return .aim }
        if self.median <= must { return .met }
        return self.minimum <= must ? .withinSpread : .missed
    }
}

extension Double {
    /// Three significant digits, never in powers of ten.
    var short: String {
        let digits = self.magnitude
        if self == self.rounded(), digits < 1e9 { return String(Int(self)) }
        let places = digits >= 100 ? 0 : digits >= 10 ? 1 : digits >= 1 ? 2 : 3
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let rounded = (digits * scale).rounded()
        guard rounded < 1e15 else { return String(self) }
        let whole = Int(rounded)
        let sign = self < 0 && whole > 0 ? "-" : ""
        if places == 0 { return sign + String(whole) }
        let divisor = Int(scale)
        let fraction = String(whole % divisor)
        return sign + "\(whole / divisor)." + String(repeating: "0", count: places - fraction.count) + fraction
    }
}

import ArgumentParser

/// A duration with its unit, as in the accounts file: `250ms`, `5s`, `10m`, `3h`, `2d`.
struct DurationText: ExpressibleByArgument, Equatable {
    let milliseconds: Int64

    init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let units: [Substring: Int64] = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let number = Int64(digits), let unit = units[argument.dropFirst(digits.count)] else { return nil }
        let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow, milliseconds <= 3650 * 86_400_000 else { return nil }
        self.milliseconds = milliseconds
    }

    var duration: Duration { .milliseconds(self.milliseconds) }

    var defaultValueDescription: String { AgeText.of(self.milliseconds) }
}

import HybridStream

/// Measured values for people.
enum RolloutText {
    /// `12m 4s`, `4h 0m`, `3d 2h`, `850ms`: the two largest units.
    static func elapsed(_ duration: Duration) -> String {
        let milliseconds = max(0, duration.milliseconds)
        let seconds = milliseconds / 1_000
        if seconds < 1 { return milliseconds == 0 ? "0s" : "\(milliseconds)ms" }
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3_600 { return "\(seconds / 60)m \(seconds % 60)s" }
        if seconds < 86_400 { return "\(seconds / 3_600)h \(seconds / 60 % 60)m" }
        return "\(seconds / 86_400)d \(seconds / 3_600 % 24)h"
    }

    static func percent(_ value: FixedPoint) -> String { "\(value.normalized) %" }

    /// A share with two digits after the point, rounded down: all but one of many is not 100 %.
    static func share(_ part: Int, of whole: Int) -> String {
        guard whole > 0 else { return "none yet" }
        return self.percent(FixedPoint(mantissa: Int128(part) * 10_000 / Int128(whole), scale: 2))
    }

    /// `1 account`, `2 accounts`.
    static func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
}

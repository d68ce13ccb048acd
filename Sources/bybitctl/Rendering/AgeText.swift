/// Ages for people: two units at most.
enum AgeText {
    /// `85ms`, `12.3s`, `4m05s`, `3h12m`, `2d04h`; `-` for what has never been.
    static func of(_ milliseconds: Int64?) -> String {
        guard let milliseconds else { return "-" }
        let value = max(0, milliseconds)
        switch value {
        case ..<1000: return "\(value)ms"
        case ..<60_000: return value % 1000 < 100 ? "\(value / 1000)s" : "\(value / 1000).\(value % 1000 / 100)s"
        case ..<3_600_000: return self.pair(value / 60_000, "m", value / 1000 % 60, "s")
        case ..<86_400_000: return self.pair(value / 3_600_000, "h", value / 60_000 % 60, "m")
        default: return self.pair(value / 86_400_000, "d", value / 3_600_000 % 24, "h")
        }
    }

    private static func pair(_ first: Int64, _ unit: String, _ second: Int64, _ lesser: String) -> String {
        if second == 0 { return "\(first)\(unit)" }
        return "\(first)\(unit)\(second < 10 ? "0" : "")\(second)\(lesser)"
    }
}

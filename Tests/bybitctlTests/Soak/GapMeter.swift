/// How long positions went without a sign of life while their marks moved.
struct GapMeter {
    struct Gap {
        let length: Int64
        let end: Int64
        let place: String
    }

    /// Upper ends in milliseconds; the last class has none.
    static let bounds: [Int64] = [50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000, 15_000, 20_000, 30_000]

    private(set) var counts = [Int](repeating: 0, count: Self.bounds.count + 1)
    /// The longest ones, longest first, one per place.
    private(set) var longest: [Gap] = []
    private let kept: Int

    init(kept: Int = 8) {
        self.kept = kept
    }

    mutating func add(_ length: Int64, end: Int64, place: @autoclosure () -> String) {
        self.counts[Self.bounds.firstIndex { length <= $0 } ?? Self.bounds.count] += 1
        guard self.longest.count < self.kept || length > self.longest[self.longest.count - 1].length else { return }
        let gap = Gap(length: length, end: end, place: place())
        if let known = self.longest.firstIndex(where: { $0.place == gap.place && $0.end + 1_000 > gap.end - length }) {
            guard self.longest[known].length < length else { return }
            self.longest.remove(at: known)
        }
        self.longest.insert(gap, at: self.longest.firstIndex { $0.length < length } ?? self.longest.count)
        if self.longest.count > self.kept { self.longest.removeLast() }
    }

    var histogram: String {
        let total = max(1, self.counts.reduce(0, +))
        return zip(self.counts.indices, self.counts).filter { $0.1 > 0 }.map { place, count in
            let bound =
                place < Self.bounds.count
                ? "≤ \(Self.text(Self.bounds[place]))" : "> \(Self.text(Self.bounds[Self.bounds.count - 1]))"
            let share = Double(count * 100_000 / total) / 1000
            return "    \(bound): \(count) (\(share) %)"
        }.joined(separator: "\n")
    }

    static func text(_ milliseconds: Int64) -> String {
        milliseconds < 1_000 ? "\(milliseconds) ms" : "\(Double(milliseconds / 10) / 100) s"
    }
}

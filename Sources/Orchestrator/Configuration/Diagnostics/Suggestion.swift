/// "Did you mean": the known word nearest to an unknown one.
enum Suggestion {
    /// The nearest candidate, if one is near enough to be what was meant.
    static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
        guard !word.isEmpty, word.utf8.count <= 64 else { return nil }
        let wanted = Suggestion.normalized(word)
        var best: (candidate: String, distance: Int)?
        for candidate in candidates where candidate.utf8.count <= 72 {
            let limit = min(max(1, candidate.utf8.count / 3), 4)
            guard let distance = Suggestion.distance(wanted, Suggestion.normalized(candidate), limit: limit) else {
                continue
            }
            if best.map({ distance < $0.distance }) ?? true { best = (candidate, distance) }
        }
        return best?.candidate
    }

    /// `Stop-Loss` and `stop_loss` differ in taste only.
    private static func normalized(_ word: String) -> String {
        String(decoding: word.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
    }

    /// How many letters have to be inserted, removed, replaced or swapped with their neighbour; nil if more than `limit`.
    static func distance(_ left: String, _ right: String, limit: Int) -> Int? {
        let a = Array(left.utf8)
        let b = Array(right.utf8)
        guard abs(a.count - b.count) <= limit else { return nil }
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in 0..<b.count {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count] <= limit ? last[b.count] : nil
    }
}

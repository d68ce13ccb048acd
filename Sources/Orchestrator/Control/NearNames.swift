/// Finds what somebody may have meant.
public enum NearNames {
    /// The names nearest to a mistyped one, best first: few edits apart, or one beginning with the other.
    public static func of(_ name: String, among names: some Sequence<String>, limit: Int = 3) -> [String] {
        let wanted = name.lowercased()
        let tolerance = min(max(1, wanted.utf8.count / 3), 4)
        var found: [(distance: Int, name: String)] = []
        for candidate in names {
            let lowered = candidate.lowercased()
            let prefixed = !wanted.isEmpty && (lowered.hasPrefix(wanted) || wanted.hasPrefix(lowered))
            if let distance = Suggestion.distance(wanted, lowered, limit: tolerance) {
                found.append((distance, candidate))
            } else if prefixed {
                found.append((tolerance + 1, candidate))
            }
        }
        found.sort { $0.distance == $1.distance ? $0.name < $1.name : $0.distance < $1.distance }
        return found.prefix(limit).map(\.name)
    }
}

package import HybridStream

/// What the stream has held of one leg lately, with times. Bounded by age and by count.
package struct ContentHistory: Sendable {
    private struct Entry: Sendable {
        var content: PositionContent
        var since: Uptime
    }

    /// How long a content is remembered after another took its place.
    package static let kept = Duration.seconds(30)
    static let limit = 128

    /// Oldest first, the last one is in force. Never empty.
    private var entries: [Entry]

    /// A leg that nobody has told anything of.
    package init() {
        self.entries = [Entry(content: .flat, since: .distantPast)]
    }

    package var current: PositionContent { self.entries.last?.content ?? .flat }
    package var currentSince: Uptime { self.entries.last?.since ?? .distantPast }

    /// - Returns: false if that is what it held already.
    @discardableResult
    package mutating func add(_ content: PositionContent, now: Uptime) -> Bool {
        guard content != self.current else { return false }
        self.entries.append(Entry(content: content, since: now))
        let horizon = now + (.zero - Self.kept)
        // An entry ends where the next one begins.
        let gone = max(self.entries.dropFirst().prefix { $0.since < horizon }.count, self.entries.count - Self.limit)
        if gone > 0 { self.entries.removeFirst(gone) }
        return true
    }

    /// Whether nothing that was held since then has been forgotten.
    package func isComplete(since time: Uptime) -> Bool { self.entries.first.map { $0.since <= time } ?? false }

    /// Whether such a content was held at `start` or at any time since.
    package func held(_ content: PositionContent, since start: Uptime) -> Bool {
        for entry in self.entries.reversed() {
            if entry.content.agrees(with: content) { return true }
            // It was in force at `start`, and what came before it was over by then.
            if entry.since < start { return false }
        }
        return false
    }
}

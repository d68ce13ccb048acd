package import HybridStream

/// What an account's hybrid stream says while REST feeds the consumers: counted, and shown to followers that ask for it.
///
/// Confined to the account's event loop. The events have numbers of their own, so that those of the consumers stay without
/// a hole, and bear the mark `"shadow":true`.
package final class ShadowEvents: PositionObserver {
    private let label: AccountLabel
    private let time: TimeSource
    private var followers: [EventQueue] = []
    /// Since the account was started.
    package private(set) var count: Int64 = 0

    package init(account: String, time: TimeSource) {
        self.label = AccountLabel(account)
        self.time = time
    }

    package func attach(_ queue: EventQueue) {
        guard queue.filter.accepts(account: self.label.name), !queue.isClosed else { return }
        guard !self.followers.contains(where: { $0 === queue }) else { return }
        self.followers.append(queue)
    }

    package func detach(_ queue: EventQueue) { self.followers.removeAll { $0 === queue } }

    package func observe(_ update: PositionUpdate) {
        self.count += 1
        if self.followers.isEmpty { return }
        self.followers.removeAll { $0.isClosed }
        let kind = EventKinds(update.cause)
        var line: [UInt8] = []
        for queue in self.followers where queue.filter.accepts(kind: kind, symbol: update.position.key.symbol) {
            if line.isEmpty {
                line = PositionLine.bytes(update, label: self.label, n: self.count, emittedTime: self.time.wall())
                line.replaceSubrange(line.count - 2..<line.count, with: Self.ending)
            }
            queue.append([line])
        }
    }

    /// Takes the place of the closing brace and the line feed.
    private static let ending = [UInt8](",\"shadow\":true}\n".utf8)
}

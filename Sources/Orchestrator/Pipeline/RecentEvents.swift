import DequeModule
import Synchronization

/// The latest events of the process that are not marks, as lines, for `events --since` and `-n`.
public final class RecentEvents: Sendable {
    /// One event of the past.
    public struct Event: Sendable, Equatable {
        public let account: String
        public let symbol: String
        public let kind: EventKinds
        public let n: Int64
        /// Milliseconds since 1970.
        public let emittedTime: Int64
        /// The line with its line feed.
        public let line: [UInt8]

        public init(account: String, symbol: String, kind: EventKinds, n: Int64, emittedTime: Int64, line: [UInt8]) {
            self.account = account
            self.symbol = symbol
            self.kind = kind
            self.n = n
            self.emittedTime = emittedTime
            self.line = line
        }
    }

    private struct State {
        var events = Deque<Event>()
        var bytes = 0
    }

    public static let defaultMaxEvents = 10_000
    public static let defaultMaxBytes = 4 * 1_024 * 1_024

    private let maxEvents: Int
    private let maxBytes: Int
    private let state = Mutex(State())

    public init(maxEvents: Int = RecentEvents.defaultMaxEvents, maxBytes: Int = RecentEvents.defaultMaxBytes) {
        self.maxEvents = maxEvents
        self.maxBytes = maxBytes
    }

    public func append(_ event: Event) {
        self.state.withLock { state in
            state.events.append(event)
            state.bytes += event.line.count
            while state.events.count > self.maxEvents || state.bytes > self.maxBytes,
                let oldest = state.events.popFirst()
            {
                state.bytes -= oldest.line.count
            }
        }
    }

    /// Events in the order in which they were handed over.
    /// - Parameters:
    ///   - since: milliseconds since 1970; earlier ones are left out.
    ///   - last: at most so many, the newest.
    public func events(matching filter: EventFilter = .everything, since: Int64? = nil, last: Int? = nil) -> [Event] {
        let all = self.state.withLock { $0.events }
        var found: [Event] = []
        for event in all.reversed() {
            if let last, found.count >= last { break }
            if let since, event.emittedTime < since { continue }
            guard filter.accepts(account: event.account), filter.accepts(kind: event.kind, symbol: event.symbol) else {
                continue
            }
            found.append(event)
        }
        found.reverse()
        return found
    }
}

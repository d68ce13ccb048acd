import Synchronization

/// The bounded queue between the loops that make events and one reader: a sink or a follower.
///
/// Writers hand over whole batches (see ``PipelineLoop``); one reader drains. When the reader falls behind, marks conflate
/// to the newest per position; all other events wait.
public final class EventQueue: Sendable {
    /// What happens when even the events that may not be conflated exceed the hard limit.
    public enum Overflow: Sendable {
        /// The queue closes itself: for followers, which can connect again.
        case close
        /// What comes is counted and not kept, until there is room: for sinks, which have to outlive it.
        case discard
    }

    /// Why nothing more comes.
    public enum CloseReason: Sendable, Equatable, CustomStringConvertible {
        /// The reader left.
        case readerLeft
        /// The writer ended; everything queued has been read.
        case finished
        /// The reader was too slow for the events that may not be dropped.
        case overflowed(limit: Int)

        public var description: String {
            switch self {
            case .readerLeft: "the reader left"
            case .finished: "the stream ended"
            case .overflowed(let limit):
                "the reader is too slow: more than \(limit) bytes of events waited that may not be conflated"
            }
        }
    }

    /// What ``drain(into:maxBytes:)`` found.
    public enum Drained: Sendable, Equatable {
        /// The buffer holds whole lines.
        case lines
        /// Nothing waits. The next event wakes the reader.
        case empty
        case closed(CloseReason)
    }

    public struct Statistics: Sendable, Equatable {
        /// How many events were merged into newer ones.
        public var conflated: Int64
        /// Lines given up because of ``Overflow/discard``.
        public var discarded: Int64
        public var waitingBytes: Int
        public var parkedMarks: Int
        public var isConflating: Bool
    }

    private struct State {
        var buffer: ConflatingBuffer
        var hardLimit: Int
        var filter: EventFilter
        var closed: CloseReason?
        var isFinishing = false
        var discarded: Int64 = 0
        /// The reader is to be told about the next event.
        var isArmed = true
        var waiter: CheckedContinuation<Void, Never>?
        var onReady: (@Sendable () -> Void)?
    }

    public let name: String
    private let overflow: Overflow
    private let state: Mutex<State>
    private let conflatingFlag = Atomic<Bool>(false)
    private let closedFlag = Atomic<Bool>(false)

    /// Above this many waiting bytes marks are conflated.
    public static let defaultLimit = ConflatingBuffer.defaultLimit
    public static let defaultHardLimit = 64 * 1_024 * 1_024

    public init(
        name: String,
        filter: EventFilter = .everything,
        limit: Int = EventQueue.defaultLimit,
        hardLimit: Int = EventQueue.defaultHardLimit,
        overflow: Overflow = .close
    ) {
        self.name = name
        self.overflow = overflow
        self.state = Mutex(State(buffer: ConflatingBuffer(limit: limit), hardLimit: hardLimit, filter: filter))
    }

    /// What the reader wants. Only its accounts ever change.
    public var filter: EventFilter { self.state.withLock { $0.filter } }

    public var statistics: Statistics {
        self.state.withLock { state in
            Statistics(
                conflated: state.buffer.conflated,
                discarded: state.discarded,
                waitingBytes: state.buffer.waitingBytes,
                parkedMarks: state.buffer.parkedCount,
                isConflating: state.buffer.isConflating
            )
        }
    }

    /// More waiting bytes of events that may not be conflated than these are not kept.
    var hardLimit: Int { self.state.withLock { $0.hardLimit } }

    /// Another set of accounts shares the reader: pipelines of others are not attached from now on.
    func setAccounts(_ accounts: Set<String>) { self.state.withLock { $0.filter.accounts = accounts } }

    /// Other bounds hold from now on; what waits already stays.
    func setLimits(_ limits: SinkLimits) {
        self.state.withLock { state in
            state.buffer.limit = limits.conflating
            state.hardLimit = limits.hard
        }
    }

    // MARK: Progress

    /// How much has been put into the queue so far, in bytes; a mark that waits as a value counts as some hundred. What an
    /// account has in it is read once as much has been read, if nothing of that account comes any more.
    func position(of account: String) -> Int64 {
        self.state.withLock { state in
            state.buffer.orderParked(of: account)
            return state.buffer.appendedBytes
        }
    }

    /// How much of it the reader has taken.
    var takenPosition: Int64 { self.state.withLock { $0.buffer.takenBytes } }

    /// Nothing is accepted any more.
    public var isClosed: Bool { self.closedFlag.load(ordering: .relaxed) }

    /// Marks are to be handed over as values, not as lines. A hint: either form is right at any time.
    var isConflating: Bool { self.conflatingFlag.load(ordering: .relaxed) }

    // MARK: Writing

    /// Appends the pieces of one batch under one lock and wakes the reader at most once.
    func append(_ pieces: [SinkStage.Piece], from arena: LineArena) {
        let wake = self.state.withLock { state -> Wake in
            guard state.closed == nil, !state.isFinishing else { return Wake() }
            for piece in pieces { self.append(piece, from: arena, to: &state) }
            self.conflatingFlag.store(state.buffer.isConflating, ordering: .relaxed)
            if state.buffer.waitingBytes > state.hardLimit, self.overflow == .close {
                self.close(.overflowed(limit: state.hardLimit), &state)
            }
            return EventQueue.wake(&state)
        }
        wake()
    }

    /// Appends whole lines that were made before.
    func append(_ lines: [[UInt8]]) {
        let wake = self.state.withLock { state -> Wake in
            for line in lines { line.withUnsafeBytes { state.buffer.append($0) } }
            return EventQueue.wake(&state)
        }
        wake()
    }

    private func append(_ piece: SinkStage.Piece, from arena: LineArena, to state: inout State) {
        switch piece {
        case .lines(let range):
            let bytes = arena.bytes(range)
            if self.isFull(state.buffer.waitingBytes, state.hardLimit) {
                state.discarded += bytes.reduce(into: Int64(0)) { if $1 == UInt8(ascii: "\n") { $0 += 1 } }
            } else {
                state.buffer.append(bytes)
            }
        case .line(let label, let range):
            if self.isFull(state.buffer.waitingBytes, state.hardLimit) {
                state.discarded += 1
            } else {
                state.buffer.append(arena.bytes(range), account: label.name)
            }
        case .mark(let mark):
            state.buffer.park(mark)
        }
    }

    private func isFull(_ waitingBytes: Int, _ hardLimit: Int) -> Bool {
        self.overflow == .discard && waitingBytes > hardLimit
    }

    /// No more events will come; the reader gets what is queued and then ``CloseReason/finished``.
    public func finish() {
        let wake = self.state.withLock { state -> Wake in
            state.isFinishing = true
            self.closedFlag.store(true, ordering: .relaxed)
            return EventQueue.wake(&state)
        }
        wake()
    }

    /// The reader wants no more. What is queued is forgotten.
    public func close() {
        let wake = self.state.withLock { state -> Wake in
            if state.closed == nil { self.close(.readerLeft, &state) }
            return EventQueue.wake(&state)
        }
        wake()
    }

    private func close(_ reason: CloseReason, _ state: inout State) {
        state.closed = reason
        state.buffer.removeAll()
        self.closedFlag.store(true, ordering: .relaxed)
    }

    // MARK: Reading

    /// Empties `buffer` and fills it with the oldest lines, about `maxBytes` of them. One reader at a time.
    public func drain(into buffer: inout [UInt8], maxBytes: Int = 64 * 1_024) -> Drained {
        buffer.removeAll(keepingCapacity: true)
        while buffer.count < maxBytes {
            let (piece, closed) = self.state.withLock { state -> (ConflatingBuffer.Piece, CloseReason?) in
                if let reason = state.closed { return (.empty, reason) }
                let piece = state.buffer.next(into: &buffer, maxBytes: maxBytes)
                self.conflatingFlag.store(state.buffer.isConflating, ordering: .relaxed)
                if case .empty = piece, buffer.isEmpty {
                    state.isArmed = true
                    if state.isFinishing { return (.empty, .finished) }
                }
                return (piece, nil)
            }
            switch piece {
            case .lines: continue
            case .marks(let marks):
                // Turned into text here, so that no loop waits for it.
                for mark in marks { mark.appendLine(to: &buffer) }
            case .empty:
                if !buffer.isEmpty { return .lines }
                if let closed { return .closed(closed) }
                return .empty
            }
        }
        return .lines
    }

    /// Sets what is called, on the writer's thread and without a lock held, when something is there after
    /// ``drain(into:maxBytes:)`` found nothing. It has to be quick. Called at once if something is there already.
    public func onReady(_ callback: @escaping @Sendable () -> Void) {
        let wake = self.state.withLock { state -> Wake in
            state.onReady = callback
            return EventQueue.wake(&state)
        }
        wake()
    }

    /// Waits until there is something to drain, the queue is closed, or the task is cancelled.
    public func ready() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let wake = self.state.withLock { state -> Wake in
                    let older = state.waiter
                    state.waiter = continuation
                    // A reader that asks while something waits has not drained to the end: tell it again.
                    state.isArmed = true
                    var wake = Task.isCancelled ? EventQueue.wakeNow(&state) : EventQueue.wake(&state)
                    wake.displaced = older
                    return wake
                }
                wake()
            }
        } onCancel: {
            let wake = self.state.withLock { EventQueue.wakeNow(&$0) }
            wake()
        }
    }

    /// Whom to tell, once the lock is released.
    private struct Wake {
        var waiter: CheckedContinuation<Void, Never>?
        var displaced: CheckedContinuation<Void, Never>?
        var onReady: (@Sendable () -> Void)?

        func callAsFunction() {
            self.displaced?.resume()
            self.waiter?.resume()
            self.onReady?()
        }
    }

    private static func wake(_ state: inout State) -> Wake {
        let hasNews = !state.buffer.isEmpty || state.closed != nil || state.isFinishing
        guard hasNews, state.isArmed else { return Wake() }
        return self.wakeNow(&state)
    }

    private static func wakeNow(_ state: inout State) -> Wake {
        let wake = Wake(waiter: state.waiter, onReady: state.onReady)
        state.waiter = nil
        state.isArmed = wake.waiter == nil && wake.onReady == nil
        return wake
    }
}

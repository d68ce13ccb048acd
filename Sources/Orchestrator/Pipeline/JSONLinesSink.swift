import Synchronization

/// Appends the events of its queue to a file, off the event loops, on the thread of its ``JSONLinesWriter``.
///
/// While the disk does not take what comes, lines are kept and the queue conflates marks; nothing that must be delivered is
/// lost. Trouble and its end are reported.
public final class JSONLinesSink: Sendable {
    /// The absolute path, or `"-"` for standard output.
    public let path: String
    /// To be attached to the pipelines of the accounts that write here.
    public let queue: EventQueue
    /// Apart from what is written: a disk that stands still does not keep whoever sets them.
    private let latest: Mutex<JSONLinesOptions>
    let progress = QueueProgress()
    /// Several accounts may name the same path; guarded by the writer.
    private let writing: Mutex<Writing>
    private let onChange: @Sendable (SinkTrouble?) -> Void
    private let beforeWriting: @Sendable () -> Void

    /// What only the writer's thread touches.
    private struct Writing {
        var file: LineFile
        var lines: [UInt8] = []
        var offset = 0
        var trouble: SinkTrouble?
        var backoff = JSONLinesSink.firstRetry
        var isDone = false
        /// Lines were given up.
        var hasLost = false
        /// What was in the queue then has been written.
        var emptied = ContinuousClock.now
    }

    static let firstRetry = Duration.milliseconds(100)
    static let lastRetry = Duration.seconds(5)
    /// How soon a slow pipe is looked at again.
    static let busyRetry = Duration.milliseconds(20)
    private static let drainBytes = 64 * 1_024

    /// - Parameters:
    ///   - onChange: called on the writer's thread with the trouble when writing begins to fail, and with nil when it works
    ///     again.
    ///   - beforeWriting: called on the writer's thread when lines have been taken, before they are written.
    init(
        path: String,
        options: JSONLinesOptions,
        onChange: @escaping @Sendable (SinkTrouble?) -> Void,
        beforeWriting: @escaping @Sendable () -> Void = {}
    ) {
        self.path = path
        self.latest = Mutex(options)
        self.onChange = onChange
        self.beforeWriting = beforeWriting
        self.queue = EventQueue(
            name: "jsonl:\(path)",
            limit: options.queueLimit,
            hardLimit: options.hardLimit,
            overflow: .discard
        )
        self.writing = Mutex(
            Writing(file: LineFile(path: path, rotation: options.rotation))
        )
    }

    var options: JSONLinesOptions { self.latest.withLock { $0 } }

    /// Other options hold from the next write on; what is rotated already stays as it is.
    func setOptions(_ options: JSONLinesOptions) {
        self.latest.withLock { $0 = options }
        self.queue.setLimits(SinkLimits(conflating: options.queueLimit, hard: options.hardLimit))
    }

    /// What stands in the way at the moment.
    public var trouble: SinkTrouble? { self.writing.withLock { $0.trouble } }

    /// What is to be done next.
    enum Next: Equatable {
        /// Nothing, until the queue calls.
        case wait
        case retry(after: Duration)
        /// All is written and the file closed.
        case done
    }

    /// Writes all that waits. On the writer's thread.
    func run() -> Next {
        let (next, change) = self.writing.withLock { writing -> (Next, SinkTrouble??) in
            guard !writing.isDone else { return (.done, nil) }
            let before = writing.trouble
            do throws(SinkTrouble) {
                let next = try self.write(&writing)
                writing.trouble = nil
                writing.backoff = JSONLinesSink.firstRetry
                return (next, before == nil ? nil : .some(nil))
            } catch {
                let delay = writing.backoff
                writing.backoff = min(writing.backoff * 2, JSONLinesSink.lastRetry)
                writing.trouble = error
                return (.retry(after: delay), before == error ? nil : .some(error))
            }
        }
        if let change { self.onChange(change) }
        return next
    }

    private func write(_ writing: inout Writing) throws(SinkTrouble) -> Next {
        // Also without a line to write: a path that cannot be opened is better known early.
        if writing.lines.isEmpty { try writing.file.open() }
        while true {
            let options = self.options
            writing.file.rotation = options.rotation
            if writing.offset < writing.lines.count {
                let outcome = try writing.file.write(writing.lines, from: &writing.offset)
                if outcome == .busy { return .retry(after: JSONLinesSink.busyRetry) }
                if options.sync == .everyBatch { try writing.file.synchronize() }
            }
            writing.offset = 0
            self.progress.advance(to: self.queue.takenPosition)
            let start = ContinuousClock.now
            switch self.queue.drain(into: &writing.lines, maxBytes: JSONLinesSink.drainBytes) {
            case .lines:
                self.beforeWriting()
            case .empty:
                writing.emptied = start
                ChunkPool.shared.reclaim(&writing.lines)
                return .wait
            case .closed:
                if options.sync != .never { try writing.file.synchronize() }
                writing.file.close()
                writing.isDone = true
                return .done
            }
        }
    }

    /// What was handed over before this has been written. On the writer's thread.
    var writtenBefore: ContinuousClock.Instant {
        let now = ContinuousClock.now
        let (emptied, isIdle) = self.writing.withLock { writing in
            let isWritten = writing.isDone || writing.trouble == nil && writing.offset >= writing.lines.count
            return (writing.emptied, isWritten && !writing.hasLost)
        }
        let waits = self.queue.statistics
        return isIdle && waits.waitingBytes == 0 && waits.parkedMarks == 0 ? now : emptied
    }

    /// Gives up what could not be written in time.
    func abandon() {
        let waits = self.queue.statistics
        self.queue.close()
        self.writing.withLock { writing in
            let hasLines = writing.offset < writing.lines.count || waits.waitingBytes > 0 || waits.parkedMarks > 0
            if !writing.isDone { writing.hasLost = hasLines }
            writing.file.close()
            writing.isDone = true
        }
        self.progress.end(isComplete: self.isComplete)
    }

    /// Nothing had to be given up.
    var isComplete: Bool { self.writing.withLock { !$0.hasLost } }
}

import Dispatch
import Glibc
import Synchronization

/// How a `jsonl` sink writes.
public struct JSONLinesOptions: Sendable, Equatable {
    public enum Sync: Sendable, Equatable {
        /// Left to the system.
        case never
        /// When the file is closed.
        case atClose
        /// After every batch.
        case everyBatch
    }

    /// A file is rotated before it grows above this; nil for never.
    public var rotateBytes: Int?
    /// How many rotated files are kept.
    public var keep: Int
    public var sync: Sync
    /// Above this many waiting bytes marks are conflated.
    public var queueLimit: Int
    /// Above this many waiting bytes of other events the sink cannot keep more; they are counted.
    public var hardLimit: Int

    public init(
        rotateBytes: Int? = 100_000_000,
        keep: Int = 10,
        sync: Sync = .never,
        queueLimit: Int = EventQueue.defaultLimit,
        hardLimit: Int = 256 * 1_024 * 1_024
    ) {
        self.rotateBytes = rotateBytes
        self.keep = keep
        self.sync = sync
        self.queueLimit = queueLimit
        self.hardLimit = hardLimit
    }

    var rotation: LineFile.Rotation { LineFile.Rotation(bytes: self.rotateBytes, keep: self.keep) }
}

/// All `jsonl` sinks of a process: one thread writes all files, and those who name the same path share one sink.
public final class JSONLinesWriter: Sendable {
    private struct Entry {
        let sink: JSONLinesSink
        var users: Int
    }

    private struct State {
        var sinks: [String: Entry] = [:]
        /// Those that nobody uses any more and that still have something to write, or had to give it up: what they have not
        /// written is not to be forgotten.
        var ending: [ObjectIdentifier: JSONLinesSink] = [:]
        /// Those whose queue has called.
        var ready: [JSONLinesSink] = []
        var isScheduled = false
        var nextReport = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let thread = DispatchQueue(label: "jsonl")
    private let onChange: @Sendable (JSONLinesSink, SinkTrouble?) -> Void
    private let beforeWriting: @Sendable () -> Void
    private let onWritten: @Sendable (ContinuousClock.Instant) -> Void

    /// Events are collected this long, so that many become one write.
    private static let collect = DispatchTimeInterval.milliseconds(5)

    /// An event is handed over within this time after it was made, unless its event loop stands still.
    private static let handOver = Duration.seconds(1)

    /// All closures are called on the writer's thread.
    /// - Parameters:
    ///   - onChange: called when a sink begins to fail, and with nil when it works again.
    ///   - beforeWriting: called when lines have been taken, before they are written: what they say is to be safe first.
    ///   - onWritten: called about once a second while something is written: all events from before the instant have been.
    public init(
        onChange: @escaping @Sendable (JSONLinesSink, SinkTrouble?) -> Void,
        beforeWriting: @escaping @Sendable () -> Void = {},
        onWritten: @escaping @Sendable (ContinuousClock.Instant) -> Void = { _ in }
    ) {
        self.onChange = onChange
        self.beforeWriting = beforeWriting
        self.onWritten = onWritten
        // A closed pipe is to be an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
    }

    /// `{account}` in a path stands for the account's name.
    public static func path(_ template: String, account: String) -> String {
        var path = ""
        var rest = template[...]
        while let brace = rest.firstIndex(of: "{") {
            path += rest[..<brace]
            rest = rest[brace...]
            if rest.hasPrefix("{account}") {
                path += account
                rest = rest.dropFirst("{account}".count)
            } else {
                path.append(rest.removeFirst())
            }
        }
        return path + rest
    }

    /// The sink of a path; the one that exists if there is one, which has these options from now on. Each call is to be
    /// answered by one of ``release(_:timeout:)``.
    public func sink(path: String, options: JSONLinesOptions = JSONLinesOptions()) -> JSONLinesSink {
        let (sink, isNew) = self.state.withLock { state -> (JSONLinesSink, Bool) in
            if let entry = state.sinks[path] {
                state.sinks[path]?.users += 1
                entry.sink.setOptions(options)
                return (entry.sink, false)
            }
            let report = self.onChange
            let box = WeakSink()
            let sink = JSONLinesSink(
                path: path,
                options: options,
                onChange: { trouble in
                    if let sink = box.sink { report(sink, trouble) }
                },
                beforeWriting: self.beforeWriting
            )
            box.sink = sink
            state.sinks[path] = Entry(sink: sink, users: 1)
            return (sink, true)
        }
        if isNew {
            sink.queue.onReady { [weak self, weak sink] in
                if let self, let sink { self.ready(sink) }
            }
            self.ready(sink)
        }
        return sink
    }

    /// Lets one user of a sink go. With the last one everything queued is written and the file closed.
    /// - Returns: false if it could not be written within `timeout`, and was given up; or by ``close(timeout:)`` meanwhile.
    @discardableResult
    public func release(_ sink: JSONLinesSink, timeout: Duration = .seconds(5)) async -> Bool {
        let isLast = self.state.withLock { state -> Bool in
            guard let entry = state.sinks[sink.path], entry.sink === sink else {
                // All are being closed.
                return state.ending[ObjectIdentifier(sink)] != nil
            }
            if entry.users > 1 {
                state.sinks[sink.path]?.users -= 1
                return false
            }
            state.sinks[sink.path] = nil
            state.ending[ObjectIdentifier(sink)] = sink
            return true
        }
        guard isLast else { return true }
        let isComplete = await self.end(sink, timeout: timeout)
        if isComplete { self.state.withLock { $0.ending[ObjectIdentifier(sink)] = nil } }
        return isComplete
    }

    /// Ends all sinks, whoever uses them.
    /// - Returns: false if not everything could be written.
    @discardableResult
    public func close(timeout: Duration = .seconds(5)) async -> Bool {
        let sinks = self.state.withLock { state -> [JSONLinesSink] in
            for entry in state.sinks.values { state.ending[ObjectIdentifier(entry.sink)] = entry.sink }
            state.sinks.removeAll()
            return Array(state.ending.values)
        }
        for sink in sinks { sink.queue.finish() }
        let deadline = ContinuousClock.now + timeout
        var isComplete = true
        for sink in sinks {
            let left = max(.zero, ContinuousClock.now.duration(to: deadline))
            if await !self.end(sink, timeout: left) { isComplete = false }
        }
        self.state.withLock { state in state.ending = state.ending.filter { !$0.value.isComplete } }
        return isComplete
    }

    private func end(_ sink: JSONLinesSink, timeout: Duration) async -> Bool {
        sink.queue.finish()
        let deadline = ContinuousClock.now + timeout
        return await withCheckedContinuation { continuation in
            self.thread.async { self.finish(sink, deadline: deadline, continuation) }
        }
    }

    /// On the thread: writes until all is written or the time is over.
    private func finish(
        _ sink: JSONLinesSink,
        deadline: ContinuousClock.Instant,
        _ continuation: CheckedContinuation<Bool, Never>
    ) {
        switch sink.run() {
        case .done:
            continuation.resume(returning: sink.isComplete)
        case .wait, .retry:
            guard ContinuousClock.now < deadline else {
                sink.abandon()
                continuation.resume(returning: sink.isComplete)
                return
            }
            self.thread.asyncAfter(deadline: .now() + .milliseconds(20)) {
                self.finish(sink, deadline: deadline, continuation)
            }
        }
    }

    // MARK: Scheduling

    private func ready(_ sink: JSONLinesSink) {
        let isFirst = self.state.withLock { state -> Bool in
            state.ready.append(sink)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { self.thread.asyncAfter(deadline: .now() + JSONLinesWriter.collect) { self.runReady() } }
    }

    private func runReady() {
        let sinks = self.state.withLock { state -> [JSONLinesSink] in
            defer { state.ready.removeAll(keepingCapacity: true) }
            state.isScheduled = false
            return state.ready
        }
        for sink in sinks {
            if case .retry(let delay) = sink.run() {
                self.thread.asyncAfter(deadline: .now() + .milliseconds(Int(delay / .milliseconds(1)))) {
                    [weak self, weak sink] in
                    if let self, let sink { self.ready(sink) }
                }
            }
        }
        self.reportWritten()
    }

    /// Has `onWritten` called also while no file has anything to write: for others whose word counts as well.
    func report() { self.thread.async { self.reportWritten() } }

    private func reportWritten() {
        let now = ContinuousClock.now
        let sinks = self.state.withLock { state -> [JSONLinesSink]? in
            guard now >= state.nextReport else { return nil }
            state.nextReport = now + .seconds(1)
            return state.sinks.values.map(\.sink) + state.ending.values
        }
        guard let sinks else { return }
        self.onWritten((sinks.map(\.writtenBefore).min() ?? now) - JSONLinesWriter.handOver)
    }
}

/// Breaks the circle between a sink and the report about it.
private final class WeakSink: Sendable {
    private let reference = Mutex<Reference>(Reference())

    private struct Reference {
        weak var sink: JSONLinesSink?
    }

    var sink: JSONLinesSink? {
        get { self.reference.withLock { $0.sink } }
        set { self.reference.withLock { $0.sink = newValue } }
    }
}

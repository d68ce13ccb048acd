import Glibc
import HybridStream
import Logging
import NIOCore

/// Writes the events of its queue as JSON Lines to the standard input of a child process, which it supervises.
///
/// **What a child can rely on.** Per account the lines come in the order of `n`. Lifecycle events (everything but `mark`,
/// `stale` and `fresh`) are delivered at least once: what was written into the pipe of a child that died before it read it
/// is lost to that child, and how far it had read cannot be known. Therefore every child that is started after another first
/// gets the lifecycle lines that were written last, up to 256 KiB of them, as they were, with their old `n`; a reader drops
/// what is not above the last `n` it has seen of the account. An event that was not yet in the pipe waits for the next child.
/// Nothing is invented for a new child: it gets no picture of what is open.
///
/// **What a slow one costs.** When much waits for it, marks are conflated to the newest of each position. Lifecycle events
/// wait; those beyond a bound are given up, counted and reported. See ``SinkLimits``.
///
/// Confined to the hub's loop, except for ``queue``, ``progress`` and ``command``.
final class ExecSink: @unchecked Sendable {
    /// How long after a child's end its pipes are read for its last words.
    private static let lastWords = Duration.seconds(1)
    private static let drainBytes = 64 * 1_024

    private(set) var label: String
    /// To be attached to the pipelines of the accounts that write here.
    let queue: EventQueue
    let progress = QueueProgress()
    let tools: SinkTools
    private(set) var logger: Logger
    let command: [String]
    let environment: [String: String]

    var supervision: ChildSupervision
    var child: RunningChild?
    private var feed = ChildFeed()
    private var lines: [UInt8] = []
    private var isSecuring = false
    private var timer: (time: Uptime, task: Scheduled<Void>)?
    private var discarded: Int64 = 0
    /// What a trouble that is not over was reported as: those who were told are told of its end by the same name.
    private var reportedAs: String?
    /// What was handed over before this is in a pipe.
    private var emptied = ContinuousClock.now
    private var isFinishing = false
    private var isComplete = true
    private let ended: EventLoopPromise<Bool>
    /// Output pipes of children that may still have something to say.
    var outputs: [ObjectIdentifier: any Channel] = [:]
    private var children: Int64 = 0

    init(
        _ plan: SinkPlan.Exec,
        tools: SinkTools,
        environment: [String: String],
        settings: ChildSupervision.Settings? = nil
    ) {
        self.label = plan.label
        self.command = plan.configuration.command
        self.environment = environment
        self.tools = tools
        var logger = tools.logger
        logger[metadataKey: "consumer"] = "\(plan.label)"
        self.logger = logger
        let limits = SinkLimits(accounts: plan.accounts.count)
        self.queue = EventQueue(
            name: "exec:\(plan.label)",
            limit: limits.conflating,
            hardLimit: limits.hard,
            overflow: .discard
        )
        self.supervision = ChildSupervision(
            label: plan.label,
            settings: settings ?? ChildSupervision.Settings(plan.configuration),
            seed: .random(in: 0 ... .max)
        )
        self.ended = tools.loop.makePromise()
    }

    /// Starts the first child.
    func start() {
        self.queue.onReady { [weak self] in
            guard let self else { return }
            self.tools.loop.execute { self.pump() }
        }
        self.handle(.start)
    }

    /// Other accounts share it from now on, and the options are those of the one that has come last.
    func share(_ plan: SinkPlan.Exec) {
        self.queue.setLimits(SinkLimits(accounts: plan.accounts.count))
        self.handle(.configured(ChildSupervision.Settings(plan.configuration)))
        guard plan.label != self.label else { return }
        self.label = plan.label
        self.logger[metadataKey: "consumer"] = "\(plan.label)"
        self.supervision.label = plan.label
    }

    // MARK: Supervision

    func handle(_ input: ChildSupervision.Input) {
        for effect in self.supervision.handle(input, now: self.tools.now) { self.perform(effect) }
        self.schedule()
    }

    private func perform(_ effect: ChildSupervision.Effect) {
        switch effect {
        case .spawn: self.spawn()
        case .closeInput: self.child?.input?.close(promise: nil)
        case .signal(let number): if let child = self.child { child.signal(number) }
        case .report(let trouble): self.report(trouble)
        case .ended(let exit, let ran, let pause):
            self.logger.warning(
                "a consumer ended; it is started again",
                metadata: [
                    "status": "\(exit)", "ran_ms": "\(ran.milliseconds)", "pause_ms": "\(pause.milliseconds)",
                ]
            )
        case .forced(let number):
            self.logger.warning(
                number == SIGKILL
                    ? "a consumer did not end when it was asked to, and is killed"
                    : "a consumer did not end when its input did, and is asked to",
                metadata: ["pid": "\(self.child?.pid ?? 0)"]
            )
        case .done: self.done()
        }
    }

    private func report(_ trouble: SinkTrouble?) {
        let name = self.reportedAs ?? self.label
        self.reportedAs = trouble == nil ? nil : name
        self.tools.onChange(self.queue, name, trouble)
    }

    /// One that comes too early does no harm, and is cheaper than to be moved with every write.
    private func schedule() {
        guard let next = self.supervision.nextTimer else { return }
        if let timer = self.timer, timer.time <= next { return }
        self.timer?.task.cancel()
        let task = self.tools.schedule(at: next) { [weak self] in
            self?.timer = nil
            self?.handle(.timer)
        }
        self.timer = (next, task)
    }

    // MARK: Writing

    /// A new child is there to be fed.
    func begin() {
        self.children += 1
        self.feed.begin()
        self.pump()
    }

    /// Writes what there is, as long as the child takes it.
    private func pump() {
        if self.feed.newBytes == 0 { self.progress.advance(to: self.queue.takenPosition) }
        guard let input = self.child?.input, !self.isSecuring else { return self.finishIfDrained() }
        if self.feed.isEmpty {
            let start = ContinuousClock.now
            switch self.queue.drain(into: &self.lines, maxBytes: ExecSink.drainBytes) {
            case .lines:
                let hasLifecycle = self.feed.add(self.lines)
                guard !hasLifecycle else { return self.secureThenWrite() }
            case .empty:
                self.emptied = start
                ChunkPool.shared.reclaim(&self.lines)
                self.handle(.read(isCaughtUp: true))
                return
            case .closed:
                self.emptied = start
                return self.handle(.finish)
            }
        }
        self.write(to: input)
    }

    /// What a reader is told is in the store before.
    private func secureThenWrite() {
        self.isSecuring = true
        self.tools.afterSecuring {
            self.isSecuring = false
            self.pump()
        }
    }

    private func write(to input: any Channel) {
        let slices = self.feed.takeUnwritten()
        guard !slices.isEmpty else { return }
        let child = self.children
        for slice in slices {
            input.write(input.allocator.buffer(bytes: slice)).whenSuccess { self.written(by: child) }
        }
        input.flush()
        if !self.feed.isEmpty { self.handle(.blocked) }
    }

    private func written(by child: Int64) {
        guard child == self.children else { return }
        self.feed.written()
        self.handle(.read(isCaughtUp: false))
        guard self.feed.isEmpty else { return }
        // Not at once: others have a turn, and the stack stays flat.
        self.tools.loop.execute { self.pump() }
    }

    // MARK: Looking after

    /// Once a second.
    func tick() {
        let statistics = self.queue.statistics
        if statistics.discarded > self.discarded {
            self.logger.error(
                "events are lost to a consumer that does not read them",
                metadata: ["lost": "\(statistics.discarded - self.discarded)", "in_all": "\(statistics.discarded)"]
            )
            self.discarded = statistics.discarded
            self.handle(.lost(statistics.discarded))
        }
    }

    /// All events from before this are in a pipe.
    var deliveredBefore: ContinuousClock.Instant {
        let now = ContinuousClock.now
        let waits = self.queue.statistics
        let isIdle = self.feed.newBytes == 0 && waits.waitingBytes == 0 && waits.parkedMarks == 0
        return isIdle ? now : self.emptied
    }

    // MARK: End

    /// Nothing more comes. What is queued is written, then the child's input is closed and its end awaited.
    /// - Returns: whether everything got into a pipe.
    func finish() -> EventLoopFuture<Bool> {
        self.isFinishing = true
        self.queue.finish()
        self.pump()
        return self.ended.futureResult
    }

    /// Where no child is, nobody else finds out that there is nothing to write.
    func finishIfDrained() {
        guard self.isFinishing, !self.isSecuring, self.child?.input == nil else { return }
        let waits = self.queue.statistics
        guard self.feed.newBytes == 0, waits.waitingBytes == 0, waits.parkedMarks == 0 else { return }
        self.handle(.finish)
    }

    /// Time is up: what is not in the pipe now is given up.
    func abandon() {
        let waits = self.queue.statistics
        let bytes = self.feed.newBytes + waits.waitingBytes
        if bytes > 0 || waits.parkedMarks > 0 {
            self.isComplete = false
            self.logger.error(
                "a consumer did not take all its events before the end",
                metadata: ["bytes": "\(bytes)", "marks": "\(waits.parkedMarks)"]
            )
        }
        self.queue.close()
        self.handle(.finish)
    }

    private func done() {
        self.timer?.task.cancel()
        self.timer = nil
        self.child?.forget()
        self.child = nil
        self.progress.end(isComplete: self.isComplete)
        EventLoopFuture.andAllComplete(self.outputs.values.map(\.closeFuture), on: self.tools.loop).whenComplete { _ in
            self.ended.succeed(self.isComplete)
        }
        self.closeOutputs()
    }

    /// The system has closed a dead child's pipes already, unless something that it has started holds them.
    func closeOutputs() {
        let left = self.outputs
        self.tools.loop.scheduleTask(in: .nanoseconds(ExecSink.lastWords.nanoseconds)) {
            for channel in left.values { channel.close(promise: nil) }
        }
    }
}

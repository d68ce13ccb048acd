public import HybridStream

/// Where the events of one account go: numbered, measured, staged for every queue that wants them, and handed to the
/// built-in consumers.
///
/// Confined to the account's event loop, without locks. An event is encoded once, and only if a queue wants it; events
/// other than marks are also kept in ``RecentEvents``.
public final class AccountPipeline: PositionObserver {
    // What every mark touches comes first and together: with a thousand accounts on a loop each line of it is read from
    // a slower cache.
    private let loop: PipelineLoop
    @exclusivity(unchecked) private var numbers: EventNumbers
    @exclusivity(unchecked) private var stages: ContiguousArray<SinkStage> = []
    @exclusivity(unchecked) private var consumers: ConsumerList
    /// Called after each position update, for whoever waits for one.
    @exclusivity(unchecked) public var onUpdate: ((PositionUpdate) -> Void)?
    /// Called with every event about a position that is no mark, before it is handed to anybody.
    public var willTell: ((_ update: PositionUpdate, _ line: [UInt8], _ n: Int64) -> Void)?
    @exclusivity(unchecked) private var emitted: Int64 = 0
    @exclusivity(unchecked) private var conflated: Int64 = 0
    @exclusivity(unchecked) private var lastEventTime: Int64 = 0
    @exclusivity(unchecked) private var meter: RateMeter
    @exclusivity(unchecked) private var hasFailures = false
    @exclusivity(unchecked) private var sampleIn = 0
    @exclusivity(unchecked) private var sampleSeed: UInt64 = 1
    private let encoder: EventEncoder
    @exclusivity(unchecked) private var latency = LatencyRecorder()
    @exclusivity(unchecked) private var withheld: Int64 = 0
    private var consumerErrors: Int64 = 0
    /// Called with every failure of a consumer: who, at which position, why.
    package var onConsumerFailure: ((String) -> Void)?
    /// Consumers that failed at a position, so that an alert is opened once and resolved.
    private var failures: Set<Failure> = [] { didSet { self.hasFailures = !self.failures.isEmpty } }
    private let label: AccountLabel
    public let account: String

    private struct Failure: Hashable {
        let consumer: Int
        let key: PositionKey
    }

    /// - Parameters:
    ///   - account: the name as events carry it.
    ///   - numbers: where `n` comes from; see ``Store``.
    ///   - loop: of the event loop the account lives on.
    ///   - queues: to attach from the beginning.
    public init(
        account: String,
        numbers: NumberLease,
        loop: PipelineLoop,
        queues: [EventQueue] = [],
        consumers: [any PositionConsumer] = []
    ) {
        self.account = account
        self.label = AccountLabel(account)
        self.loop = loop
        self.encoder = EventEncoder(label: self.label, shared: loop.sharedText)
        self.numbers = EventNumbers(numbers)
        self.consumers = ConsumerList(consumers)
        loop.readClocksNow()
        self.meter = RateMeter(second: loop.second)
        for queue in queues { self.attach(queue) }
    }

    /// The number of the last event: what the store has to know at a clean end.
    public var lastNumber: Int64 { self.numbers.last }

    // MARK: Events

    /// Takes a merged event: numbers it, stages it, hands it to the consumers.
    public func observe(_ update: PositionUpdate) {
        self.loop.readClocks(notBefore: update.receivedUptime)
        self.measure(update)
        if update.cause == .mark {
            if let n = self.numbers.nextForMark() {
                self.emitted &+= 1
                if !self.stages.isEmpty { self.stage(update, kind: .mark, n: n) }
            } else {
                self.withheld &+= 1
            }
        } else {
            self.emitted &+= 1
            self.stageRemembered(update, n: self.numbers.next())
        }
        if !self.consumers.isEmpty { self.handOver(update, n: self.numbers.last) }
        if let onUpdate = self.onUpdate { onUpdate(update) }
    }

    /// Takes an event that is not about a position's value.
    public func emit(_ event: PipelineEvent) {
        self.loop.readClocks(notBefore: 0)
        self.lastEventTime = self.loop.wall
        self.advanceMeter()
        self.emitted &+= 1
        let n = self.numbers.next()
        let line = event.bytes(account: self.account, n: n, emittedTime: self.loop.wall)
        self.remember(line, kind: event.kind, symbol: event.symbol, n: n)
        var range: Range<Int>?
        var isFull = false
        self.dropClosedStages()
        for stage in self.stages where stage.accepts(kind: event.kind, symbol: event.symbol) {
            self.loop.begin(stage)
            let known = range ?? self.copy(line)
            range = known
            stage.add(known, of: self.label)
            if stage.isFull { isFull = true }
        }
        self.loop.eventEnded(isFull)
    }

    // MARK: Queues

    /// From now on the queue gets what its filter wants of this account's events.
    public func attach(_ queue: EventQueue) {
        guard queue.filter.accepts(account: self.account), !queue.isClosed else { return }
        guard !self.stages.contains(where: { $0.queue === queue }) else { return }
        self.stages.append(self.loop.join(queue))
    }

    public func detach(_ queue: EventQueue) {
        guard let index = self.stages.firstIndex(where: { $0.queue === queue }) else { return }
        self.loop.leave(self.stages[index])
        self.stages.remove(at: index)
    }

    public func detachAll() {
        for stage in self.stages { self.loop.leave(stage) }
        self.stages.removeAll()
    }

    /// Replaces the built-in consumers. Alerts about the former ones are resolved.
    public func setConsumers(_ consumers: [any PositionConsumer]) {
        for failure in self.failures { self.resolve(failure) }
        self.failures.removeAll()
        self.consumers.replace(with: consumers)
    }

    public var metrics: PipelineMetrics {
        self.loop.readClocksNow()
        var metrics = PipelineMetrics()
        metrics.emitted = self.emitted
        metrics.conflated = self.conflated
        metrics.withheld = self.withheld
        metrics.consumerErrors = self.consumerErrors
        metrics.eventsPerSecond = self.meter.rate(second: self.loop.second, total: self.emitted)
        metrics.lastEventTime = self.lastEventTime == 0 ? nil : self.lastEventTime
        metrics.latencyP50 = self.latency.percentile(50)
        metrics.latencyP99 = self.latency.percentile(99)
        return metrics
    }

    // MARK: Measuring

    @inline(__always)
    private func measure(_ update: PositionUpdate) {
        self.lastEventTime = self.loop.wall
        self.conflated &+= Int64(update.conflated)
        if self.loop.second != self.meter.second { self.advanceMeter() }
        if update.receivedUptime != 0 {
            let now = self.loop.uptime
            // A sample is as good as all of them, and most events then need not touch the distribution.
            self.sampleIn &-= 1
            if self.sampleIn < 0 {
                // At irregular distances, or what comes at regular ones would be seen always or never.
                self.sampleSeed = self.sampleSeed &* 0x5851_F42D_4C95_7F2D &+ 0x1405_7B7E_F767_814F
                self.sampleIn = Int(truncatingIfNeeded: self.sampleSeed >> 61)
                let waited = now > update.receivedUptime ? now &- update.receivedUptime : 0
                self.latency.record(microseconds: waited / 1_000)
            }
        }
    }

    private func advanceMeter() {
        self.meter.advance(to: self.loop.second, total: self.emitted)
    }

    // MARK: Staging

    @inline(__always)
    private func stage(_ update: PositionUpdate, kind: EventKinds, n: Int64) {
        var range: Range<Int>?
        var isFull = false
        var hasClosed = false
        for stage in self.stages {
            if stage.queue.isClosed { hasClosed = true; continue }
            guard stage.accepts(kind: kind, symbol: update.position.key.symbol) else { continue }
            self.loop.begin(stage)
            if stage.isConflating, !update.cause.isLifecycle {
                let mark = ParkedMark(label: self.label, update: update, n: n, emittedTime: self.loop.wall)
                stage.add(mark)
            } else {
                let known = range ?? self.encode(update, n: n)
                range = known
                stage.add(known, of: self.label)
            }
            if stage.isFull { isFull = true }
        }
        if hasClosed { self.dropClosedStages() }
        self.loop.eventEnded(isFull)
    }

    @inline(__always)
    private func encode(_ update: PositionUpdate, n: Int64) -> Range<Int> {
        let arena = self.loop.arena
        let start = arena.count
        self.encoder.append(update, n: n, emittedTime: self.loop.wall, to: arena)
        return start..<arena.count
    }

    private func copy(_ line: [UInt8]) -> Range<Int> {
        let arena = self.loop.arena
        let start = arena.count
        let room = arena.reserve(line.count)
        UnsafeMutableRawBufferPointer(start: room, count: line.count).copyBytes(from: line)
        arena.commit(line.count)
        return start..<arena.count
    }

    /// An event that is not a mark: rare, and kept in the recent ones.
    private func stageRemembered(_ update: PositionUpdate, n: Int64) {
        let line = PositionLine.bytes(update, label: self.label, n: n, emittedTime: self.loop.wall)
        let kind = EventKinds(update.cause)
        self.willTell?(update, line, n)
        self.remember(line, kind: kind, symbol: update.position.key.symbol, n: n)
        if !self.stages.isEmpty { self.stage(update, kind: kind, n: n) }
    }

    private func remember(_ line: [UInt8], kind: EventKinds, symbol: String, n: Int64) {
        self.loop.recent.append(
            RecentEvents.Event(
                account: self.account,
                symbol: symbol,
                kind: kind,
                n: n,
                emittedTime: self.loop.wall,
                // The line's own memory is larger than it.
                line: line.withUnsafeBufferPointer { Array($0) }
            )
        )
    }

    private func dropClosedStages() {
        for stage in self.stages where stage.queue.isClosed { self.loop.leave(stage) }
        self.stages.removeAll { $0.queue.isClosed }
    }

    // MARK: Consumers

    @inline(__always)
    private func handOver(_ update: PositionUpdate, n: Int64) {
        // A consumer may cause events, and even a change of the consumers, while it is called.
        let isOutermost = self.consumers.beginCalling()
        var next = self.consumers.start
        while let member = next {
            member._withUnsafeGuaranteedRef { member in
                next = ConsumerList.next(after: member)
                do {
                    try member.consumer.handle(update, n: n)
                    if self.hasFailures { self.consumerSucceeded(member.index, update.position.key) }
                } catch {
                    self.consumerFailed(member.index, update.position.key, error)
                }
            }
        }
        if isOutermost { self.consumers.endCalling() }
    }

    private func consumerFailed(_ index: Int, _ key: PositionKey, _ error: any Error) {
        self.consumerErrors &+= 1
        let text = "\(self.consumers.name(index)) failed at \(key): \(error)"
        self.onConsumerFailure?(text)
        guard self.failures.insert(Failure(consumer: index, key: key)).inserted else { return }
        self.emitConsumerAlert(index, key, .opened, text)
    }

    private func consumerSucceeded(_ index: Int, _ key: PositionKey) {
        let failure = Failure(consumer: index, key: key)
        if self.failures.remove(failure) != nil { self.resolve(failure) }
    }

    private func resolve(_ failure: Failure) {
        let name = self.consumers.name(failure.consumer)
        self.emitConsumerAlert(failure.consumer, failure.key, .resolved, "\(name) handles \(failure.key) again")
    }

    private func emitConsumerAlert(_ index: Int, _ key: PositionKey, _ state: PipelineEvent.Alert.State, _ text: String)
    {
        self.emit(
            .alert(
                PipelineEvent.Alert(
                    code: "consumer_failed",
                    severity: .warning,
                    state: state,
                    symbol: key.symbol,
                    text: text
                )
            )
        )
    }
}

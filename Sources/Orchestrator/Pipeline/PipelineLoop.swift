public import HybridStream

/// What the pipelines of one event loop share: the memory in which lines are written, the batches for each queue, and a
/// reading of the clock. Confined to the loop.
///
/// Whoever drives the accounts calls ``batchEnded()`` when it has handed on everything a read has brought. Until then
/// queues have not seen the events.
public final class PipelineLoop {
    let arena = LineArena()
    let sharedText = SharedMarkText()
    let recent: RecentEvents
    let clock: TimeSource
    private var stages: [ObjectIdentifier: SinkStage] = [:]
    @exclusivity(unchecked) private var dirty: [SinkStage] = []

    /// The clocks as last read: nanoseconds, milliseconds, and the whole seconds of the first.
    @exclusivity(unchecked) private(set) var uptime: UInt64 = 0
    @exclusivity(unchecked) private(set) var wall: Int64 = 0
    @exclusivity(unchecked) private(set) var second: Int64 = 0
    @exclusivity(unchecked) private var readsLeft = 0

    /// So many events share a reading of the clocks at most. They are microseconds apart.
    private static let eventsPerReading = 16
    /// The batch is handed over early when its lines exceed this.
    private static let batchBytes = 16 * 1_024

    /// - Parameter recent: shared by all loops of the process.
    public init(recent: RecentEvents, clock: TimeSource = .system) {
        self.recent = recent
        self.clock = clock
    }

    /// Hands the events since the last call to the queues: one lock per queue.
    public func batchEnded() {
        self.readsLeft = 0
        guard !self.dirty.isEmpty else {
            self.arena.removeAll()
            return
        }
        for stage in self.dirty { stage.flush(from: self.arena) }
        self.dirty.removeAll(keepingCapacity: true)
        self.arena.removeAll()
    }

    /// Reads the clocks, or takes the last reading if it cannot be older than the frame and is recent.
    @inline(__always)
    func readClocks(notBefore frame: UInt64) {
        if self.readsLeft > 0, frame <= self.uptime {
            self.readsLeft &-= 1
        } else {
            self.readClocksNow()
        }
    }

    func readClocksNow() {
        self.uptime = UInt64(max(0, self.clock.uptime().nanoseconds))
        self.wall = self.clock.wall()
        self.second = Int64(truncatingIfNeeded: self.uptime / 1_000_000_000)
        self.readsLeft = PipelineLoop.eventsPerReading - 1
    }

    // MARK: Stages

    func join(_ queue: EventQueue) -> SinkStage {
        let id = ObjectIdentifier(queue)
        let stage = self.stages[id] ?? SinkStage(queue: queue)
        self.stages[id] = stage
        stage.users += 1
        return stage
    }

    func leave(_ stage: SinkStage) {
        stage.users -= 1
        if stage.users == 0 { self.stages[ObjectIdentifier(stage.queue)] = nil }
    }

    /// To be called before something is added to a stage.
    @inline(__always)
    func begin(_ stage: SinkStage) {
        if stage.begin() { self.dirty.append(stage) }
    }

    /// To be called when an event is staged everywhere.
    @inline(__always)
    func eventEnded(_ isFull: Bool) {
        if isFull || self.arena.count > PipelineLoop.batchBytes { self.flushEarly() }
    }

    private func flushEarly() {
        let left = self.readsLeft
        self.batchEnded()
        self.readsLeft = left
    }
}

import Dispatch
import HybridStream
import NIOCore

/// The time of one simulation, and everything that is to happen in it, in order. One thread; the same calls give the same
/// order always.
final class VirtualTime: @unchecked Sendable {
    private struct Entry {
        let due: Int64
        let order: UInt64
        let loop: VirtualLoop?
        let body: () -> Void
        /// Called instead of `body` if that will never happen.
        let drop: (() -> Void)?
    }

    /// Nanoseconds since the start of the simulation, which is long after the start of the clock.
    private(set) var nanoseconds: Int64 = VirtualTime.start
    static let start: Int64 = 1_000_000_000_000
    private var heap: [Entry] = []
    private var order: UInt64 = 0
    private var cancelled: Set<UInt64> = []
    /// The loop whose task runs now.
    private(set) var currentLoop: VirtualLoop?
    /// How many things have happened at this instant. When it is too many, time stands still for ever.
    private var stepsNow = 0
    private static let mostStepsAtOnce = 100_000
    var isStuck: Bool { self.stepsNow > Self.mostStepsAtOnce }
    /// How many things have happened.
    private(set) var steps = 0
    /// Added to the wall clock: an operator or NTP puts it right or wrong.
    var wallShift: Int64 = 0
    static let wallStart: Int64 = 1_790_000_000_000

    var now: Uptime { Uptime(nanoseconds: self.nanoseconds) }
    /// Milliseconds since 1970 by the exchange's clock.
    var exchangeTime: Int64 { Self.wallStart + (self.nanoseconds - 1_000_000_000_000) / 1_000_000 }

    var source: TimeSource {
        TimeSource(uptime: { self.now }, wall: { self.exchangeTime + self.wallShift })
    }

    /// Seconds since the start.
    var seconds: Double { Double(self.nanoseconds - 1_000_000_000_000) / 1e9 }

    @discardableResult
    func schedule(
        at due: Int64,
        on loop: VirtualLoop? = nil,
        orDrop drop: (() -> Void)? = nil,
        _ body: @escaping () -> Void
    ) -> UInt64 {
        self.order += 1
        self.push(Entry(due: max(due, self.nanoseconds), order: self.order, loop: loop, body: body, drop: drop))
        return self.order
    }

    @discardableResult
    func schedule(in delay: Duration, on loop: VirtualLoop? = nil, _ body: @escaping () -> Void) -> UInt64 {
        self.schedule(at: self.nanoseconds + delay.nanoseconds, on: loop, body)
    }

    func cancel(_ order: UInt64) { self.cancelled.insert(order) }

    /// Lets everything happen that is due up to `end`; `after` is called after each step. Stops when it returns false.
    func run(until end: Int64, _ after: () -> Bool) {
        while let next = self.heap.first, next.due <= end {
            self.pop()
            if !self.cancelled.isEmpty, self.cancelled.remove(next.order) != nil { continue }
            if next.loop?.isDead == true {
                self.drop(next)
                continue
            }
            if next.due > self.nanoseconds {
                self.nanoseconds = next.due
                self.stepsNow = 0
            }
            self.stepsNow += 1
            if self.stepsNow > Self.mostStepsAtOnce { return }
            self.currentLoop = next.loop
            next.body()
            self.currentLoop = nil
            self.steps += 1
            if !after() { return }
        }
        self.nanoseconds = max(self.nanoseconds, end)
    }

    /// Does something as if a task of the loop did it: to look at what is confined to the loop.
    func act<Value>(on loop: VirtualLoop, _ body: () -> Value) -> Value {
        let outer = self.currentLoop
        self.currentLoop = loop
        defer { self.currentLoop = outer }
        return body()
    }

    /// The simulation is over: what has not happened will not.
    func dropAll() {
        while let next = self.heap.first {
            self.pop()
            if self.cancelled.remove(next.order) == nil { self.drop(next) }
        }
        self.cancelled = []
    }

    private func drop(_ entry: Entry) {
        guard let loop = entry.loop else { return }
        self.act(on: loop) { entry.drop?() }
    }

    // MARK: Heap

    private func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        left.due != right.due ? left.due < right.due : left.order < right.order
    }

    private func push(_ entry: Entry) {
        self.heap.append(entry)
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard self.isBefore(self.heap[child], self.heap[parent]) else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    private func pop() {
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return }
        self.heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < self.heap.count && self.isBefore(self.heap[child], self.heap[least]) {
                least = child
            }
            if least == parent { return }
            self.heap.swapAt(least, parent)
            parent = least
        }
    }
}

/// An event loop in virtual time. What one loop gives to another arrives a little later, as between threads.
final class VirtualLoop: EventLoop, @unchecked Sendable {
    private let time: VirtualTime
    /// How long a hop from another loop takes.
    var hop = Duration.microseconds(20)
    /// The process it belonged to is gone: nothing on it happens any more.
    var isDead = false

    init(_ time: VirtualTime) { self.time = time }

    var now: NIODeadline { .uptimeNanoseconds(UInt64(self.time.nanoseconds)) }
    var inEventLoop: Bool { self.time.currentLoop === self }

    func execute(_ task: @escaping @Sendable () -> Void) {
        if self.isDead { return }
        self.time.schedule(in: self.inEventLoop ? .zero : self.hop, on: self, task)
    }

    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = self.makePromise(of: T.self)
        let due = Int64(clamping: deadline.uptimeNanoseconds)
        let order = self.time.schedule(at: due, on: self, orDrop: { promise.fail(EventLoopError.shutdown) }) {
            // On this loop and no other, so nothing crosses a thread.
            do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) }
        }
        return Scheduled(promise: promise, cancellationTask: { self.time.cancel(order) })
    }

    func scheduleTask<T>(in amount: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        self.scheduleTask(deadline: self.now + amount, task)
    }

    func preconditionInEventLoop(file: StaticString, line: UInt) {
        precondition(self.inEventLoop, file: file, line: line)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        callback(nil)
    }
}

/// Runs what waits for REST, in virtual time.
final class VirtualExecutor: TaskExecutor, @unchecked Sendable {
    private let time: VirtualTime

    init(_ time: VirtualTime) { self.time = time }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        self.time.schedule(in: .zero) { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

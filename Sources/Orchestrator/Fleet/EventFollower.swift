import NIOCore
import Synchronization

/// One follower of the event stream: a bounded queue, and the recorded events it begins with.
final class EventFollower: EventSubscription, Sendable {
    let queue: EventQueue
    /// It gets what streams say that run beside REST, too.
    let wantsShadow: Bool
    private let pending: Mutex<ByteBuffer?>
    private let onEnd: @Sendable (EventFollower) -> Void
    private let hasEnded = Atomic<Bool>(false)

    init(queue: EventQueue, wantsShadow: Bool, onEnd: @escaping @Sendable (EventFollower) -> Void) {
        self.queue = queue
        self.wantsShadow = wantsShadow
        self.pending = Mutex(nil)
        self.onEnd = onEnd
    }

    /// What the follower gets before anything new.
    func begin(with lines: ByteBuffer) {
        if lines.readableBytes > 0 { self.pending.withLock { $0 = lines } }
    }

    func next() async -> ByteBuffer? {
        let recorded = self.pending.withLock { pending -> ByteBuffer? in
            defer { pending = nil }
            return pending
        }
        if let recorded { return recorded }
        var lines: [UInt8] = []
        while !Task.isCancelled {
            switch self.queue.drain(into: &lines) {
            case .lines: return ByteBuffer(bytes: lines)
            case .empty: await self.queue.ready()
            case .closed:
                self.cancel()
                return nil
            }
        }
        self.cancel()
        return nil
    }

    func finish() { self.queue.finish() }

    func cancel() {
        self.queue.close()
        if !self.hasEnded.exchange(true, ordering: .acquiringAndReleasing) { self.onEnd(self) }
    }
}

import Synchronization

/// How far a reader has got with its queue, to be asked from any thread: the ``EventQueue/takenPosition`` up to which
/// everything has arrived where it was to go.
final class QueueProgress: Sendable {
    private let arrived = Atomic<Int64>(0)
    private let lost = Atomic<Bool>(false)

    /// All that had been taken at this position has arrived.
    func advance(to position: Int64) { self.arrived.store(position, ordering: .releasing) }

    /// The reader is gone; nothing is left for it.
    /// - Parameter isComplete: false if something was given up.
    func end(isComplete: Bool) {
        if !isComplete { self.lost.store(true, ordering: .releasing) }
        self.arrived.store(.max, ordering: .releasing)
    }

    /// Nothing was given up.
    var isComplete: Bool { !self.lost.load(ordering: .acquiring) }

    /// Bytes that are still to arrive of those that the queue had got at a position; about, where marks are among them.
    func bytesLeft(before position: Int64) -> Int64 {
        max(0, position - self.arrived.load(ordering: .acquiring))
    }
}

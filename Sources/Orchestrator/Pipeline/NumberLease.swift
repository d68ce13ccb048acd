import Synchronization

/// The numbers an account may give to its events.
///
/// Numbers are leased from the store in large blocks, and a block is on disk before the first number of it is used; so
/// after a crash the next lease begins behind everything that was ever handed out. The next block is asked for when
/// half of one is left, without waiting: at 50,000 events a second of a single account the store has more than 100
/// seconds to answer.
///
/// If it does not (its disk is full or hangs), marks are no longer numbered from ``lifecycleReserve`` before the end: they
/// reach the built-in consumers, but no sink, and are counted. The reserve is kept for the events that must be
/// delivered. Should that run out too, which takes a million of them, they are numbered on: delivering them is worth more
/// than unique numbers after a crash that may not come.
public final class NumberLease: Sendable {
    /// How many numbers a block has. A crash skips at most so many.
    public static let blockSize: Int64 = 16_000_000
    /// With fewer left the next block is asked for.
    public static let refillBelow: Int64 = 8_000_000
    /// The last numbers of a block are for events that are not marks.
    public static let lifecycleReserve: Int64 = 1_000_000

    /// The first number to use.
    public let first: Int64
    private let limit: Atomic<Int64>
    private let isRequested = Atomic<Bool>(false)
    private let request: @Sendable (NumberLease) -> Void

    /// - Parameters:
    ///   - first: the first number to use.
    ///   - last: the last that may be used.
    ///   - request: asks for more without blocking; answered by ``extend(to:)`` or ``requestFailed()``.
    public init(first: Int64, last: Int64, request: @escaping @Sendable (NumberLease) -> Void) {
        self.first = first
        self.limit = Atomic(last)
        self.request = request
    }

    /// Numbers without a store behind them.
    public convenience init(unlimitedFrom first: Int64) {
        self.init(first: first, last: .max, request: { _ in })
    }

    /// The last number that may be used.
    public var last: Int64 { self.limit.load(ordering: .acquiring) }

    /// The store has the numbers up to `last` on disk.
    public func extend(to last: Int64) {
        self.limit.store(last, ordering: .releasing)
        self.isRequested.store(false, ordering: .releasing)
    }

    /// The store gave up; the next event asks again.
    public func requestFailed() {
        self.isRequested.store(false, ordering: .releasing)
    }

    /// Asks for the next block unless that is under way.
    func requestMore() {
        if !self.isRequested.exchange(true, ordering: .acquiringAndReleasing) { self.request(self) }
    }
}

/// Gives out the numbers of a lease. Confined to the account's loop.
struct EventNumbers {
    private let lease: NumberLease
    /// The number given out last.
    private(set) var last: Int64
    /// Behind this number the lease has to be looked at.
    private var checkBehind: Int64 = 0
    private var isMarkAllowed = true

    init(_ lease: NumberLease) {
        self.lease = lease
        self.last = lease.first - 1
        self.review()
    }

    /// The number for a mark; nil if none can be had at the moment.
    @inline(__always)
    mutating func nextForMark() -> Int64? {
        if self.last >= self.checkBehind {
            self.review()
            if !self.isMarkAllowed { return nil }
        }
        self.last &+= 1
        return self.last
    }

    /// The number for an event that must be delivered.
    mutating func next() -> Int64 {
        if self.last >= self.checkBehind { self.review() }
        self.last &+= 1
        return self.last
    }

    private mutating func review() {
        let limit = self.lease.last
        let left = limit - self.last
        self.isMarkAllowed = left > NumberLease.lifecycleReserve
        if left < NumberLease.refillBelow {
            self.lease.requestMore()
            // Look again soon, yet not at every event; at each one once marks are held back.
            self.checkBehind =
                self.isMarkAllowed ? min(self.last + 1_024, limit - NumberLease.lifecycleReserve) : self.last
        } else {
            self.checkBehind = limit - NumberLease.refillBelow
        }
    }
}

package import HybridStream

/// What a comparison has found within a sliding window: counts per sixtieth of it, so its size does not depend on how long
/// or how often is compared.
///
/// It keeps a time of its own that stands still while nothing is noted between two processes: a stored one goes on where it
/// ended.
package struct ComparisonEvidence: Sendable, Equatable, Codable {
    private struct Bucket: Sendable, Equatable, Codable {
        /// How many bucket lengths after the beginning it starts.
        var number: Int64
        var compared = 0
        var agreed = 0
        var differences = 0
        var worst = FixedPoint.zero
        /// In milliseconds of the evidence's own time.
        var worstTime: Int64 = 0

        /// A later one.
        mutating func add(_ other: Bucket) {
            self.compared += other.compared
            self.agreed += other.agreed
            self.differences += other.differences
            guard other.worst > self.worst else { return }
            self.worst = other.worst
            self.worstTime = other.worstTime
        }
    }

    /// What counts at one instant.
    package struct Counts: Sendable, Equatable {
        /// REST marks that were compared, and those of them that agreed.
        package var marksCompared = 0
        package var marksAgreed = 0
        /// Percent; zero if no divergence was confirmed.
        package var worstDivergence = FixedPoint.zero
        /// How long ago that was confirmed; zero without one.
        package var worstAge = Duration.zero
        /// Confirmed differences between positions.
        package var differences = 0

        package init() {}
    }

    private static let bucketCount: Int64 = 60

    /// Milliseconds.
    package private(set) var window: Int64
    /// Oldest first; only those in which something was noted.
    private var buckets: [Bucket] = []
    /// The evidence's own time in milliseconds, as of the newest note.
    private var time: Int64 = 0
    /// When that note was made; nil if no process that runs has made one.
    private var notedAt: Uptime?

    private enum CodingKeys: String, CodingKey {
        case window, buckets, time
    }

    /// - Parameter window: for how long a finding counts; a minute at least.
    package init(window: Duration) {
        self.window = Self.milliseconds(window)
    }

    private static func milliseconds(_ window: Duration) -> Int64 { max(60_000, window.milliseconds) }

    /// Findings count for another time from now on, also those that were made before.
    package mutating func setWindow(_ window: Duration) {
        let before = self.bucketLength
        guard Self.milliseconds(window) != self.window else { return }
        self.window = Self.milliseconds(window)
        let old = self.buckets
        self.buckets = []
        for var bucket in old {
            // Nobody knows when in its bucket a finding was made: at the end, so that none is forgotten too early.
            bucket.number = self.number(min(self.time, (bucket.number + 1) * before - 1))
            if self.buckets.last?.number == bucket.number {
                self.buckets[self.buckets.count - 1].add(bucket)
            } else {
                self.buckets.append(bucket)
            }
        }
    }

    /// A mark was compared.
    package mutating func noteMark(agreed: Bool, now: Uptime) {
        self.note(now) { bucket, _ in
            bucket.compared += 1
            if agreed { bucket.agreed += 1 }
        }
    }

    /// A mark's divergence was confirmed.
    /// - Parameter percent: how far apart.
    package mutating func noteDivergence(_ percent: FixedPoint, now: Uptime) {
        self.note(now) { bucket, time in
            guard percent > bucket.worst else { return }
            bucket.worst = percent
            bucket.worstTime = time
        }
    }

    /// A position was found to differ.
    package mutating func noteDifference(now: Uptime) {
        self.note(now) { bucket, _ in bucket.differences += 1 }
    }

    /// What was found within the window, and up to a sixtieth of it before.
    package func counts(now: Uptime) -> Counts {
        let time = self.time(at: now)
        var counts = Counts()
        var worstTime: Int64 = 0
        for bucket in self.buckets where self.counts(bucket, at: time) {
            counts.marksCompared += bucket.compared
            counts.marksAgreed += bucket.agreed
            counts.differences += bucket.differences
            if bucket.worst > counts.worstDivergence {
                counts.worstDivergence = bucket.worst
                worstTime = bucket.worstTime
            }
        }
        if counts.worstDivergence.isPositive { counts.worstAge = .milliseconds(time - worstTime) }
        return counts
    }

    private mutating func note(_ now: Uptime, _ body: (inout Bucket, _ time: Int64) -> Void) {
        let time = self.time(at: now)
        self.time = time
        self.notedAt = now
        let number = self.number(time)
        if self.buckets.last?.number != number {
            self.buckets = self.buckets.filter { self.counts($0, at: time) }
            self.buckets.append(Bucket(number: number))
        }
        body(&self.buckets[self.buckets.count - 1], time)
    }

    private func time(at now: Uptime) -> Int64 {
        guard let notedAt = self.notedAt else { return self.time }
        return self.time + max(0, (now - notedAt).milliseconds)
    }

    private func counts(_ bucket: Bucket, at time: Int64) -> Bool {
        bucket.number >= self.number(time - self.window)
    }

    private var bucketLength: Int64 { max(1, self.window / Self.bucketCount) }

    private func number(_ time: Int64) -> Int64 {
        let (quotient, rest) = time.quotientAndRemainder(dividingBy: self.bucketLength)
        return rest < 0 ? quotient - 1 : quotient
    }
}

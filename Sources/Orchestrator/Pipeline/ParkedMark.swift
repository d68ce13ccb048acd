import HybridStream

/// A `mark`, `stale` or `fresh` that waits for a slow reader, as values: it becomes text when it is read.
struct ParkedMark: Sendable {
    let label: AccountLabel
    private(set) var update: PositionUpdate
    /// The number of the newest event in it.
    private(set) var n: Int64
    private(set) var emittedTime: Int64

    init(label: AccountLabel, update: PositionUpdate, n: Int64, emittedTime: Int64) {
        self.label = label
        self.update = update
        self.n = n
        self.emittedTime = emittedTime
    }

    /// Whether a newer mark may take this one's place. Slots are numbered anew when an account restarts.
    func isOfSamePosition(as newer: ParkedMark) -> Bool {
        self.update.position === newer.update.position || self.update.position.key == newer.update.position.key
    }

    /// Takes the newest mark; the older one is counted.
    ///
    /// A reader follows `stale` by the field or by the causes `stale` and `fresh`. If one of those is among the merged
    /// events, the result carries the cause that agrees with the newest flag: right for both kinds of reader, since
    /// hearing `fresh` twice does no harm.
    mutating func merge(_ newer: ParkedMark) {
        let hasTransition = self.update.cause != .mark || newer.update.cause != .mark
        let merged = self.update.conflated + newer.update.conflated + 1
        self.update = newer.update
        self.update.conflated = merged
        if hasTransition { self.update.cause = newer.update.stale ? .stale : .fresh }
        self.n = newer.n
        self.emittedTime = newer.emittedTime
    }

    func appendLine(to bytes: inout [UInt8]) {
        bytes += PositionLine.bytes(self.update, label: self.label, n: self.n, emittedTime: self.emittedTime)
    }
}

import DequeModule
import HybridStream

/// What one reader has not read yet: lines, and, once there are too many, the newest mark of each position.
///
/// Lines are never dropped and never reordered. While the buffer conflates, marks are *parked*: at most one per
/// position, merged by ``ParkedMark/merge(_:)``. Per account `n` rises: before a line of an account is appended, its parked
/// marks are put in front of it.
struct ConflatingBuffer {
    /// Above this many waiting bytes marks are parked.
    static let defaultLimit = 4 * 1_024 * 1_024
    /// Lines are handed out in pieces of about this size.
    static let pieceSize = 48 * 1_024
    /// An append of this size is one of many: memory is taken from the pool at once instead of grown in steps.
    private static let manyBytes = 4 * 1_024
    /// What a waiting mark is counted as until it is text.
    static let parkedSize = 640

    private enum Segment {
        case lines([UInt8])
        case marks([ParkedMark])
    }

    /// What to read next.
    enum Piece {
        /// Lines were put into the caller's buffer.
        case lines
        /// To be written as lines by the caller, in this order.
        case marks([ParkedMark])
        case empty
    }

    var limit: Int
    private var segments = Deque<Segment>()
    /// The lines that are appended to, behind all segments.
    private var tail: [UInt8] = []
    private var parked: [String: [Int: ParkedMark]] = [:]
    /// Accounts in the order in which their first mark was parked, so that none is served twice before another. May
    /// name accounts that have nothing parked any more.
    private var parkedOrder = Deque<String>()

    /// Bytes of lines and of marks already put in order; parked marks are not in it.
    private(set) var waitingBytes = 0
    private(set) var parkedCount = 0
    /// All that was ever put in order, counted like ``waitingBytes``.
    private(set) var appendedBytes: Int64 = 0
    /// So much of it has been read.
    var takenBytes: Int64 { self.appendedBytes - Int64(self.waitingBytes) }
    /// How many events were merged away since the start.
    private(set) var conflated: Int64 = 0
    /// Marks are to be parked instead of appended. Stays on until the reader has caught up with everything.
    private(set) var isConflating = false

    init(limit: Int = ConflatingBuffer.defaultLimit) {
        self.limit = limit
    }

    var isEmpty: Bool { self.waitingBytes == 0 && self.parkedCount == 0 }

    // MARK: Writing

    /// Appends lines of any accounts.
    mutating func append(_ lines: UnsafeRawBufferPointer) {
        // Rare: a batch that was begun before the buffer started to conflate meets marks parked by another loop.
        if self.parkedCount > 0 { self.orderAllParked() }
        self.appendBytes(lines)
    }

    /// Appends a line of one account.
    mutating func append(_ line: UnsafeRawBufferPointer, account: String) {
        if self.parkedCount > 0 { self.orderParked(of: account) }
        self.appendBytes(line)
    }

    private mutating func appendBytes(_ bytes: UnsafeRawBufferPointer) {
        if self.tail.count + bytes.count > ConflatingBuffer.pieceSize, !self.tail.isEmpty { self.sealTail() }
        if self.tail.capacity == 0, bytes.count > ConflatingBuffer.manyBytes { self.tail = ChunkPool.shared.take() }
        self.tail.append(contentsOf: bytes)
        self.add(bytes.count)
        if self.waitingBytes > self.limit { self.isConflating = true }
    }

    private mutating func add(_ bytes: Int) {
        self.waitingBytes += bytes
        self.appendedBytes += Int64(bytes)
    }

    private mutating func sealTail() {
        guard !self.tail.isEmpty else { return }
        self.segments.append(.lines(self.tail))
        self.tail = ChunkPool.shared.take()
    }

    /// Keeps a mark, or merges it into the one that waits already.
    mutating func park(_ mark: ParkedMark) {
        let account = mark.label.name
        let slot = mark.update.slot
        if let waiting = self.parked[account]?[slot] {
            if waiting.isOfSamePosition(as: mark) {
                self.parked[account]?[slot]?.merge(mark)
                self.conflated += 1
                return
            }
            self.orderParked(of: account)
        }
        if self.parked[account] == nil { self.parkedOrder.append(account) }
        self.parked[account, default: [:]][slot] = mark
        self.parkedCount += 1
        if self.parkedOrder.count > 2 * self.parked.count + 64 { self.compactOrder() }
    }

    private mutating func compactOrder() {
        var seen: Set<String> = []
        let parked = self.parked
        self.parkedOrder.removeAll { parked[$0] == nil || !seen.insert($0).inserted }
    }

    /// Puts the parked marks of an account into line.
    mutating func orderParked(of account: String) {
        guard let marks = self.takeParked(of: account) else { return }
        self.sealTail()
        self.segments.append(.marks(marks))
        self.add(marks.count * ConflatingBuffer.parkedSize)
    }

    private mutating func orderAllParked() {
        while let account = self.parkedOrder.popFirst() { self.orderParked(of: account) }
    }

    private mutating func takeParked(of account: String) -> [ParkedMark]? {
        guard let marks = self.parked.removeValue(forKey: account) else { return nil }
        self.parkedCount -= marks.count
        return marks.values.sorted { $0.n < $1.n }
    }

    // MARK: Reading

    /// Takes the oldest piece. Lines are put into `buffer`, behind what it holds, as long as it stays below `maxBytes`
    /// (one piece is put into an empty buffer in any case, by swapping memory rather than copying).
    mutating func next(into buffer: inout [UInt8], maxBytes: Int) -> Piece {
        if case .lines(let lines) = self.segments.first, !buffer.isEmpty, buffer.count + lines.count > maxBytes {
            return .empty
        }
        switch self.segments.popFirst() {
        case .lines(var lines):
            self.waitingBytes -= lines.count
            if buffer.isEmpty { swap(&buffer, &lines) } else { buffer += lines }
            ChunkPool.shared.give(lines)
            self.endConflatingIfCaughtUp()
            return .lines
        case .marks(let marks):
            self.waitingBytes -= marks.count * ConflatingBuffer.parkedSize
            self.endConflatingIfCaughtUp()
            return .marks(marks)
        case nil:
            return self.nextWithoutSegments(into: &buffer, maxBytes: maxBytes)
        }
    }

    private mutating func nextWithoutSegments(into buffer: inout [UInt8], maxBytes: Int) -> Piece {
        if !self.tail.isEmpty {
            guard buffer.isEmpty || buffer.count + self.tail.count <= maxBytes else { return .empty }
            self.waitingBytes -= self.tail.count
            if buffer.isEmpty {
                swap(&buffer, &self.tail)
            } else {
                buffer += self.tail
                self.tail.removeAll(keepingCapacity: true)
            }
            ChunkPool.shared.reclaim(&self.tail)
            self.endConflatingIfCaughtUp()
            return .lines
        }
        while let account = self.parkedOrder.popFirst() {
            guard let marks = self.takeParked(of: account) else { continue }
            self.appendedBytes += Int64(marks.count * ConflatingBuffer.parkedSize)
            self.endConflatingIfCaughtUp()
            return .marks(marks)
        }
        return .empty
    }

    private mutating func endConflatingIfCaughtUp() {
        if self.isConflating, self.parkedCount == 0, self.waitingBytes <= self.limit / 2 { self.isConflating = false }
    }

    /// Forgets everything that waits.
    mutating func removeAll() {
        self = ConflatingBuffer(limit: self.limit, conflated: self.conflated, appendedBytes: self.appendedBytes)
    }

    private init(limit: Int, conflated: Int64, appendedBytes: Int64) {
        self.limit = limit
        self.conflated = conflated
        self.appendedBytes = appendedBytes
    }
}

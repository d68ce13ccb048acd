import HybridStream
import Orchestrator

/// Two readers of one account's lines, as a program outside has them: one that keeps up, one that sleeps.
///
/// The first must see every number. The second must see every event that is not a mark, in the same order, and few enough
/// marks that what waits for it stays small.
final class EventReader: @unchecked Sendable {
    let account: String
    private let time: VirtualTime
    private let oracle: Oracle
    private let quick = EventQueue(name: "quick")
    /// So little is kept for it that it has to conflate.
    private let slow = EventQueue(name: "slow", limit: EventReader.slowLimit)
    private var lastNumber: Int64 = 0
    private var lastSlowNumber: Int64 = 0
    private var firstSlowNumber: Int64 = 0
    private var slowLines: Int64 = 0
    private var slowConflated: Int64 = 0
    /// What the slow one has not seen yet.
    private var owed: [[UInt8]] = []
    private var openAlerts: Set<String> = []
    private var isEnded = false
    private(set) var recoveries = 0
    /// Called with the lines of the one that keeps up.
    var onLines: (([UInt8]) -> Void)?
    /// Called with each of its lines that is not about a position.
    var onStory: ((EventLine) -> Void)?

    private static let slowLimit = 4_096
    private static let marksPerLine = 12 * 700
    static let sleep = Duration.seconds(20)

    init(_ account: String, time: VirtualTime, oracle: Oracle) {
        self.account = account
        self.time = time
        self.oracle = oracle
    }

    /// On the account's loop.
    func attach(to pipeline: AccountPipeline) {
        pipeline.attach(self.quick)
        pipeline.attach(self.slow)
        self.quick.onReady { [weak self] in
            guard let self else { return }
            self.time.schedule(in: .zero) { self.readQuick() }
        }
        self.time.schedule(in: Self.sleep) { self.wakeSlow() }
    }

    func end() {
        self.isEnded = true
        self.quick.close()
        self.slow.close()
    }

    var unresolved: [String] { self.openAlerts.sorted() }

    private func readQuick() {
        guard !self.isEnded else { return }
        var buffer: [UInt8] = []
        while self.quick.drain(into: &buffer) == .lines {
            self.onLines?(buffer)
            for line in buffer.split(separator: UInt8(ascii: "\n")) { self.check(EventLine(line)) }
        }
    }

    private func check(_ line: EventLine) {
        if line.number <= self.lastNumber { self.complain("n \(line.number) after \(self.lastNumber)") }
        if self.lastNumber > 0, line.number != self.lastNumber + 1 {
            self.complain("n \(line.number) after \(self.lastNumber) though the reader keeps up")
        }
        self.lastNumber = line.number
        self.oracle.numbered(line.number, account: self.account)
        if line.event != "position.update" { self.note(line) }
        if !line.isMark { self.owed.append(line.bytes) }
    }

    private func note(_ line: EventLine) {
        self.oracle.onEvent?("\(self.account) \(String(decoding: line.bytes, as: UTF8.self))")
        self.onStory?(line)
        if line.event == "recovery" { self.recoveries += 1 }
        guard line.event == "alert" else { return }
        let code = "\(line.text("code")) \(line.text("symbol"))"
        if line.text("state") == "opened" {
            if !self.openAlerts.insert(code).inserted { self.complain("alert \(code): opened twice") }
        } else if self.openAlerts.remove(code) == nil {
            self.complain("alert \(code): resolved without having been opened")
        }
    }

    private func wakeSlow() {
        guard !self.isEnded else { return }
        self.readSlow()
        self.time.schedule(in: Self.sleep) { self.wakeSlow() }
    }

    func readSlow() {
        self.readQuick()
        let waiting = self.slow.statistics
        // Everything that may not be conflated, each with at most one mark of every position in front of it.
        let owed = self.owed.reduce(0) { $0 + $1.count + Self.marksPerLine }
        if waiting.waitingBytes > owed + 4 * Self.slowLimit { self.complain("\(waiting.waitingBytes) bytes wait") }
        var buffer: [UInt8] = []
        while self.slow.drain(into: &buffer) == .lines {
            for line in buffer.split(separator: UInt8(ascii: "\n")) { self.checkSlow(EventLine(line)) }
        }
        if !self.owed.isEmpty { self.complain("the slow reader lacks \(self.owed.count) events") }
        let holes = self.lastSlowNumber - self.firstSlowNumber + 1 - self.slowLines
        if self.slowLines > 0, holes > self.slowConflated {
            self.complain("the slow reader sees \(holes) holes, \(self.slowConflated) are explained")
        }
    }

    private func checkSlow(_ line: EventLine) {
        if self.firstSlowNumber == 0 { self.firstSlowNumber = line.number }
        if line.number <= self.lastSlowNumber {
            self.complain("slow reader: n \(line.number) after \(self.lastSlowNumber)")
        }
        self.lastSlowNumber = line.number
        self.slowLines += 1
        if line.isMark {
            self.slowConflated += line.integer("conflated")
            return
        }
        guard let next = self.owed.first else { return self.complain("slow reader: an event that nobody made") }
        if next != line.bytes { self.complain("slow reader: another event than the quick one") }
        self.owed.removeFirst()
    }

    private func complain(_ text: String) { self.oracle.complain("\(self.account): \(text)") }
}

/// A line of the event stream, read only as far as the checks need it.
struct EventLine {
    let bytes: [UInt8]
    let number: Int64
    let event: String
    /// A value that may be conflated.
    let isMark: Bool

    init(_ slice: ArraySlice<UInt8>) {
        self.bytes = Array(slice)
        self.number = Self.integer("n", in: self.bytes)
        self.event = Self.text("event", in: self.bytes)
        self.isMark =
            self.event == "position.update" && ["mark", "stale", "fresh"].contains(Self.text("cause", in: self.bytes))
    }

    func text(_ key: String) -> String { Self.text(key, in: self.bytes) }
    func integer(_ key: String) -> Int64 { Self.integer(key, in: self.bytes) }

    private static func text(_ key: String, in bytes: [UInt8]) -> String {
        let value = self.value(after: "\"\(key)\":\"", in: bytes).prefix { $0 != UInt8(ascii: "\"") }
        return String(decoding: value, as: UTF8.self)
    }

    private static func integer(_ key: String, in bytes: [UInt8]) -> Int64 {
        let value = self.value(after: "\"\(key)\":", in: bytes).prefix {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        return value.reduce(0) { $0 &* 10 &+ Int64($1 - UInt8(ascii: "0")) }
    }

    private static func value(after start: String, in bytes: [UInt8]) -> ArraySlice<UInt8> {
        let wanted = Array(start.utf8)
        return bytes.withUnsafeBufferPointer { text in
            wanted.withUnsafeBufferPointer { wanted in
                guard text.count > wanted.count else { return [] }
                var at = 0
                while at + wanted.count < text.count {
                    var matched = 0
                    while matched < wanted.count, text[at + matched] == wanted[matched] { matched += 1 }
                    if matched == wanted.count { return bytes[(at + matched)...] }
                    at += 1
                }
                return []
            }
        }
    }
}

import Glibc
import HybridStream

/// What a recording holds besides positions: which process acted when, and what became of its actions.
struct ReplaySurvey {
    struct Account {
        /// Of the process that was running when the recording begins.
        var isDryRun: Bool?
        /// Symbols of that process whose tick size became known in the recording only.
        var lateSymbols: Set<String> = []
        var hasStarted = false
        /// How many processes have begun in the recording.
        var lives = 0
        /// By `orderLinkId`.
        var actions: [String: Mention] = [:]
    }

    /// How an action is spoken of first.
    struct Mention {
        var action: RecordedAction
        var outcome: PipelineEvent.Action.Outcome
        var life: Int
    }

    private(set) var accounts: [String: Account] = [:]
    private(set) var tickSizes: [String: FixedPoint] = [:]

    /// Consumers were at work.
    var hasActed: Bool {
        self.accounts.values.contains { $0.lives > 0 || !$0.actions.isEmpty || !$0.lateSymbols.isEmpty }
    }

    init(_ recordings: [Recording]) throws(ReplayError) {
        let position: StaticString = "{\"v\":1,\"event\":\"position.update\""
        for recording in recordings {
            var lines = RecordedLines(recording)
            while let bytes = lines.next() {
                if bytes.count >= position.utf8CodeUnitCount, let start = bytes.baseAddress,
                    memcmp(start, position.utf8Start, position.utf8CodeUnitCount) == 0
                {
                    continue
                }
                guard let line = try lines.read(bytes) else { continue }
                self.take(line)
            }
        }
    }

    private mutating func take(_ line: RecordedLine) {
        switch line.kind {
        case .action:
            let account = self.accounts[line.account, default: Account()]
            if !account.hasStarted, account.isDryRun == nil {
                self.accounts[line.account, default: Account()].isDryRun = line.isDryRun
            }
            if account.actions[line.orderLinkID] == nil {
                let mention = Mention(action: line.recordedAction, outcome: line.outcome, life: account.lives)
                self.accounts[line.account, default: Account()].actions[line.orderLinkID] = mention
            }
        case .consumers:
            switch line.state {
            case .started:
                self.accounts[line.account, default: Account()].hasStarted = true
                self.accounts[line.account, default: Account()].lives += 1
            case .ready:
                if let size = line.tickSize { self.tickSizes[line.symbol] = size }
                if !self.accounts[line.account, default: Account()].hasStarted {
                    self.accounts[line.account, default: Account()].lateSymbols.insert(line.symbol)
                }
            case .stopped, nil: break
            }
        case .position, .other: break
        }
    }
}

/// The lines of a recording, counted.
struct RecordedLines {
    private let recording: Recording
    private let end: UnsafePointer<UInt8>?
    private(set) var at: UnsafePointer<UInt8>?
    private(set) var number = 0
    /// Lines that a kill has cut off.
    private(set) var cutOff = 0

    init(_ recording: Recording) {
        self.recording = recording
        self.at = recording.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        self.end = self.at.map { $0 + recording.bytes.count }
    }

    /// How many bytes are left.
    @inline(__always)
    var room: Int {
        guard let at = self.at, let end = self.end else { return 0 }
        return end - at
    }

    /// A line was understood without ``next()``.
    @inline(__always)
    mutating func advance(to next: UnsafePointer<UInt8>) {
        self.at = next
        self.number &+= 1
    }

    /// The next line that is not empty, without its line feed. The last line may have none: its writer was killed.
    mutating func next() -> UnsafeRawBufferPointer? {
        while let at = self.at, let end = self.end, at < end {
            self.number += 1
            let feed = memchr(at, 10, end - at).map { UnsafePointer($0.assumingMemoryBound(to: UInt8.self)) }
            self.at = feed.map { $0 + 1 } ?? end
            let line = UnsafeRawBufferPointer(start: at, count: (feed ?? end) - at)
            if line.contains(where: { $0 != 32 && $0 != 9 && $0 != 13 }) { return line }
        }
        return nil
    }

    /// - Returns: nil for a line that was cut off: the next process ends it, and what matters of it comes again behind it.
    mutating func read(_ line: UnsafeRawBufferPointer) throws(ReplayError) -> RecordedLine? {
        do {
            return try RecordedLine(line)
        } catch {
            switch error {
            case .cutOff:
                self.cutOff += 1
                return nil
            case .broken(let column, let reason):
                throw self.failure(column, "\(reason); a recording is what a jsonl sink writes")
            }
        }
    }

    func failure(_ column: Int, _ text: String) -> ReplayError {
        ReplayError("\(self.recording.name), line \(self.number), column \(column): \(text)")
    }
}

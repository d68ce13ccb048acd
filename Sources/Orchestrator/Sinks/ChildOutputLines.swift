import HybridStream

/// Cuts what a child writes to its standard output or error into lines for the log, and bounds them. Pure.
struct ChildOutputLines: Sendable {
    enum Entry: Sendable, Equatable {
        case line(String)
        /// So many lines were left out because there were too many in too short a time.
        case omitted(Int)
    }

    /// What a line has beyond this is left out.
    static let longestLine = 4_096
    /// At most so many lines in a second.
    static let linesPerSecond = 100

    private var line: [UInt8] = []
    private var isCut = false
    private var windowStart = Uptime.distantPast
    private var linesInWindow = 0
    private var omitted = 0

    mutating func take(_ bytes: some Sequence<UInt8>, now: Uptime) -> [Entry] {
        var entries: [Entry] = []
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                self.endLine(now, &entries)
            } else if self.line.count < ChildOutputLines.longestLine {
                self.line.append(byte)
            } else {
                self.isCut = true
            }
        }
        return entries
    }

    /// The output has ended; its last line may have no line feed.
    mutating func end(now: Uptime) -> [Entry] {
        var entries: [Entry] = []
        if !self.line.isEmpty { self.endLine(now, &entries) }
        self.reportOmitted(&entries)
        return entries
    }

    private mutating func endLine(_ now: Uptime, _ entries: inout [Entry]) {
        defer {
            self.line.removeAll(keepingCapacity: true)
            self.isCut = false
        }
        if now - self.windowStart >= .seconds(1) {
            self.windowStart = now
            self.linesInWindow = 0
            self.reportOmitted(&entries)
        }
        guard self.linesInWindow < ChildOutputLines.linesPerSecond else {
            self.omitted += 1
            return
        }
        self.linesInWindow += 1
        if self.line.last == UInt8(ascii: "\r") { self.line.removeLast() }
        entries.append(.line(String(decoding: self.line, as: UTF8.self) + (self.isCut ? " …" : "")))
    }

    private mutating func reportOmitted(_ entries: inout [Entry]) {
        if self.omitted > 0 { entries.append(.omitted(self.omitted)) }
        self.omitted = 0
    }
}

/// Takes secrets and comments out of the text of a file that was read without an error. Everything else stays as it is, line
/// by line.
struct SourceScrubber {
    private let bytes: [UInt8]
    private let starts: [Int]
    private var result: [UInt8] = []
    /// What comes before is done.
    private var position = 0
    /// Where the last place stood.
    private var place = (line: 1, column: 1, offset: 0)
    private var removedKeys = 0

    /// Nil for a text that is no YAML.
    static func text(of file: SourceFile) -> String? {
        do {
            let tree = try SourceTree(file)
            let secrets = tree.secrets()
            var scrubber = SourceScrubber(file)
            for (index, scalar) in tree.scalars.enumerated() {
                scrubber.add(scalar, isSecret: secrets.contains(index))
            }
            scrubber.copyGap(to: scrubber.bytes.count)
            return String(validating: scrubber.result, as: UTF8.self)
        } catch {
            return nil
        }
    }

    private init(_ file: SourceFile) {
        self.bytes = file.bytes
        self.starts = file.lineStarts()
        self.result.reserveCapacity(file.bytes.count)
    }

    private mutating func add(_ scalar: SourceTree.Scalar, isSecret: Bool) {
        let start = self.offset(line: Int(scalar.span.line), column: Int(scalar.span.column))
        let end = self.offset(line: Int(scalar.span.endLine), column: Int(scalar.span.endColumn))
        // What is not written, as the value of `key:`, has no extent.
        guard start < end, start >= self.position else { return }
        self.copyGap(to: start)
        let content = self.copyProperties(from: start, to: end)
        if isSecret {
            self.result += "\"\(self.marker(isKey: scalar.isKey))\"".utf8
            // A block of text ends with its last line break, and the next key wants a line of its own.
            if scalar.span.endColumn == 1, scalar.span.endLine > scalar.span.line { self.result.append(0x0A) }
        } else {
            self.copyContent(from: content, to: end)
        }
        self.position = end
    }

    /// Keys stay different from each other.
    private mutating func marker(isKey: Bool) -> String {
        guard isKey else { return ConfigurationSources.secretMarker }
        self.removedKeys += 1
        return "\(ConfigurationSources.secretMarker) \(self.removedKeys)"
    }

    /// Copies what stands between scalars. Whatever begins with `#` there is a comment.
    private mutating func copyGap(to end: Int) {
        var index = self.position
        while index < end {
            if self.bytes[index] == UInt8(ascii: "#") {
                index = self.endOfLine(from: index, before: end)
            } else {
                self.result.append(self.bytes[index])
                index += 1
            }
        }
        self.position = end
    }

    /// Copies the anchor and tag before a scalar's text, without comments between them.
    /// - Returns: where the text begins.
    private mutating func copyProperties(from start: Int, to end: Int) -> Int {
        var index = start
        while index < end {
            switch self.bytes[index] {
            case UInt8(ascii: "#") where index > start:
                index = self.endOfLine(from: index, before: end)
            case UInt8(ascii: "&"), UInt8(ascii: "!"):
                while index < end, self.bytes[index] > 0x20 {
                    self.result.append(self.bytes[index])
                    index += 1
                }
            case 0x20, 0x09, 0x0A, 0x0D:
                self.result.append(self.bytes[index])
                index += 1
            default:
                return index
            }
        }
        return index
    }

    private mutating func copyContent(from start: Int, to end: Int) {
        var index = start
        if start < end, self.bytes[start] == UInt8(ascii: "|") || self.bytes[start] == UInt8(ascii: ">") {
            // The line that a block of text begins with may have a comment.
            let line = self.endOfLine(from: start, before: end)
            let comment = self.bytes[start..<line].firstIndex(of: UInt8(ascii: "#")) ?? line
            self.result += self.bytes[start..<comment]
            index = line
        }
        self.result += self.bytes[index..<end]
    }

    private func endOfLine(from start: Int, before end: Int) -> Int {
        self.bytes.withUnsafeBufferPointer { bytes in
            var index = start
            while index < end, SourceFile.breakLength(bytes, at: index) == 0 { index += 1 }
            return index
        }
    }

    /// Places come in the order of the file, so that one way through it finds them all.
    private mutating func offset(line: Int, column: Int) -> Int {
        if line != self.place.line || column < self.place.column {
            let start = line <= self.starts.count ? self.starts[max(line, 1) - 1] : self.bytes.count
            self.place = (line, 1, start)
        }
        while self.place.column < column, self.place.offset < self.bytes.count {
            self.place.offset += 1
            while self.place.offset < self.bytes.count, self.bytes[self.place.offset] & 0xC0 == 0x80 {
                self.place.offset += 1
            }
            self.place.column += 1
        }
        return self.place.offset
    }
}

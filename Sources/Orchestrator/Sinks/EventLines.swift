import Glibc

/// Looks into lines of events that were written already.
enum EventLines {
    /// `cause` stands before anything of unknown length but the account's name, which has at most 63 bytes.
    private static let headLength = 220

    /// Whether a line may be replaced by a newer one: a `mark`, `stale` or `fresh`. Everything else has to be delivered.
    static func isMark(_ line: UnsafeRawBufferPointer) -> Bool {
        let key: StaticString = "\"cause\":\""
        let last = min(line.count, self.headLength) - key.utf8CodeUnitCount
        guard last >= 0 else { return false }
        for start in 0...last where line[start] == UInt8(ascii: "\"") && line[start + 1] == UInt8(ascii: "c") {
            let rest = UnsafeRawBufferPointer(rebasing: line[start...])
            guard self.begins(rest, key) else { continue }
            let value = UnsafeRawBufferPointer(rebasing: rest[key.utf8CodeUnitCount...])
            return self.begins(value, "mark\"") || self.begins(value, "stale\"") || self.begins(value, "fresh\"")
        }
        return false
    }

    private static func begins(_ bytes: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        guard let start = bytes.baseAddress, bytes.count >= word.utf8CodeUnitCount else { return false }
        return memcmp(start, word.utf8Start, word.utf8CodeUnitCount) == 0
    }

    /// Calls `body` for every line, with its line feed; the last one may be without.
    static func forEach(in bytes: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void) {
        bytes.withUnsafeBytes { all in
            guard let start = all.baseAddress else { return }
            var offset = 0
            while offset < all.count {
                let feed = memchr(start + offset, Int32(UInt8(ascii: "\n")), all.count - offset)
                let end = feed.map { UnsafeRawPointer($0) - start + 1 } ?? all.count
                body(UnsafeRawBufferPointer(rebasing: all[offset..<end]))
                offset = end
            }
        }
    }

    /// How many of the lines have to be delivered.
    static func lifecycleCount(in bytes: [UInt8]) -> Int {
        var count = 0
        self.forEach(in: bytes) { if !self.isMark($0) { count += 1 } }
        return count
    }
}

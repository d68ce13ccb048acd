import Glibc

/// Reads from the end of an event file how far the events of accounts were written.
enum LastNumbers {
    /// What a process has not known to be written when it was killed is not farther from the end than this.
    static let window = 64 * 1_024 * 1_024
    private static let chunkSize = 1_024 * 1_024

    /// By account: the number of its last whole line in the file, or in the one that was rotated last. Accounts without a
    /// line near the end are left out; so is everything if the file is not there or cannot be read from its end.
    static func inFile(_ path: String, of accounts: Set<String>) -> [String: Int64] {
        var search = Search(wanted: accounts)
        var left = self.window
        for path in [path, path + ".1"] where left > 0 && !search.wanted.isEmpty {
            self.read(path, &search, &left)
        }
        return search.found
    }

    private struct Search {
        var wanted: Set<String>
        var found: [String: Int64] = [:]

        mutating func take(_ line: ArraySlice<UInt8>) {
            guard let (account, n) = LastNumbers.head(line), self.wanted.remove(account) != nil else { return }
            self.found[account] = n
        }
    }

    private static func read(_ path: String, _ search: inout Search, _ left: inout Int) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, (status.st_mode & S_IFMT) == S_IFREG else { return }
        var end = Int(status.st_size)
        // The beginning of a line whose start lies in the chunk before. What follows the last line end is no whole line.
        var rest: [UInt8] = []
        var isWhole = false
        while end > 0, left > 0, !search.wanted.isEmpty {
            let start = max(0, end - self.chunkSize)
            var chunk = [UInt8](repeating: 0, count: end - start)
            let count = pread(descriptor, &chunk, chunk.count, off_t(start))
            guard count == chunk.count else { return }
            left -= count
            end = start
            chunk += rest
            var lineEnd = chunk.endIndex
            while let newline = chunk[..<lineEnd].lastIndex(of: UInt8(ascii: "\n")) {
                if isWhole { search.take(chunk[(newline + 1)..<lineEnd]) }
                isWhole = true
                lineEnd = newline
            }
            rest = Array(chunk[..<lineEnd])
        }
        if end == 0, isWhole { search.take(rest[...]) }
    }

    /// Account and number of a line; they stand before everything that differs. Nil for what is no event.
    static func head(_ line: ArraySlice<UInt8>) -> (account: String, n: Int64)? {
        guard let name = self.value(line, after: "\"account\":\"", until: UInt8(ascii: "\"")),
            let digits = self.value(name.rest, after: ",\"n\":", until: UInt8(ascii: ",")),
            let n = Int64(digits.text)
        else { return nil }
        return (name.text, n)
    }

    private static func value(
        _ line: ArraySlice<UInt8>,
        after key: String,
        until end: UInt8
    ) -> (text: String, rest: ArraySlice<UInt8>)? {
        let key = Array(key.utf8)
        // Close to the start, or this is no line of ours.
        guard let start = line.prefix(300).firstRange(of: key)?.upperBound,
            let stop = line[start...].firstIndex(of: end)
        else { return nil }
        return (String(decoding: line[start..<stop], as: UTF8.self), line[(stop + 1)...])
    }
}

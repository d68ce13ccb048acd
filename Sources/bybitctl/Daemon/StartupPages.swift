import Glibc

/// The code that only a start needs: reading the configuration, opening the store, the first connections.
///
/// Of what a daemon with few accounts has resident nine tenths are pages of its program and libraries that were touched
/// once. Given back, they count neither for this process nor against a limit of its control group; what is needed again
/// comes from the page cache, or from the disk like everything else of a program.
enum StartupPages {
    /// Gives back all pages of code. They are never written, so nothing is lost. Does nothing where the kernel does not say
    /// what is mapped.
    static func release() {
        guard let maps = fopen("/proc/self/maps", "r") else { return }
        defer { fclose(maps) }
        var buffer: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(buffer) }
        while getline(&buffer, &capacity, maps) > 0 {
            guard let buffer, let range = Self.code(String(cString: buffer)) else { continue }
            // Advice: if the kernel does not take it, the pages stay.
            _ = madvise(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, MADV_DONTNEED)
        }
    }

    /// The addresses of a line of the map, if it is code of a file: `start-end r-xp offset device inode path`.
    static func code(_ line: String) -> Range<UInt>? {
        let fields = line.split(maxSplits: 5, whereSeparator: { $0 == " " || $0 == "\n" })
        guard fields.count == 6, fields[1] == "r-xp", fields[4] != "0" else { return nil }
        let ends = fields[0].split(separator: "-")
        guard ends.count == 2, let start = UInt(ends[0], radix: 16), let end = UInt(ends[1], radix: 16), start < end
        else { return nil }
        return start..<end
    }
}

import Glibc

/// Bytes with an unreadable page on either side: a parser that looks one byte too far does not get away with it.
final class GuardedBytes {
    private let map: UnsafeMutableRawPointer
    private let page: Int
    private let capacity: Int

    init(capacity: Int) {
        self.page = Int(sysconf(Int32(_SC_PAGESIZE)))
        self.capacity = (capacity + self.page - 1) / self.page * self.page
        let total = self.capacity + 2 * self.page
        guard let map = mmap(nil, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), map != MAP_FAILED
        else { fatalError("no memory for a guarded buffer") }
        self.map = map
        mprotect(map, self.page, PROT_NONE)
        mprotect(map + self.page + self.capacity, self.page, PROT_NONE)
    }

    deinit { munmap(self.map, self.capacity + 2 * self.page) }

    /// The bytes end right before the upper guard.
    func atEnd<R>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let start = self.map + self.page + self.capacity - bytes.count
        return try self.place(bytes, at: start, body)
    }

    /// The bytes begin right behind the lower guard.
    func atStart<R>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try self.place(bytes, at: self.map + self.page, body)
    }

    private func place<R>(
        _ bytes: [UInt8],
        at start: UnsafeMutableRawPointer,
        _ body: (UnsafeRawBufferPointer) throws -> R
    ) rethrows -> R {
        start.copyMemory(from: bytes, byteCount: bytes.count)
        return try body(UnsafeRawBufferPointer(start: start, count: bytes.count))
    }
}

/// A text's bytes, for parsers that read frames in place.
func withBytes<R>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try Array(text.utf8).withUnsafeBytes { try body($0) }
}

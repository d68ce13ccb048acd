import Glibc

/// A file of recorded events in memory: JSON Lines, as the sinks write them.
public final class Recording {
    /// As errors call it.
    public let name: String
    let bytes: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// Opens a file. It is mapped, so that it may be larger than the memory.
    /// - Throws: ``ReplayError`` with the path and the reason.
    public init(path: String) throws(ReplayError) {
        self.name = path
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ReplayError("\(path) cannot be opened: \(Self.reason(errno))") }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw ReplayError("\(path) cannot be read: \(Self.reason(errno))")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ReplayError("\(path) is no regular file; a recording is a file that a jsonl sink has written")
        }
        let count = Int(status.st_size)
        if count == 0 {
            self.isMapped = false
            self.bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw ReplayError("\(path) cannot be mapped into memory: \(Self.reason(errno))")
        }
        madvise(start, count, MADV_SEQUENTIAL)
        self.isMapped = true
        self.bytes = UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Lines that are in memory already.
    public init(name: String, lines: [UInt8]) {
        self.name = name
        self.isMapped = false
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: lines.count, alignment: 16)
        copy.copyBytes(from: lines)
        self.bytes = UnsafeRawBufferPointer(copy)
    }

    deinit {
        if self.isMapped {
            munmap(UnsafeMutableRawPointer(mutating: self.bytes.baseAddress), self.bytes.count)
        } else {
            self.bytes.deallocate()
        }
    }

    private static func reason(_ code: Int32) -> String { String(cString: strerror(code)) }
}
